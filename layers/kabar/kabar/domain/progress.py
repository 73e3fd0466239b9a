"""How far a chunk is, for whoever watches a slow campaign [H1]."""

from collections.abc import Callable

from kabar.domain.slices import Clock

EVERY = 5000  # ms; nobody reads a report more often, and a fast chunk is done before


class Progress:
    """Tells now and then how far a chunk is that is being worked on; whoever works on it tells its end."""

    def __init__(self, clock: Clock, vector: Callable[[], bytes], tell: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._vector = vector
        self._tell = tell
        self._looked_at = clock.now()
        self._told = bytes(len(vector()))

    def look(self) -> None:
        """Tell it, if it is time and there is something new."""
        now = self._clock.now()
        if now - self._looked_at < EVERY:
            return
        self._looked_at = now
        vector = self._vector()
        if vector != self._told:
            self._told = vector
            self._tell(vector)

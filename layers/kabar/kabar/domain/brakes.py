"""What stops a lane by itself: a carrier that brings nothing, refuses the account, or refuses too many [F8]."""

from kabar.domain.handover import Refused
from kabar.domain.slices import Clock, Control, Slot, Stop, Tally

BREAKER = 3  # calls without any result in a row after which a lane stops trying
SAMPLE = 100  # messages with a result before a rate of refusals says anything
NO_RESULTS = "the carrier gives no results"
REFUSED = "refused"
SILENT = (
    "the carrier gave no answer to several calls in a row. It can't be asked what became of them, so those "
    "recipients are uncertain and not sent to again: find out what is wrong there, then resume"
)


class Brakes:
    """Those of one lane. While nothing of the campaign was accepted (not `proved`), one call that brings nothing
    stops it; it stops too once the carrier refuses more than the share `most_refused` of what it was handed.
    """

    def __init__(
        self, *, control: Control, clock: Clock, tally: Tally, proved: bool, most_refused: float
    ) -> None:
        self._control = control
        self._clock = clock
        self._tally = tally
        self._proved = proved
        self._most_refused = most_refused
        self._fruitless = 0

    @property
    def proved(self) -> bool:
        """Whether the carrier has accepted anything of this campaign."""
        return self._proved or self._tally.accepted > 0

    def brought(self) -> None:
        """A call brought something."""
        self._fruitless = 0

    def no_result(self, slot: Slot, until: int, *, lost_for_good: bool = False) -> int:
        """A call that brought nothing; several in a row stop the lane, so that no fresh slice meets the same.

        Returns the time (ms), `until` at least, before which its slice doesn't go on.
        """
        self._fruitless += 1
        until = max(until, self._clock.now() + (5_000 << self._fruitless))
        if self._fruitless >= (BREAKER if self.proved else 1):
            slot.stop = Stop(NO_RESULTS, until)
            if lost_for_good:
                self._control.pause(SILENT)
        return until

    def watch(self, slot: Slot) -> None:
        """Pause when the carrier refuses too many: a wrong sender or a wrong list should not go on."""
        known = self._tally.accepted + self._tally.rejected
        if known >= SAMPLE and self._tally.rejected > self._most_refused * known:
            share = 100 * self._tally.rejected // known
            self._control.pause(f"the carrier refused {share} % of the last {known} messages")
            slot.stop = Stop("too many refused")

    def refused(self, slot: Slot, error: Refused) -> int:
        """The account can't be used: nobody is settled by that, people have to mend it."""
        self._control.pause(str(error))
        slot.stop = Stop(REFUSED)
        return self._clock.now()

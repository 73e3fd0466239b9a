"""When messages that nobody watches may try a carrier again that gave no results lately [F8].

Closed: everything goes. Open: nothing goes until its time, then one message tries for all; a result closes it.
"""

from dataclasses import dataclass, replace

OPENS_AT = 3  # tries without a result in a row
FIRST = 10_000  # ms it is open at first; twice as long after each try in vain
LONGEST = 300_000
TRYING = 60_000  # ms after which one that tries for all is taken for dead: a sender's lease
SOON = 5_000  # ms after which to look again while somebody tries


@dataclass(frozen=True, slots=True)
class Circuit:
    """Of one account. Times are epoch ms: `changed_at` when it last failed, `since` when it opened, `trying` until
    when somebody tries for all; `level` is how often it opened in a row, 0 while it is closed.
    """

    failures: int = 0
    level: int = 0
    changed_at: int = 0
    open_until: int = 0
    since: int = 0
    trying: int = 0
    reason: str = ""

    def wait(self, now: int) -> int | None:
        """When (ms) to look again; None when there is nothing to wait for: it is closed, or somebody should try."""
        if self.level and self.open_until > now:
            return self.open_until
        if self.level and self.trying > now:
            return min(self.trying, now + SOON)
        return None

    def failed(
        self, started: int, now: int, reason: str, *, at_once: bool, jitter: float
    ) -> "Circuit | None":
        """After a try that began at `started`; None when it says nothing new. `jitter` is from 0 to 1."""
        if self.level and self.changed_at >= started:
            return None
        failures = self.failures + 1
        after = replace(self, failures=failures, changed_at=now, reason=reason, trying=0)
        if not (at_once or self.level or failures >= OPENS_AT):
            return after
        span = min(LONGEST, FIRST << min(self.level, 10))
        return replace(
            after,
            level=self.level + 1,
            open_until=now + int(span * (1 - jitter / 4)),
            since=self.since or now,
        )

"""How often one caller may call: so many requests a minute, over all processes (docs/decisions/0004)."""

import problems
from kabar.storage import rates
from kabar.storage.dynamo import Table
from problems import Problem

LOTS = 100  # a process takes a hundredth of the limit at a time: one write for that many calls


class Limits:
    """Counts one process's calls; `table` keeps the sum of all processes."""

    def __init__(self, table: Table, per_minute: int) -> None:
        self._table = table
        self._per_minute = per_minute
        self._lot = max(1, per_minute // LOTS)
        self._window = -1
        self._left: dict[tuple[str, str], int] = {}

    def take(self, workspace: str, who: str, now: int) -> None:
        """One call of `who` at `now` (epoch ms). Raises Problem (429) when it is one too many this minute."""
        window = now // rates.WINDOW_MS
        if window != self._window:
            self._window, self._left = window, {}
        left = self._left.get((workspace, who), 0)
        if left == 0:
            taken = rates.add(self._table, workspace, who, now, self._lot)
            left = min(self._lot, self._per_minute - (taken - self._lot))
        if left <= 0:
            self._left[workspace, who] = -1  # the rest of this minute is refused without asking
            seconds = -(-((window + 1) * rates.WINDOW_MS - now) // 1000)
            raise Problem(
                problems.RATE_LIMITED,
                f"You may call {self._per_minute} times a minute; go on in {seconds} s.",
                headers={"Retry-After": str(seconds)},
            )
        self._left[workspace, who] = left - 1

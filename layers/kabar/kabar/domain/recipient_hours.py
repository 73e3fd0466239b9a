"""Sending hours in the recipients' own time zones: all zones that a number may be in have to be open [G3].

Recipients are told apart by their zones, as `number_zones` names them. Zones whose hours have nothing in common within
LONGEST_WAIT, and NOWHERE, are *never* open: nobody waits for what would be given up before it could be sent. Times are
epoch milliseconds.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from kabar.domain.hours import Rules, SendingHours, Window
from kabar.domain.schedule import zone

NEVER: Final = 1 << 62
LONGEST_WAIT: Final = 60 * 86_400_000  # ms; what campaigns and requests are given up after
_AGAIN = 3_600_000  # ms after which *never* is looked at again


class Common:
    """The hours that several zones have in common."""

    def __init__(self, several: Sequence[SendingHours]) -> None:
        self._several = several

    def window(self, at: int) -> Window | None:
        """The common window that is open at `at`, else the next one; None when LONGEST_WAIT brings none."""
        until = at + LONGEST_WAIT
        while self._several and at < until:
            windows = [hours.window(at) for hours in self._several]
            common = Window(max(each.opens for each in windows), min(each.closes for each in windows))
            if common.opens < common.closes:
                return common
            at = common.opens  # before the last of them opens they have nothing in common
        return None


class RecipientHours:
    """When calls may begin, for one set of zones after the other. A call may take `call` ms until its deadline."""

    def __init__(self, rules: Rules, call: int) -> None:
        self._hours = rules.hours
        self._call = call
        self._known: dict[str, tuple[int, int, int | None]] = {}

    def opens(self, zones: str, at: int) -> int | None:
        """None when a call to somebody in `zones` may begin at `at`; else the opening that it waits for, or NEVER."""
        known = self._known.get(zones)
        if known is None or not known[0] <= at < known[1]:
            known = self._known[zones] = self._look(zones, at)
        return known[2]

    def earliest(self, several: Collection[str], at: int) -> int | None:
        """The opening that all of them wait for; None when something can be done for one of them at `at`."""
        openings = [self.opens(zones, at) for zones in several]
        waits = [opening for opening in openings if opening is not None and opening != NEVER]
        return min(waits) if len(waits) == len(openings) > 0 else None

    def common(self, zones: str) -> Common:
        """The hours that these zones have in common."""
        return Common([replace(self._hours, zone=zone(name)) for name in zones.split()])

    def _look(self, zones: str, at: int) -> tuple[int, int, int | None]:
        """From when on and until when the answer is what."""
        common = self.common(zones)
        window = common.window(at)
        if window and at >= window.last(self._call):
            window = common.window(window.closes)
        if window is None:
            return at, at + _AGAIN, NEVER
        if at < window.opens:
            return at, window.opens, window.opens
        return at, window.last(self._call), None

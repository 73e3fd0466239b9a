"""Who a campaign goes to, of the members of its list, and what each message comes to [E3] [F6].

The same rules for freezing the recipients and for the pre-flight: so one says what the other does.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from kabar.domain.composing import Composer
from kabar.domain.prices import Prices

MIN_DIGITS = 7
Member = tuple[str, Sequence[str]]
"""Mobile and params."""


class LeftOut(StrEnum):
    """Why a member is no recipient."""

    DUPLICATE = "duplicate"
    INVALID = "invalid"
    EMPTY = "empty"


class Row(NamedTuple):
    """A frozen recipient: `segments` of the merged text, `cost` in millionths of the currency of the plan."""

    mobile: str
    params: Sequence[str]
    segments: int
    cost: int = 0


@dataclass
class Selection:
    """Goes through members in the order of their numbers; `left_out` counts those it drops."""

    composer: Composer
    max_digits: int
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    _before: str = ""

    def texts(self, members: Iterable[Member]) -> Iterator[tuple[str, Sequence[str], str]]:
        """Mobile, params and text of each recipient."""
        for mobile, params in members:
            text = self.composer.text(params)
            why = self._why_not(mobile, text)
            self._before = mobile
            if why:
                self.left_out[why] += 1
            else:
                yield mobile, params, text

    def rows(self, members: Iterable[Member], prices: Prices | None) -> Iterator[Row]:
        """The recipients with what their messages come to."""
        count = self.composer.count
        for mobile, params, text in self.texts(members):
            segments = count(text).segments
            yield Row(mobile, params, segments, prices.cost(mobile, segments) if prices else 0)

    def _why_not(self, mobile: str, text: str) -> LeftOut | None:
        if mobile == self._before:  # a page of members came again
            return LeftOut.DUPLICATE
        if (
            not MIN_DIGITS <= len(mobile) - 1 <= self.max_digits
        ):  # the setting may be lower than at its import
            return LeftOut.INVALID
        return None if text else LeftOut.EMPTY  # no carrier takes a message without text


def left_out(member: Member, composer: Composer, max_digits: int) -> LeftOut | None:
    """Why this member is no recipient; None for one that is."""
    selection = Selection(composer, max_digits)
    recipients = [*selection.texts([member])]
    return None if recipients else next(iter(selection.left_out))

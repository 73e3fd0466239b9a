"""Message text with placeholders: parsed once, merged for every recipient [E1]."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PARAMS: Final = 6
_PLACEHOLDER: Final = re.compile(r"%%([0-9]+)%%")
_NUMBERS: Final = {str(number): number for number in range(1, PARAMS + 1)}


class UnknownPlaceholder(ValueError):
    """The text asks for a param that no member has, such as `%%7%%`; `position` counts characters from 0."""

    def __init__(self, placeholder: str, position: int) -> None:
        super().__init__(f"{placeholder} at position {position} is not one of %%1%% to %%{PARAMS}%%")
        self.placeholder = placeholder
        self.position = position


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed text: literals with a hole between each two, and for each hole the number of its param."""

    literals: tuple[str, ...]
    holes: tuple[int, ...]

    @property
    def placeholders(self) -> tuple[int, ...]:
        """The numbers of the params that the text uses, each once, in ascending order."""
        return tuple(sorted(set(self.holes)))

    def merge(self, params: Sequence[str]) -> str:
        """The text for one recipient, `params[0]` being param 1; a missing param is the empty string [E1].

        Params are inserted literally: one that contains `%%2%%` is not expanded.
        """
        if not self.holes:
            return self.literals[0]
        if len(params) < PARAMS:
            params = (*params, *("",) * (PARAMS - len(params)))
        pieces = [""] * (2 * len(self.holes) + 1)
        pieces[::2] = self.literals
        pieces[1::2] = [params[number - 1] for number in self.holes]
        return "".join(pieces)

    def missing(self, params: Sequence[str]) -> tuple[int, ...]:
        """The placeholders that this recipient's params leave empty, in ascending order [E1]."""
        return tuple(n for n in self.placeholders if n > len(params) or not params[n - 1])


def parse(text: str) -> Template:
    """Split `text` at its placeholders, from left to right: `%%%1%%` is a `%` and param 1 [E1].

    Raises UnknownPlaceholder for a number other than 1 to 6, written with one digit.
    """
    for found in _PLACEHOLDER.finditer(text):
        if found[1] not in _NUMBERS:
            raise UnknownPlaceholder(found[0], found.start())
    pieces = _PLACEHOLDER.split(text)
    return Template(tuple(pieces[::2]), tuple(_NUMBERS[number] for number in pieces[1::2]))

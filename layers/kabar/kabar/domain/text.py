"""Message text with placeholders: parsed once, merged for every recipient [E1]."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
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
    """A parsed text, made by `parse`."""

    holes: tuple[int, ...]  # the number of each placeholder, in the order of the text
    _format: str  # the literals, with `%s` in each hole: the fastest way to fill them
    _pick: Callable[[Sequence[str]], object]  # the param of each hole; of a single hole the bare string

    @property
    def placeholders(self) -> tuple[int, ...]:
        """The numbers of the params that the text uses, each once, in ascending order."""
        return tuple(sorted(set(self.holes)))

    def merge(self, params: Sequence[str]) -> str:
        """The text for one recipient, `params[0]` being param 1; a missing param is the empty string [E1].

        Params are inserted literally: one that contains `%%2%%` is not expanded.
        """
        if len(params) < PARAMS:
            params = (*params, *("",) * (PARAMS - len(params)))
        return self._format % self._pick(params)

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
    holes = tuple(_NUMBERS[number] for number in pieces[1::2])
    literals = (literal.replace("%", "%%") for literal in pieces[::2])
    pick = itemgetter(*(number - 1 for number in holes)) if holes else _nothing
    return Template(holes, "%s".join(literals), pick)


def _nothing(_: Sequence[str]) -> tuple[()]:
    return ()

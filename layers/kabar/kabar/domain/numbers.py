"""One number cell -> one mobile number in international form, or why not [B1]-[B5].

Nothing is guessed: whatever isn't a digit or a known separator rejects the cell by name.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kabar.domain import import_codes as codes

MIN_DIGITS = 7
MAX_DIGITS = 14  # the source's bound; E.164 allows 15, so it is a setting of the workspace [B2]

UNWRAPPED = 1
DIGITS_CONVERTED = 2
SEPARATORS_REMOVED = 4
PREFIX_MAPPED = 8
PLUS_ADDED = 16
CHANGES = {
    UNWRAPPED: "unwrapped",
    DIGITS_CONVERTED: "digits_converted",
    SEPARATORS_REMOVED: "separators_removed",
    PREFIX_MAPPED: "prefix_mapped",
    PLUS_ADDED: "plus_added",
}

_SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))  # U+3000 is the last space there is
# Soft hyphen, joiners, direction marks, byte order mark: what copying from web pages and phones leaves behind.
_ZERO_WIDTH = "".join(
    map(
        chr,
        [0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF],
    )
)
_FOREIGN_DIGITS = {
    first + value: str(value)
    for first in (0x0660, 0x06F0, 0xFF10)  # Arabic-Indic, its eastern form, full-width
    for value in range(10)
}
_REMOVE = str.maketrans("", "", _SPACES + _ZERO_WIDTH + "-.()/")
_REMOVE_ASCII = "".join(char for char in _SPACES + "-.()/" if char.isascii()).encode()
_REMOVE_INLINE = _REMOVE_ASCII.replace(b"\n", b"")  # between cells
_NO_BREAK_SPACE = "\u00a0".encode()  # the one that web pages and spreadsheets leave in numbers
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_TRUNK_ZERO = "(0)"
# dialled within the country and not from abroad: nobody means it as it stands behind a country code
_BEHIND_COUNTRY = re.compile(r"\s*'?\s*\+[0-9]{1,3}[\s-]*\(0\)").match
_DATE_OR_FRACTION = re.compile(
    r"\s*'?\s*(?:\+?[0-9]{7,}\.00?"  # what becomes of a number in a column of floats
    r"|(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0?[1-9]|[12][0-9]|3[01])([/.])(?:0?[1-9]|[12][0-9]|3[01])\1(?:19|20)[0-9]{2})\s*"
).fullmatch
_DATE_LENGTH = 9  # of its digits, behind an apostrophe
_WRAPPERS = frozenset("='")
_BETWEEN = re.compile(r"[;,|&+:]+")


class Number(NamedTuple):
    """A cleaned cell. `changes` are flags of CHANGES, 0 when it was `+<digits>` once trimmed.

    Rejected: `mobile` is empty, `code` says why and `detail` names the character that doesn't belong.
    """

    mobile: str
    changes: int = 0
    code: str = ""
    detail: str = ""


class Numbers:
    """How one workspace reads numbers. `prefixes` is {prefix: replacement}, both digits [B4].

    `refused` is asked about every mobile when validation is strict, which takes ten times as long [B3].
    """

    def __init__(
        self,
        prefixes: Mapping[str, str],
        max_digits: int = MAX_DIGITS,
        refused: Callable[[str], bool] | None = None,
    ) -> None:
        self._prefixes = dict(prefixes)
        self._lengths = sorted({len(prefix) for prefix in prefixes if prefix}, reverse=True)
        self._max_digits = max_digits
        self.refused = refused
        self.pattern = rf"\+[1-9][0-9]{{{MIN_DIGITS - 1},{max_digits - 1}}}"
        self._is_clean = re.compile(self.pattern).fullmatch
        self._usual = re.compile(rf"^(?:('?(?:{self.pattern}|[0-9]++))$|.*)", re.MULTILINE).findall

    def clean(self, cell: str) -> Number:
        """Read one cell, in the order of [B1]."""
        text, changes = cell.strip(), 0
        if text[:1] in _WRAPPERS:
            text, changes = _unwrapped(text)
        if not text.isascii():
            text, more = _plain(text)
            changes |= more
        plus = text[:1] == "+"
        written = text[1:] if plus else text
        if not written.isdigit() and (misread := _misread(text)):
            return Number("", 0, *misread)
        if written.isdigit():
            digits = written
        elif written.isascii():  # three times as fast in bytes
            digits = written.encode().translate(None, _REMOVE_ASCII).decode()
        else:
            digits = written.translate(_REMOVE)
        if plus:
            mobile = "+" + digits
        else:
            mapped, more = self._mapped(digits)
            mobile = "+" + mapped
            changes |= PLUS_ADDED | more
        if not self._is_clean(mobile) or not digits.isdigit():
            return _refused(text, digits, mobile)
        if len(digits) != len(written):
            changes |= SEPARATORS_REMOVED
        return Number(mobile, changes)

    def usual(self, cells: list[str]) -> tuple[list[str], list[int]]:
        """(mobiles, changes) as `clean` finds them, of the usual cells; a mobile of "" for all others.

        Usual is a number with separators, without a `+` or behind an apostrophe. The cells hold no line ends.
        All at once, for speed; and two lists, as many small tuples would keep the garbage collector busy.
        """
        if not cells:
            return [], []
        text = "\n".join(cells).encode().replace(_NO_BREAK_SPACE, b"").translate(None, _REMOVE_INLINE)
        mobiles: list[str] = self._usual(text.decode("latin-1"))  # whatever isn't ASCII matches nothing
        changes = [0] * len(cells)
        for at, (cell, found) in enumerate(zip(cells, mobiles, strict=True)):
            if not found:
                continue
            if (".0" in cell or _TRUNK_ZERO in cell or len(found) <= _DATE_LENGTH) and _misread(cell):
                mobiles[at] = ""
                continue
            if found[0] == cell[0] == "+":
                changes[at] = SEPARATORS_REMOVED if len(cell.rstrip()) > len(found) else 0
                continue
            written, digits, change = cell.strip(), found, 0
            if written[0] == "'" == digits[0]:
                written, digits, change = written[1:].strip(), digits[1:], UNWRAPPED
            if len(written) > len(digits):
                change |= SEPARATORS_REMOVED
            if digits[0] == written[0] == "+":
                mobiles[at], changes[at] = digits, change
                continue
            mapped, more = self._mapped(digits)
            if digits.isdigit() and MIN_DIGITS <= len(mapped) <= self._max_digits and mapped[0] != "0":
                mobiles[at], changes[at] = "+" + mapped, change | more | PLUS_ADDED
            else:
                mobiles[at] = ""
        return mobiles, changes

    def _mapped(self, digits: str) -> tuple[str, int]:
        """The longest prefix replaced, once [B4]."""
        for length in self._lengths:
            replacement = self._prefixes.get(digits[:length])
            if replacement is not None:
                return replacement + digits[length:], PREFIX_MAPPED
        return digits, 0


def change_names(changes: int) -> list[str]:
    """The names of the flags in `changes`."""
    return [name for flag, name in CHANGES.items() if changes & flag]


def _unwrapped(text: str) -> tuple[str, int]:
    """Without the `="…"` or the apostrophe by which spreadsheets keep a number as text [B5]."""
    inner = text
    if inner.startswith('="') and inner.endswith('"') and len(inner) > 2:
        inner = inner[2:-1].strip()
    if inner.startswith("'"):
        inner = inner[1:].strip()
    return inner, UNWRAPPED if inner != text else 0


def _plain(text: str) -> tuple[str, int]:
    """Without zero-width characters around it, so that a `+` behind one leads; foreign digits as ASCII [B5]."""
    trimmed = text.strip(_SPACES + _ZERO_WIDTH)
    converted = trimmed.translate(_FOREIGN_DIGITS)
    removed = SEPARATORS_REMOVED if trimmed != text else 0
    return converted, removed | (DIGITS_CONVERTED if converted != trimmed else 0)


def _misread(text: str) -> tuple[str, str] | None:
    """(code, detail) of what has the digits of a number once its separators are gone, and is none."""
    if _DATE_OR_FRACTION(text):
        return codes.NOT_A_NUMBER_CELL, ""
    if _TRUNK_ZERO in text and _BEHIND_COUNTRY(text):
        return codes.UNEXPECTED_CHARACTER, _TRUNK_ZERO
    return None


def _refused(text: str, digits: str, mobile: str) -> Number:
    """Name what keeps `text` from being a number.

    `digits` is what is left of it after the separators, `mobile` that in international form.
    """
    if not digits:
        return Number("", 0, codes.NUMBER_MISSING)
    if digits.isascii() and digits.isdigit():
        if mobile[1:2] == "0":
            return Number("", 0, codes.FIRST_DIGIT_ZERO)
        return Number("", 0, codes.TOO_SHORT if len(mobile) <= MIN_DIGITS else codes.TOO_LONG)
    if _SCIENTIFIC.fullmatch(text):
        return Number("", 0, codes.DIGITS_LOST)
    letter = next(filter(str.isalpha, digits), "")
    if letter:
        return Number("", 0, codes.LETTERS, letter)
    stranger = next(char for char in digits if not (char.isascii() and char.isdigit()))
    values = [value for value in _BETWEEN.split(digits) if value]
    if len(values) > 1 and all(value.isascii() and value.isdigit() for value in values):
        return Number("", 0, codes.TWO_VALUES, stranger)
    return Number("", 0, codes.UNEXPECTED_CHARACTER, stranger)

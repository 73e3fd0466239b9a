"""How many segments a text takes on the air [E2].

Source: 3GPP TS 23.038 (alphabets, national language tables) and TS 23.040 (140 octets for a message; a header of 6
when it has several parts, of 4 for one national table in a single part, of 7 for two; 9 and 12 with several parts).
An empty text is a message too, of one segment with no user data (TS 23.040, TP-UDL 0).
"""

import re
from collections.abc import Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = "\f^{}\\[~]|€"
TURKISH_BASIC: Final = BASIC.translate(str.maketrans("èìØøÆæ¡¿", "€ıĞğŞşİç"))  # locking shift, A.3.1
TURKISH_EXTENSION: Final = EXTENSION + "ĞİŞçğış"  # single shift, A.2.1

Alphabet = Literal["gsm7", "turkish_single", "turkish_locking", "turkish_both", "ucs2"]

_UCS2_UNITS: Final = (70, 67)
_ESCAPE: Final = "\x1b"
_HIGH_SURROGATES: Final = range(0xD8, 0xDC)
_LOW_SURROGATES: Final = range(0xDC, 0xE0)


class Encoding(StrEnum):
    """What a campaign may choose [E2]; each carrier says which of these it offers.

    Whatever is chosen, a text takes GSM-7 when that holds every character, unless `ucs2` was chosen; then the
    Turkish tables that were chosen; and UCS-2 when neither holds it.
    """

    GSM = "gsm"
    TURKISH_SINGLE = "turkish_single"
    TURKISH_LOCKING = "turkish_locking"
    TURKISH_BOTH = "turkish_both"
    UCS2 = "ucs2"


class Segments(NamedTuple):
    """`units` are septets in the 7-bit alphabets (extension characters take two) and UTF-16 units in UCS-2."""

    encoding: Alphabet
    units: int
    segments: int


Counter = Callable[[str], Segments]
"""The alphabet, length and segments of one merged text."""


def _ucs2(text: str) -> Segments:
    octets = text.encode("utf-16-be", "surrogatepass")
    units = len(octets) // 2
    single, part = _UCS2_UNITS
    return Segments("ucs2", units, 1 if units <= single else _unit_parts(octets, part))


def _septets(name: Alphabet, basic: str, extension: str, single: int, part: int, other: Counter) -> Counter:
    """Counts what the two tables hold, and leaves any other text to `other`."""
    # Group 1 begins at the first extension character. Possessive: a text outside is told in one pass.
    held = re.compile(f"[{re.escape(basic)}]*+([{re.escape(basic + extension)}]*+)").fullmatch
    escaped = "".join(character for character in extension if character not in basic)

    def count(text: str) -> Segments:
        found = held(text)
        if not found:
            return other(text)
        if not found[1]:
            units = len(text)
            return Segments(name, units, 1 if units <= single else -(-units // part))
        for character in escaped:  # so many searches in C cost a quarter of one `re.sub`
            if character in text:
                text = text.replace(character, _ESCAPE + character)
        units = len(text)
        return Segments(name, units, 1 if units <= single else _septet_parts(text, part))

    return count


def _septet_parts(septets: str, part: int) -> int:
    """Parts that end one short where an escape would lose its character to the next one."""
    start, parts = 0, 1
    while len(septets) - start > part:
        start += part
        if septets[start - 1] == _ESCAPE:
            start -= 1
        parts += 1
    return parts


def _unit_parts(octets: bytes, part: int) -> int:
    """Parts that end one UTF-16 unit short where a surrogate pair would be split."""
    start, parts = 0, 1
    while len(octets) - start > 2 * part:
        start += 2 * part
        if octets[start - 2] in _HIGH_SURROGATES and octets[start] in _LOW_SURROGATES:
            start -= 2
        parts += 1
    return parts


def _turkish(name: Alphabet, basic: str, extension: str, single: int, part: int) -> Counter:
    """A text that GSM-7 holds needs no national table, whose header would only cost room."""
    return _septets("gsm7", BASIC, EXTENSION, 160, 153, _septets(name, basic, extension, single, part, _ucs2))


count: Final = _septets("gsm7", BASIC, EXTENSION, 160, 153, _ucs2)
"""As `Encoding.GSM` counts: GSM-7 if it holds every character, else UCS-2 [E2]."""

COUNTERS: Final = MappingProxyType(
    {
        Encoding.GSM: count,
        Encoding.TURKISH_SINGLE: _turkish("turkish_single", BASIC, TURKISH_EXTENSION, 155, 149),
        Encoding.TURKISH_LOCKING: _turkish("turkish_locking", TURKISH_BASIC, EXTENSION, 155, 149),
        Encoding.TURKISH_BOTH: _turkish("turkish_both", TURKISH_BASIC, TURKISH_EXTENSION, 152, 146),
        Encoding.UCS2: _ucs2,
    }
)

HELD: Final = MappingProxyType(
    {
        Encoding.GSM: frozenset(BASIC + EXTENSION),
        Encoding.TURKISH_SINGLE: frozenset(BASIC + TURKISH_EXTENSION),
        Encoding.TURKISH_LOCKING: frozenset(TURKISH_BASIC + EXTENSION),
        Encoding.TURKISH_BOTH: frozenset(TURKISH_BASIC + TURKISH_EXTENSION),
    }
)
"""The characters of each choice's own tables."""


def outside(text: str, encoding: Encoding) -> list[str]:
    """The characters that make the text take UCS-2, each once, in its order; none when UCS-2 was chosen anyway."""
    if encoding is Encoding.UCS2 or COUNTERS[encoding](text).encoding != "ucs2":
        return []
    return [character for character in dict.fromkeys(text) if character not in HELD[encoding]]

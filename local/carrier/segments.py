"""How many segments a text takes: GSM 7-bit with its extension table, else UCS-2 (3GPP TS 23.038)."""

from dataclasses import dataclass
from functools import lru_cache

DEFAULT_TABLE = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION_TABLE = frozenset("\f^{}\\[~]|€")
LAST_OF_BASIC_PLANE = "\uffff"


@dataclass(frozen=True, slots=True)
class Encoding:
    """Room in units (septets or UTF-16 units) when a text is alone, and per part when it is not."""

    single: int
    part: int


GSM7 = Encoding(single=160, part=153)
UCS2 = Encoding(single=70, part=67)


@dataclass(frozen=True, slots=True)
class Size:
    """What a text costs, and how many more units fit before it costs another segment."""

    segments: int
    remaining: int


@lru_cache(maxsize=4096)
def measure(text: str) -> Size:
    """The size of a text; a two-unit character (ESC pair, surrogate pair) is never split over parts."""
    encoding, widths = _widths(text)
    total = sum(widths)
    if total <= encoding.single:
        return Size(1, encoding.single - total)
    parts, used = 1, 0
    for width in widths:
        if used + width > encoding.part:
            parts, used = parts + 1, 0
        used += width
    return Size(parts, encoding.part - used)


def _widths(text: str) -> tuple[Encoding, list[int]]:
    if DEFAULT_TABLE.union(EXTENSION_TABLE).issuperset(text):
        return GSM7, [2 if character in EXTENSION_TABLE else 1 for character in text]
    return UCS2, [2 if character > LAST_OF_BASIC_PLANE else 1 for character in text]

"""How many segments a text takes: GSM 7-bit with its tables, else UCS-2 (3GPP TS 23.038).

A text sent with a national language carries its tables' headers whether it needs them or not; a text that the
tables don't hold goes as UCS-2 without them. Guesses, where the carrier's documents are silent: `languageCode` TR
alone means the single shift table, and ES, PT and AUTODETECT change nothing here.
"""

from dataclasses import dataclass
from functools import lru_cache

DEFAULT_TABLE = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION_TABLE = frozenset("\f^{}\\[~]|€")
TURKISH_LOCKING_TABLE = frozenset(
    "@£$¥€éùıòÇ\nĞğ\rÅåΔ_ΦΓΛΩΠΨΣΘΞŞşßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "İABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§çabcdefghijklmnopqrstuvwxyzäöñüà"
)
TURKISH_SINGLE_TABLE = frozenset("\f^{}\\[~]|ĞİŞç€ğış")
LAST_OF_BASIC_PLANE = "\uffff"
OCTETS = 140
CONCATENATION, NATIONAL_TABLE = 5, 3  # octets of their elements in the header, which itself begins with one


@dataclass(frozen=True, slots=True)
class Language:
    """Which national tables a text is sent with."""

    single_shift: bool
    locking_shift: bool


@dataclass(frozen=True, slots=True)
class Size:
    """What a text costs, and how many more units fit before it costs another segment."""

    segments: int
    remaining: int


@lru_cache(maxsize=4096)
def measure(text: str, language: Language | None = None) -> Size:
    """The size of a text; a two-unit character (ESC pair, surrogate pair) is never split over parts."""
    basic = TURKISH_LOCKING_TABLE if language and language.locking_shift else DEFAULT_TABLE
    escaped = TURKISH_SINGLE_TABLE if language and language.single_shift else EXTENSION_TABLE
    if (basic | escaped).issuperset(text):
        tables = language.single_shift + language.locking_shift if language else 0
        widths = [1 if character in basic else 2 for character in text]
        alone, part = _septets(NATIONAL_TABLE * tables), _septets(NATIONAL_TABLE * tables + CONCATENATION)
    else:
        widths = [2 if character > LAST_OF_BASIC_PLANE else 1 for character in text]
        alone, part = OCTETS // 2, (OCTETS - 1 - CONCATENATION) // 2
    total = sum(widths)
    if total <= alone:
        return Size(1, alone - total)
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return Size(parts, part - used)


def _septets(elements: int) -> int:
    """How many fit beside a header with so many octets of elements."""
    header = 1 + elements if elements else 0
    return (OCTETS - header) * 8 // 7

"""Smart encoding: characters that would cost a text its 7-bit alphabet, by plain equivalents [E4]."""

import re
import unicodedata
from collections import Counter
from functools import cache
from typing import Final

from kabar.domain.segments import COUNTERS, HELD, Encoding

# What Unicode's own decompositions (NFKD) don't lead to.
_PLAIN: Final = {
    **dict.fromkeys("‘’‚‛′‵ʹʻʼʽʾʿˈ`´‹›＇", "'"),
    **dict.fromkeys("“”„‟″‶«»〝〞＂", '"'),
    **dict.fromkeys("‐‑‒–—―−⁃﹘﹣－", "-"),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("•‣·∙⋅●▪◦", "*"),
    **dict.fromkeys("\u200b\u200c\u2060\ufeff\u00ad\u200e\u200f\u202a\u202c", ""),
    **dict.fromkeys("\t\u2028\u1680", " "),
    "\u0085": "\n",
    "\u2029": "\n",
    "ı": "i",
    "đ": "d",
    "Đ": "D",
    "ħ": "h",
    "Ħ": "H",
    "ł": "l",
    "Ł": "L",
    "ŋ": "n",
    "Ŋ": "N",
    "œ": "oe",
    "Œ": "OE",
    "þ": "th",
    "Þ": "Th",
    "ð": "d",
    "Ð": "D",
    "ŧ": "t",
    "Ŧ": "T",
    "ĸ": "k",
    "ə": "e",
    "Ə": "E",
    "ø": "o",
    "Ø": "O",
    "æ": "ae",
    "Æ": "AE",
    "¡": "!",
    "¿": "?",
    "©": "(c)",
    "®": "(r)",
    "₺": "TL",
    "×": "x",
    "÷": "/",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "→": "->",
    "←": "<-",
    "✓": "v",
}
_MARKS: Final = range(0x300, 0x370)  # combining accents of the Latin alphabet
_ACCENTED: Final = re.compile("(?s).[\u0300-\u036f]+")
_LETTER: Final = re.compile("(?s).[\u0300-\u036f]*")


class _Replacements(dict[int, str]):
    """For `str.translate`: what each character becomes, found out when it first comes by; `kept` stay."""

    def __init__(self, held: frozenset[str], kept: frozenset[str]) -> None:
        self._held = held
        self._kept = kept

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if character in self._kept else self._plain(character)
        return self[code]

    def _plain(self, character: str) -> str:
        """Its equivalent in the alphabet; itself where there is none."""
        if character in _PLAIN:
            return _PLAIN[character]
        composed = unicodedata.normalize("NFC", character)
        if composed in self._held:
            return composed
        spelled = unicodedata.normalize("NFKD", character)
        letters = (_PLAIN.get(each, each) for each in spelled if ord(each) not in _MARKS)
        plain = "".join(letters)
        return plain if self._held.issuperset(plain) else character


@cache
def _tables(encoding: Encoding) -> tuple[_Replacements, _Replacements]:
    held = HELD[encoding]
    return _Replacements(held, held | HELD[Encoding.GSM]), _Replacements(held, held)


def plain(text: str, encoding: Encoding) -> str:
    """The text with plain equivalents of the characters that its encoding doesn't hold; others stay [E4].

    Letters keep the accents that the alphabet has: `é` stays, `ş` stays with a Turkish table and else becomes `s`.
    """
    if _fits(text, encoding):
        return text
    for table in _tables(encoding):
        text = _spelled(text, table)
        if _fits(text, encoding):
            break
    return text


def replaced(text: str, encoding: Encoding) -> Counter[tuple[str, str]]:
    """What `plain` replaces in this text, by what, how often; a letter and its combining accents are one."""
    if _fits(text, encoding):
        return Counter()
    lenient, strict = _tables(encoding)
    tables = (lenient,) if _fits(_spelled(text, lenient), encoding) else (lenient, strict)
    found: Counter[tuple[str, str]] = Counter()
    for letter, times in Counter(_LETTER.findall(text)).items():
        new = letter
        for table in tables:
            new = _spelled(new, table)
        if new != letter:
            found[letter, new] += times
    return found


def _fits(text: str, encoding: Encoding) -> bool:
    return encoding is Encoding.UCS2 or COUNTERS[encoding](text).encoding != "ucs2"


def _spelled(text: str, table: _Replacements) -> str:
    composed = _ACCENTED.sub(lambda letter: unicodedata.normalize("NFC", letter[0]), text)
    return composed.translate(table)

"""Opt-out commands and START words: which words they are, and whether a reply is one of them [I3].

A reply is a command when all of it is one, however it is written: case (Turkish İ and ı included), accents, width,
invisible characters, emoji, punctuation and spaces around or between its words don't matter. Saying it several
times ("STOP STOP") is saying it. Anything more makes it a sentence: "please stop", and "tidak berhenti", which is
two of the words and means the opposite.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

MAX_LENGTH = 50  # of a command, in characters
MAX_OWN = 200  # commands of a workspace, changed ones among them


class Means(StrEnum):
    """What a command asks for."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


@dataclass(frozen=True, slots=True)
class Command:
    """One word, or several, as it is shown; `own` ones were added by the workspace."""

    word: str
    means: Means
    enabled: bool = True
    own: bool = False


OPT_OUT_WORDS = (
    *("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT-OUT"),
    *("REMOVE", "TD", "ARRET"),
    *("RET", "İPTAL"),  # Turkish
    *("BERHENTI", "BATAL", "TIDAK"),  # Indonesian
    # the same in the languages and alphabets of other countries, none of them a word that answers a question
    *("STOPP", "ABMELDEN", "AFMELDEN", "DÉSABONNER", "BAJA", "SAIR", "СТОП", "ОТПИСАТЬСЯ", "ΣΤΟΠ", "הסר"),
    *("إيقاف", "توقف", "退订", "退訂", "配信停止", "수신거부", "ยกเลิก"),
    *(
        "DESUSCRIBIR",
        "DESCADASTRAR",
        "DISISCRIVI",
        "AFMELD",
        "AVREGISTRERA",
        "WYPISZ",
        "ODHLÁSIT",
        "DEZABONARE",
    ),
    *("LEIRATKOZÁS", "ОТПИСКА", "ВІДПИСАТИСЯ", "إلغاء الاشتراك", "取消订阅", "取消訂閱", "수신 거부"),
)
OPT_IN_WORDS = ("START", "UNSTOP", "BAŞLA", "BAŞLAT", "MULAI")
OFF_WORDS = (
    "YES",
    "EVET",
    "YA",
)  # START words elsewhere, which also answer a question: off until they are wanted

_MARKS = re.compile(
    "["
    "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # accents and what encloses a letter
    "\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed"  # Hebrew points, Arabic vowels and stretching
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # which picture of an emoji is meant
    "]"
)
_LOOKALIKES = str.maketrans(
    {0x1F150 + n: chr(ord("a") + n) for n in range(26)}  # letters in filled circles and squares
    | {0x1F170 + n: chr(ord("a") + n) for n in range(26)}
    | dict.fromkeys((0x115F, 0x1160, 0x3164, 0xFFA0))  # letters of Hangul that are blank
)
_REPEATED = re.compile(r"(.+?)(?: \1)*")
_REPEATS = 10  # more are no command, and would take long to look through
_LETTERS = {"L", "N", "M"}
_UNSEEN = "Cf"


def plain(text: str) -> str:
    """The text without case, accents and width; all of I, i, İ and ı become `i`."""
    small = unicodedata.normalize("NFKD", text).translate(_LOOKALIKES).replace("ı", "i").casefold()
    # once more: folding case may bring letters and marks that decompose further
    return _MARKS.sub("", unicodedata.normalize("NFKD", small))


def folded(text: str) -> str:
    """The words of a text without what a phone's keyboard adds: case, accents, width, punctuation.

    Runs of anything that is neither letter nor digit become one space.
    """
    return " ".join("".join(map(_letter, plain(text))).split())


def _letter(character: str) -> str:
    if character.isascii():
        return character if character.isalnum() else " "
    category = unicodedata.category(character)
    return "" if category == _UNSEEN else character if category[0] in _LETTERS else " "


@cache
def standard() -> Mapping[str, Command]:
    """The commands of a workspace that changed none, by their folded words."""
    commands = [
        *(Command(word, Means.OPT_OUT) for word in OPT_OUT_WORDS),
        *(Command(word, Means.OPT_IN) for word in OPT_IN_WORDS),
        *(Command(word, Means.OPT_IN, enabled=False) for word in OFF_WORDS),
    ]
    return {folded(command.word): command for command in commands}


def commands_of(settings: Mapping[str, Any]) -> dict[str, Command]:
    """A workspace's commands by their folded words.

    `settings["commands"]` is {folded word: {word, means, enabled}} of what differs from the standard.
    """
    changed = settings.get("commands", {})
    own = {
        key: Command(entry["word"], Means(entry["means"]), entry["enabled"], own=key not in standard())
        for key, entry in changed.items()
    }
    return {**standard(), **own}


def command_in(text: str, commands: Mapping[str, Command]) -> Command | None:
    """The enabled command that the whole of a reply is; None for every other text."""
    words = folded(text)
    if len(words) > _REPEATS * max(map(len, commands), default=0):
        return None
    said = _REPEATED.fullmatch(words)
    command = commands.get(said[1]) if said else None
    return command if command and command.enabled else None

"""Replies: the message that one answers, and whether it asks us to stop [I2] [I3] [I4]."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

OPT_OUT_WORDS = (
    *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT-OUT", "REMOVE"),
    *("TD", "ARRET", "RET", "İPTAL", "BERHENTI", "BATAL", "TIDAK"),
)
OPEN_FOR_REPLIES = 72 * 3600 * 1000  # milliseconds
_MARKS = {"Mn", "Me", "Cf"}  # accents, enclosing marks, invisible characters
_NOT_WORD = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """The words of a text without what a phone's keyboard adds: case, accents, width, punctuation.

    All of I, i, İ and ı become `i`; runs of anything that is neither letter nor digit become one space.
    """
    plain = unicodedata.normalize("NFKD", text).replace("ı", "i").casefold()
    # once more: folding case may bring letters and marks that decompose further
    apart = unicodedata.normalize("NFKD", plain)
    letters = "".join(c for c in apart if unicodedata.category(c) not in _MARKS)
    return _NOT_WORD.sub(" ", letters).strip()


_FOLDED_OPT_OUT_WORDS = frozenset(map(folded, OPT_OUT_WORDS))


def is_opt_out(text: str) -> bool:
    """Whether the whole text is one of the opt-out words; a sentence that contains one is not [I3]."""
    return folded(text) in _FOLDED_OPT_OUT_WORDS


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that went to the number that replies; `at` is when it was handed over, in epoch ms."""

    message: int
    at: int
    campaign: int | None
    list: int | None
    chunk: int | None
    pos: int | None


@dataclass(frozen=True, slots=True)
class OptOut:
    """What a reply leaves: one list, or everything (the blacklist) when it can't be tied to a list [I4]."""

    list: int | None


def answered(
    facts: Iterable[Mapping[str, Any]], to: str, was_handed_over: Callable[[Sent], bool]
) -> Sent | None:
    """The newest message, by the time it was sent, from the number that was replied to [I2].

    `facts` are a person's `out#` items in any order. A message that was refused, or written down but never handed
    over, reached nobody, so it can't be what is answered. Senders are compared by digits; a name as sender can't be
    replied to.
    """
    number = _digits(to)
    submitted: list[Sent] = []
    refused: set[int] = set()
    for fact in facts:
        _, message, status = fact["sk"].split("#")
        if status == "rejected":
            refused.add(int(message))
        elif status == "submitted" and number and _digits(fact["sender"]) == number:
            place = (fact.get(name) for name in ("campaign", "list", "chunk", "pos"))
            submitted.append(Sent(int(message), fact["at"], *place))
    heard = (sent for sent in submitted if sent.message not in refused)
    newest_first = sorted(heard, key=lambda sent: (sent.at, sent.message), reverse=True)
    return next(filter(was_handed_over, newest_first), None)


def list_to_leave(sent: Sent | None, replied_at: int, ended_at: Callable[[int], int | None]) -> int | None:
    """The list that an opt-out leaves; None when it can't be tied to one, and the number is blacklisted [I4].

    A campaign closes for replies 72 hours after its last send. `ended_at` says when a campaign ended, None
    while it is under way; it is asked only when the message itself is older than that.
    """
    if sent is None or sent.campaign is None or sent.list is None:
        return None
    if replied_at <= sent.at + OPEN_FOR_REPLIES:
        return sent.list
    ended = ended_at(sent.campaign)
    return sent.list if ended is None or replied_at <= ended + OPEN_FOR_REPLIES else None


def _digits(number: str) -> str:
    """`+3774` and `3774` are `3774`; a name such as `Kabar24` is nothing."""
    bare = number.strip().removeprefix("+")
    return bare if bare.isascii() and bare.isdigit() else ""

"""Replies: the message that one answers, what an opt-out leaves, and what answers it [I2] [I4] [I9]."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kabar.domain.commands import Means
from kabar.domain.segments import Encoding

HOUR_MS = 3_600_000
REPLY_WINDOW_HOURS = 72
RESPONSES_PER_HOUR = 3
_DEDICATED = re.compile(r"\+?[0-9]{3,15}")
_PERSON = re.compile(r"\+[1-9][0-9]{6,14}")  # short codes are no people: they would answer the answer


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
class Rules:
    """What a workspace decides about replies.

    `widen`: an opt-out leaves everything, not only the list; `window` is how long a campaign stays open for replies
    after its last send, in ms; `forward`: replies to a list with an address are mailed there; `encoding` is that of
    responses.
    """

    numbers: tuple[str, ...] = ()
    widen: bool = False
    window: int = REPLY_WINDOW_HOURS * HOUR_MS
    per_hour: int = RESPONSES_PER_HOUR
    forward: bool = True
    encoding: Encoding = Encoding.GSM

    def sender(self, to: str) -> str:
        """The number that answers: the one that was written to, as the workspace writes it."""
        return next((number for number in self.numbers if digits(number) == digits(to)), to)

    def is_dedicated(self, to: str) -> bool:
        """Whether the number that was written to is one of the workspace's own."""
        return digits(to) in map(digits, self.numbers) if digits(to) else False


def rules_of(settings: Mapping[str, Any]) -> Rules:
    """The rules in a workspace's settings."""
    return Rules(
        tuple(dedicated_numbers(settings)),
        settings.get("opt_out_scope") == Leaves.EVERYTHING,
        settings.get("reply_window_hours", REPLY_WINDOW_HOURS) * HOUR_MS,
        settings.get("responses_per_hour", RESPONSES_PER_HOUR),
        settings.get("forward_replies", True),
        Encoding(settings.get("response_encoding", Encoding.GSM)),
    )


def dedicated_numbers(settings: Mapping[str, Any]) -> list[str]:
    """The workspace's numbers and short codes; a default sender that is one is so from the start [A3]."""
    sender: str = settings["sender"]
    return list(settings.get("numbers", [sender] if _DEDICATED.fullmatch(sender) else []))


class Leaves(StrEnum):
    """What an opt-out leaves: a list, everything, or, when it can't be tied to a list, the blacklist is for it."""

    LIST = "list"
    EVERYTHING = "everything"
    BLACKLIST = "blacklist"


def left(standing: Mapping[str, Any], list_id: int) -> dict[str, Any] | None:
    """What keeps a number from getting what goes through a list, {at, by, from}; None when nothing does.

    The list's own opt-out comes first: it is the one that can be undone there.
    """
    marks = (
        (Leaves.LIST, standing.get("lists", {}).get(str(list_id))),
        (Leaves.EVERYTHING, standing.get("everything")),
        (Leaves.BLACKLIST, standing.get("blacklisted")),
    )
    return next(({"at": m["at"], "by": m["by"], "from": where.value} for where, m in marks if m), None)


@dataclass(frozen=True, slots=True)
class OptOut:
    """What a reply leaves; `list` is of LIST alone."""

    leaves: Leaves
    list: int | None = None


def answered(
    facts: Iterable[Mapping[str, Any]], to: str, was_handed_over: Callable[[Sent], bool]
) -> Sent | None:
    """The newest message, by the time it was sent, from the number that was replied to [I2].

    `facts` are a person's `out#` items in any order. A message that was refused, or written down but never handed
    over, reached nobody, so it can't be what is answered. Senders are compared by digits; a name as sender can't be
    replied to.
    """
    number = digits(to)
    submitted: list[Sent] = []
    refused: set[int] = set()
    for fact in facts:
        _, message, status = fact["sk"].split("#")
        if status == "rejected":
            refused.add(int(message))
        elif status == "submitted" and number and digits(fact["sender"]) == number:
            place = (fact.get(name) for name in ("campaign", "list", "chunk", "pos"))
            submitted.append(Sent(int(message), fact["at"], *place))
    heard = (sent for sent in submitted if sent.message not in refused)
    newest_first = sorted(heard, key=lambda sent: (sent.at, sent.message), reverse=True)
    return next(filter(was_handed_over, newest_first), None)


def opt_out(
    sent: Sent | None, replied_at: int, rules: Rules, ended_at: Callable[[int], int | None]
) -> OptOut:
    """What an opt-out leaves [I4].

    A campaign closes for replies a while after its last send. `ended_at` says when a campaign ended, None while it
    is under way; it is asked only when the message itself is older than that.
    """
    if sent is None or sent.list is None or not _open(sent, replied_at, rules, ended_at):
        return OptOut(Leaves.BLACKLIST)
    return OptOut(Leaves.EVERYTHING) if rules.widen else OptOut(Leaves.LIST, sent.list)


def _open(sent: Sent, replied_at: int, rules: Rules, ended_at: Callable[[int], int | None]) -> bool:
    if replied_at <= sent.at + rules.window:
        return True
    ended = ended_at(sent.campaign) if sent.campaign is not None else sent.at
    return ended is None or replied_at <= ended + rules.window


@dataclass(frozen=True, slots=True)
class Response:
    """A text that answers a reply, and how it is encoded."""

    text: str
    encoding: Encoding


def response(
    means: Means | None,
    sources: Sequence[Mapping[str, Any] | None],
    encoding: Encoding,
    keyword: Mapping[str, Any] | None = None,
) -> Response | None:
    """What answers: the keyword's response, else that of the first of `sources` that has one [I9].

    `sources` are heads of the campaign and the list and the settings, in this order; where one has no encoding for
    its responses it is `encoding`. None for no answer.
    """
    if keyword and keyword.get("response"):
        return Response(keyword["response"], Encoding(keyword["encoding"]))
    name = "opt_out_response" if means is Means.OPT_OUT else "reply_response"
    answers = (source for source in sources if source and source.get(name))
    return next(
        (Response(each[name], Encoding(each.get("response_encoding", encoding))) for each in answers), None
    )


def may_be_answered(mobile: str, to: str, rules: Rules) -> bool:
    """Whether an answer would reach a person: no name, no short code, none of our own numbers [I3]."""
    return bool(digits(to) and _PERSON.fullmatch(mobile)) and not rules.is_dedicated(mobile)


def with_one_more(times: Sequence[int], now: int, per_hour: int) -> list[int] | None:
    """The times (epoch ms) of a number's answers of the last hour and of this one; None when it had enough."""
    recent = [at for at in times if at > now - HOUR_MS]
    return [*recent, now] if len(recent) < per_hour else None


def digits(number: str) -> str:
    """`+3774` and `3774` are `3774`; a name such as `Kabar24` is nothing."""
    bare = number.strip().removeprefix("+")
    return bare if bare.isascii() and bare.isdigit() else ""

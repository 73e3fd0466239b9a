"""What a reply answers [I2], what an opt-out leaves [I4] and which response goes out [I9]."""

from collections.abc import Callable
from typing import Any

import pytest

from kabar.domain.commands import Means
from kabar.domain.replies import (
    HOUR_MS,
    Leaves,
    OptOut,
    Response,
    Rules,
    Sent,
    answered,
    dedicated_numbers,
    may_be_answered,
    opt_out,
    response,
    rules_of,
    with_one_more,
)
from kabar.domain.segments import Encoding

WINDOW = 72 * HOUR_MS
RULES = Rules(numbers=("3774", "+642108123"))
BLACKLIST = OptOut(Leaves.BLACKLIST)


def fact(message: int, status: str = "submitted", **attributes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"sk": f"out#{message:016d}#{status}", "at": message, "sender": "3774"}
    return row | {"campaign": message * 10, "list": 7, "chunk": 0, "pos": 1} | attributes


def test_a_reply_answers_the_newest_message_by_the_time_it_was_sent() -> None:
    paused_campaign, later_planned = fact(1, at=900), fact(2, at=800)
    sent = answered([later_planned, paused_campaign], "3774", everything)
    assert sent == Sent(message=1, at=900, campaign=10, list=7, chunk=0, pos=1)


@pytest.mark.parametrize(
    ("sender", "to", "same"),
    [
        ("3774", "3774", True),
        ("+3774", "3774", True),
        ("+642108123", "642108123", True),
        ("642108123", "+642108123", True),
        ("3774", "3775", False),
        ("3774", "64213774", False),
        ("KABAR", "3774", False),
        ("KABAR", "KABAR", False),
        ("Shop24", "24", False),
        ("3774", "", False),
        ("", "", False),
    ],
)
def test_a_reply_answers_only_messages_from_the_number_it_was_sent_to(
    sender: str, to: str, same: bool
) -> None:
    assert (answered([fact(1, sender=sender)], to, everything) is not None) is same


def everything(_: Sent) -> bool:
    return True


def test_a_message_that_was_never_handed_over_is_not_what_is_answered() -> None:
    """A campaign that was stopped after its facts were written; the one before it is answered."""
    sent = answered([fact(1, at=5), fact(2, at=9)], "3774", lambda sent: sent.message != 2)
    assert sent
    assert sent.message == 1


def test_a_refused_message_reached_nobody_and_is_not_what_is_answered() -> None:
    facts = [fact(2), fact(2, "rejected", code="6/0"), fact(1), fact(1, "received", via="receipt")]
    sent = answered(facts, "3774", everything)
    assert sent
    assert sent.message == 1


def test_no_message_from_that_number_is_answered_by_none() -> None:
    assert answered([], "3774", everything) is None
    assert answered([fact(1, "suppressed", reason=1)], "3774", everything) is None


def never(_: int) -> int | None:
    raise AssertionError("a young message needs no look at its campaign")


@pytest.mark.parametrize(
    ("sent_at", "ended_at", "tied"),
    [
        (-WINDOW, never, True),
        (-WINDOW - 1, lambda _: None, True),
        (-WINDOW - 1, lambda _: -WINDOW, True),
        (-WINDOW - 1, lambda _: -WINDOW - 1, False),
        (-WINDOW - 1, lambda _: 0, True),
    ],
)
def test_an_opt_out_leaves_the_list_until_the_campaign_closes_for_replies(
    sent_at: int, ended_at: Callable[[int], int | None], tied: bool
) -> None:
    sent = Sent(message=1, at=sent_at, campaign=10, list=7, chunk=0, pos=1)
    assert opt_out(sent, 0, RULES, ended_at) == (OptOut(Leaves.LIST, 7) if tied else BLACKLIST)


def test_how_long_a_campaign_stays_open_is_a_setting() -> None:
    sent = Sent(message=1, at=-2 * HOUR_MS, campaign=10, list=7, chunk=0, pos=1)
    short = rules_of({"sender": "3774", "reply_window_hours": 1})
    assert opt_out(sent, 0, short, lambda _: -2 * HOUR_MS) == BLACKLIST
    assert opt_out(sent, 0, RULES, never) == OptOut(Leaves.LIST, 7)


def test_a_workspace_widens_opt_outs_to_everything_where_they_can_be_tied_to_a_list() -> None:
    wide = rules_of({"sender": "3774", "opt_out_scope": "everything"})
    sent = Sent(message=1, at=0, campaign=10, list=7, chunk=0, pos=1)
    assert opt_out(sent, 1, wide, never) == OptOut(Leaves.EVERYTHING)
    assert opt_out(None, 1, wide, never) == BLACKLIST


def test_an_opt_out_that_answers_no_message_of_a_list_goes_on_the_blacklist() -> None:
    assert opt_out(None, 0, RULES, never) == BLACKLIST
    assert opt_out(Sent(1, 0, None, None, None, None), 0, RULES, never) == BLACKLIST


def test_an_opt_out_that_answers_a_message_of_no_campaign_leaves_its_list_while_that_is_young() -> None:
    sent = Sent(message=1, at=0, campaign=None, list=7, chunk=None, pos=None)
    assert opt_out(sent, WINDOW, RULES, never) == OptOut(Leaves.LIST, 7)
    assert opt_out(sent, WINDOW + 1, RULES, never) == BLACKLIST


def test_a_default_sender_that_is_a_number_is_dedicated_from_the_start() -> None:
    assert dedicated_numbers({"sender": "3774"}) == ["3774"]
    assert dedicated_numbers({"sender": "Kabar"}) == []
    assert dedicated_numbers({"sender": "3774", "numbers": ["+642108123"]}) == ["+642108123"]


@pytest.mark.parametrize(
    ("to", "dedicated"), [("3774", True), ("642108123", True), ("Kabar", False), ("", False), ("3775", False)]
)
def test_numbers_are_dedicated_whether_written_with_a_plus_or_not(to: str, dedicated: bool) -> None:
    assert RULES.is_dedicated(to) is dedicated


CAMPAIGN = {"reply_response": "campaign", "opt_out_response": "campaign out"}
LIST = {"reply_response": "list", "opt_out_response": "list out"}
DEFAULT = {"reply_response": "default", "opt_out_response": "default out"}
KEYWORD = {"response": "keyword", "encoding": "ucs2"}


@pytest.mark.parametrize(
    ("means", "sources", "keyword", "text"),
    [
        (None, [CAMPAIGN, LIST, DEFAULT], KEYWORD, "keyword"),
        (None, [CAMPAIGN, LIST, DEFAULT], {}, "campaign"),
        (None, [None, LIST, DEFAULT], None, "list"),
        (None, [{"reply_response": ""}, {}, DEFAULT], None, "default"),
        (None, [None, {}, {}], None, None),
        (Means.OPT_OUT, [CAMPAIGN, LIST, DEFAULT], None, "campaign out"),
        (Means.OPT_OUT, [{}, LIST, DEFAULT], None, "list out"),
        (Means.OPT_OUT, [None, None, DEFAULT], None, "default out"),
        (Means.OPT_OUT, [None, None, {"reply_response": "default"}], None, None),
        (Means.OPT_IN, [{}, LIST, DEFAULT], None, "list"),
    ],
)
def test_the_keywords_response_goes_before_the_lists_and_that_before_the_default(
    means: Means | None, sources: list[Any], keyword: Any, text: str | None
) -> None:
    encoding = Encoding.UCS2 if text == "keyword" else Encoding.TURKISH_SINGLE
    wanted = Response(text, encoding) if text else None
    assert response(means, sources, Encoding.TURKISH_SINGLE, keyword) == wanted


@pytest.mark.parametrize(
    ("mobile", "to", "answered_at_all"),
    [
        ("+6421555666", "3774", True),
        ("+3774", "3774", False),  # ourselves, or a short code
        ("+88991", "3774", False),
        ("+642108123", "3774", False),  # another number of ours
        ("+6421555666", "KABAR", False),
        ("+6421555666", "", False),
    ],
)
def test_machines_are_not_answered(mobile: str, to: str, answered_at_all: bool) -> None:
    assert may_be_answered(mobile, to, RULES) is answered_at_all


def test_a_number_gets_so_many_answers_in_an_hour() -> None:
    times: list[int] = []
    for at in range(0, 3 * HOUR_MS, HOUR_MS // 10):
        times = with_one_more(times, at, 3) or times
        assert len([each for each in times if each > at - HOUR_MS]) <= 3
    assert with_one_more([0, 1, 2], HOUR_MS, 3) == [1, 2, HOUR_MS]
    assert with_one_more([1, 2, 3], HOUR_MS, 3) is None

"""A reply is answered once, from the number that it was sent to [I9]."""

from types import ModuleType
from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import queued
from tests.functions.reply_rig import (
    DEFAULT,
    HOURS,
    MOBILE,
    REPLIED_AT,
    SENT_AT,
    Queue,
    dynamo,
    function,
    inbox,
    keyword,
    post,
    queue,
    reply,
    settings,
    standing,
)

__all__ = ["dynamo", "function", "post", "queue"]


def answers(dynamo: FakeDynamo, queue: Queue) -> list[dict[str, Any]]:
    """The message requests that were queued, each once, as they are stored."""
    ids = dict.fromkeys(body["request"] for body in queue.bodies)
    return [dynamo.find("dispatch", keys.request(request)) or {} for request in ids]


def texts(dynamo: FakeDynamo, queue: Queue) -> list[str]:
    return [head["text"] for head in answers(dynamo, queue)]


def test_a_reply_is_answered_from_the_number_that_it_was_sent_to(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    """[I9]"""
    settings(dynamo, **DEFAULT, response_encoding="ucs2", numbers=["+3774"])
    function.handler(queued(reply("hello")), None)
    (head,) = answers(dynamo, queue)
    wanted = {
        "id": inbox(dynamo)["response"]["id"],
        "kind": "response",
        "text": "Thanks",
        "encoding": "ucs2",
        "sender": "+3774",
        "list": 3000,
        "confirms_opt_out": False,
        "by": "reply:817790313235066447",
    }
    assert {name: head[name] for name in wanted} == wanted
    assert queue.bodies == [{"workspace": "acme", "request": head["id"]}]
    assert "todo" not in inbox(dynamo)


def test_a_repeated_reply_is_answered_once(function: ModuleType, dynamo: FakeDynamo, queue: Queue) -> None:
    settings(dynamo, **DEFAULT)
    for _ in range(3):
        function.handler(queued(reply("hello"), reply("hello")), None)
    assert len(queue.bodies) == 1


@pytest.mark.parametrize(
    ("campaign", "gym", "wanted"),
    [
        (
            {"reply_response": "c", "response_encoding": "turkish_single"},
            {"response_encoding": "gsm"},
            "turkish_single",
        ),
        ({"reply_response": "c"}, {"response_encoding": "turkish_single"}, "ucs2"),
        (
            {"response_encoding": "gsm"},
            {"reply_response": "l", "response_encoding": "turkish_both"},
            "turkish_both",
        ),
        ({}, {"reply_response": "l"}, "ucs2"),
        ({"response_encoding": "gsm"}, {"response_encoding": "gsm"}, "ucs2"),
    ],
)
def test_each_response_has_the_encoding_of_whoever_has_the_response(
    function: ModuleType,
    dynamo: FakeDynamo,
    queue: Queue,
    campaign: dict[str, str],
    gym: dict[str, str],
    wanted: str,
) -> None:
    """[I9]"""
    settings(dynamo, **DEFAULT, response_encoding="ucs2")
    dynamo.seed("workspaces", keys.campaign_head("acme", 4000), id=4000, **campaign)
    dynamo.seed("workspaces", keys.list_head("acme", 3000), members=1, name="Gym", **gym)
    function.handler(queued(reply("hello")), None)
    (head,) = answers(dynamo, queue)
    assert head["encoding"] == wanted


@pytest.mark.parametrize(
    ("text", "campaign", "gym", "answer"),
    [
        ("hello", {"reply_response": "campaign"}, {"reply_response": "list"}, "campaign"),
        ("hello", {}, {"reply_response": "list"}, "list"),
        ("hello", {}, {}, "Thanks"),
        ("STOP", {"opt_out_response": "campaign out"}, {"opt_out_response": "list out"}, "campaign out"),
        ("STOP", {}, {"opt_out_response": "list out"}, "list out"),
        ("STOP", {}, {"reply_response": "list"}, "Bye"),
    ],
)
def test_the_campaigns_response_goes_before_the_lists_and_that_before_the_default(
    function: ModuleType,
    dynamo: FakeDynamo,
    queue: Queue,
    text: str,
    campaign: dict[str, str],
    gym: dict[str, str],
    answer: str,
) -> None:
    settings(dynamo, **DEFAULT)
    dynamo.seed("workspaces", keys.campaign_head("acme", 4000), id=4000, **campaign)
    dynamo.seed("workspaces", keys.list_head("acme", 3000), members=1, name="Gym", **gym)
    function.handler(queued(reply(text)), None)
    assert texts(dynamo, queue) == [answer]


def test_a_keywords_own_response_goes_first_and_an_unknown_keyword_gets_the_default(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    settings(dynamo, **DEFAULT)
    keyword(dynamo, response="Welcome")
    stranger = "+6421555999"
    function.handler(queued(reply("tes2"), reply("tes3", id="2", mobile=stranger)), None)
    assert texts(dynamo, queue) == ["Welcome", "Thanks"]
    assert [head["list"] for head in answers(dynamo, queue)] == [3001, None]


def test_none_set_none_sent(function: ModuleType, queue: Queue) -> None:
    function.handler(queued(reply("hello"), reply(id="2")), None)
    assert queue.bodies == []


def test_an_opt_out_is_confirmed_once_though_nothing_else_goes_out(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    """[I3] [I7] [I9]"""
    settings(dynamo, **DEFAULT)
    function.handler(queued(reply(), reply(id="2"), reply("hello", id="3")), None)
    (head,) = answers(dynamo, queue)
    assert (head["text"], head["confirms_opt_out"]) == ("Bye", True)


def test_start_is_answered_since_the_number_may_be_messaged_again(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    settings(dynamo, **DEFAULT)
    function.handler(queued(reply(), reply("START", id="2", at=REPLIED_AT + 1)), None)
    assert texts(dynamo, queue) == ["Bye", "Thanks"]


@pytest.mark.parametrize("mark", ["blacklisted", "everything"])
def test_who_is_not_to_be_messaged_gets_no_answer(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue, mark: str
) -> None:
    settings(dynamo, **DEFAULT)
    keyword(dynamo, response="Welcome")
    dynamo.seed("people", keys.standing("acme", MOBILE), **{mark: {"at": 1, "by": "api:key:1"}})
    function.handler(queued(reply("hello"), reply("tes2", id="2")), None)
    assert queue.bodies == []


def test_an_opt_out_that_no_list_can_be_told_for_gets_the_default_confirmation(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    settings(dynamo, **DEFAULT)
    dynamo.seed("workspaces", keys.list_head("acme", 3000), members=1, opt_out_response="list out")
    dynamo.seed("workspaces", keys.campaign_head("acme", 4000), status="completed", closed_at=SENT_AT)
    function.handler(queued(reply(at=SENT_AT + 80 * HOURS)), None)
    assert "blacklisted" in standing(dynamo)
    assert texts(dynamo, queue) == ["Bye"]


def test_f25_two_machines_that_answer_each_other_come_to_an_end(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(dynamo, **DEFAULT)
    now = SENT_AT
    monkeypatch.setattr(function.time, "time_ns", lambda: now * 1_000_000)
    for n in range(180):
        now += 60_000
        function.handler(queued(reply("I am on holiday", id=f"auto{n}")), None)
    assert len(queue.bodies) <= 3 * 3 + 3
    sent_at = [head["created_at"] for head in answers(dynamo, queue)]
    assert max(sum(at - HOURS < each <= at for each in sent_at) for at in sent_at) == 3


def test_f25_stop_and_start_by_turns_are_answered_so_often_an_hour(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    settings(dynamo, **DEFAULT, responses_per_hour=2)
    for n in range(20):
        said = reply("STOP" if n % 2 else "START", id=str(n), at=REPLIED_AT + n)
        function.handler(queued(said), None)
    assert sorted(texts(dynamo, queue)) == ["Bye", "Bye", "Thanks", "Thanks"]
    assert "lists" in standing(dynamo)


@pytest.mark.parametrize(("mobile", "to"), [("+88991", "3774"), ("+3774", "3774"), (MOBILE, "KABAR")])
def test_machines_and_names_are_not_answered(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue, mobile: str, to: str
) -> None:
    settings(dynamo, **DEFAULT)
    function.handler(queued(reply("hello", mobile=mobile, to=to)), None)
    assert queue.bodies == []


def test_a_queue_that_refuses_gets_the_answer_again_under_the_same_id(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    settings(dynamo, **DEFAULT)
    queue.fails = 5
    with pytest.raises(ExceptionGroup):
        function.handler(queued(reply("hello")), None)
    assert inbox(dynamo)["todo"] == {"response"}
    function.handler(queued(reply("hello")), None)
    assert [body["request"] for body in queue.bodies] == [inbox(dynamo)["response"]["id"]]


def test_a_response_merges_the_members_params(function: ModuleType, dynamo: FakeDynamo, queue: Queue) -> None:
    settings(dynamo, reply_response="Thanks %%1%%")
    function.handler(queued(reply("hello")), None)
    (head,) = answers(dynamo, queue)
    rows = dynamo.find("dispatch", keys.request_rows(head["id"], 0)) or {}
    assert [row[:2] for row in rows["rows"]] == [[MOBILE, ["Amy"]]]


def test_a_response_of_which_nothing_is_left_is_not_sent_and_holds_nothing_up(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    settings(dynamo, reply_response="%%2%%")
    function.handler(queued(reply("hello")), None)
    assert queue.bodies == []
    assert not dynamo.tables["dispatch"]
    assert "todo" not in inbox(dynamo)


def test_a_response_with_a_placeholder_that_nobody_has_holds_nothing_up(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    settings(dynamo, reply_response="Thanks %%7%%")
    function.handler(queued(reply("hello")), None)
    assert queue.bodies == []
    assert "todo" not in inbox(dynamo)

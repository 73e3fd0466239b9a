"""What a reply brings about besides opt-outs: joining by keyword, answers, mail; each once [I8] [I9] [I10]."""

from collections import Counter
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason
from kabar.storage import keys
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import queued
from tests.functions.reply_rig import (
    HOURS,
    MOBILE,
    REPLIED_AT,
    SENT_AT,
    Post,
    Queue,
    inbox,
    loaded,
    reply,
    settings,
    standing,
    tables,
)


@pytest.fixture
def dynamo() -> FakeDynamo:
    return tables()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def function(dynamo: FakeDynamo, post: Post, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return loaded(dynamo, monkeypatch, post, queue)


def keyword(dynamo: FakeDynamo, word: str = "Tes2", **changes: Any) -> None:
    """One of list 3001, which is empty."""
    dynamo.seed(
        "workspaces", keys.list_head("acme", 3001), id=3001, name="Pool", members=0, keywords={"9000"}
    )
    item = {"id": 9000, "word": word, "list_id": 3001, "active": True, "encoding": "gsm", "version": 1}
    dynamo.seed("workspaces", keys.keyword("acme", 9000), **item | changes)
    dynamo.seed("workspaces", keys.keyword_word("acme", word.lower()), keyword_id=9000)


def on_list(dynamo: FakeDynamo, list_id: int = 3001) -> dict[str, Any]:
    return dynamo.find("members", keys.member(list_id, MOBILE)) or {}


def test_who_sends_a_keyword_joins_its_list(function: ModuleType, dynamo: FakeDynamo) -> None:
    """[I8]"""
    keyword(dynamo)
    function.handler(queued(reply(" tes2!")), None)
    assert on_list(dynamo)["params"] == []
    assert (dynamo.find("workspaces", keys.list_head("acme", 3001)) or {})["members"] == 1
    kept = inbox(dynamo)
    assert (kept["keyword"], kept["list"], kept["list_name"]) == ("Tes2", 3001, "Pool")
    assert (kept["message"], kept["campaign"]) == (5001, 4000)
    assert "todo" not in kept
    assert [entry["what"] for entry in dynamo.tables["activity"].values()] == ["member added"]


@pytest.mark.parametrize(
    ("text", "changes", "to"),
    [
        ("tes2 please", {}, "3774"),
        ("tes2", {"active": False}, "3774"),
        ("tes2", {"deleted_at": 1, "active": False}, "3774"),
        ("tes2", {}, "88"),  # no number of this workspace
    ],
)
def test_what_is_no_active_keyword_sent_to_a_dedicated_number_joins_nothing(
    function: ModuleType, dynamo: FakeDynamo, text: str, changes: dict[str, Any], to: str
) -> None:
    keyword(dynamo, **changes)
    function.handler(queued(reply(text, to=to)), None)
    assert on_list(dynamo) == {}
    assert "keyword" not in inbox(dynamo)


def test_an_opt_out_goes_before_a_keyword(function: ModuleType, dynamo: FakeDynamo) -> None:
    keyword(dynamo, "stop")
    function.handler(queued(reply()), None)
    assert on_list(dynamo) == {}
    assert inbox(dynamo)["opt_out"] is True


def test_a_member_who_sends_the_keyword_keeps_their_params(function: ModuleType, dynamo: FakeDynamo) -> None:
    keyword(dynamo)
    dynamo.seed("members", keys.member(3001, MOBILE), params=["Amy"], at=1)
    function.handler(queued(reply("tes2")), None)
    assert on_list(dynamo)["params"] == ["Amy"]
    assert dynamo.tables["activity"] == {}


def test_a_keyword_takes_no_opt_out_back(function: ModuleType, dynamo: FakeDynamo) -> None:
    """START does; whoever joins is a member who has opted out."""
    keyword(dynamo)
    dynamo.seed("people", keys.standing("acme", MOBILE), lists={"3001": {"at": 5, "by": "reply:1"}})
    function.handler(queued(reply("tes2")), None)
    assert on_list(dynamo)["opted_out"] == 5
    assert suppression(standing(dynamo), 3001) is Reason.OPTED_OUT


def test_a_keyword_waits_until_its_list_is_loaded(function: ModuleType, dynamo: FakeDynamo) -> None:
    keyword(dynamo)
    head = dynamo.find("workspaces", keys.list_head("acme", 3001)) or {}
    dynamo.seed("workspaces", keys.list_head("acme", 3001), **head | {"loading": {"i"}})
    with pytest.raises(ExceptionGroup):
        function.handler(queued(reply("tes2")), None)
    assert inbox(dynamo)["todo"] == {"join"}
    dynamo.seed("workspaces", keys.list_head("acme", 3001), **head)
    function.handler(queued(reply("tes2")), None)
    assert on_list(dynamo)
    assert "todo" not in inbox(dynamo)


def test_a_repeated_keyword_brings_no_deleted_member_back(function: ModuleType, dynamo: FakeDynamo) -> None:
    keyword(dynamo)
    function.handler(queued(reply("tes2")), None)
    dynamo.tables["members"].clear()
    function.handler(queued(reply("tes2")), None)
    assert on_list(dynamo) == {}


def with_address(dynamo: FakeDynamo) -> None:
    head = {"members": 1, "name": "Gym", "email": "desk@example.com", "batch": "Q4"}
    dynamo.seed("workspaces", keys.list_head("acme", 3000), **head)


def test_a_reply_to_a_list_with_an_address_is_mailed_there_once(
    function: ModuleType, dynamo: FakeDynamo, post: Post
) -> None:
    """[I10]"""
    with_address(dynamo)
    settings(dynamo, timezone="Europe/Istanbul")
    for _ in range(2):
        function.handler(queued(reply("Can I come\nat 7?")), None)
    (sent,) = post.sent
    assert sent["Source"] == "kabar@example.com"
    assert sent["Destination"] == {"ToAddresses": ["desk@example.com"]}
    assert sent["Message"]["Subject"]["Data"] == f"Reply to Gym from {MOBILE}"
    text = sent["Message"]["Body"]["Text"]["Data"]
    assert text.startswith("Can I come\nat 7?\n\nFrom: +6421555666\nTo: 3774\n")
    for line in ("Received: 2026-03-01 13:05 (Europe/Istanbul)", "List: Gym", "Batch: Q4", "Params: Amy"):
        assert f"\n{line}\n" in text
    assert "Answers message 5001 of campaign 4000" in text


@pytest.mark.parametrize(("language", "word"), [("tr", "yanıt"), ("id", "Balasan"), ("xx", "Reply")])
def test_mail_speaks_the_workspaces_language(
    function: ModuleType, dynamo: FakeDynamo, post: Post, language: str, word: str
) -> None:
    with_address(dynamo)
    settings(dynamo, language=language)
    function.handler(queued(reply()), None)
    assert word in post.sent[0]["Message"]["Subject"]["Data"]


def test_no_mail_without_an_address_or_where_the_workspace_wants_none(
    function: ModuleType, dynamo: FakeDynamo, post: Post
) -> None:
    function.handler(queued(reply()), None)
    with_address(dynamo)
    settings(dynamo, forward_replies=False)
    function.handler(queued(reply(id="2")), None)
    function.handler(queued(reply(id="3", to="99")), None)
    assert post.sent == []


def test_a_busy_post_office_gets_the_mail_again(function: ModuleType, dynamo: FakeDynamo, post: Post) -> None:
    with_address(dynamo)
    post.fails = ["Throttling"]
    with pytest.raises(ExceptionGroup):
        function.handler(queued(reply("hello"), reply("hello", id="2")), None)
    assert len(post.sent) == 1
    function.handler(queued(reply("hello"), reply("hello", id="2")), None)
    assert len(post.sent) == 2


def test_mail_that_is_refused_is_given_up(function: ModuleType, dynamo: FakeDynamo, post: Post) -> None:
    with_address(dynamo)
    post.fails = ["MessageRejected"]
    for _ in range(2):
        function.handler(queued(reply("hello")), None)
    assert post.sent == []
    assert "todo" not in inbox(dynamo)


def test_mail_that_another_one_has_begun_is_left_to_them_until_they_must_be_dead(
    function: ModuleType, dynamo: FakeDynamo, post: Post
) -> None:
    with_address(dynamo)
    post.fails = [ConnectionError("reset")]
    with pytest.raises(ExceptionGroup):
        function.handler(queued(reply("hello")), None)
    with pytest.raises(ExceptionGroup):
        function.handler(queued(reply("hello")), None)
    assert post.sent == []
    later(dynamo)
    function.handler(queued(reply("hello")), None)
    assert len(post.sent) == 1
    assert f"Reply: {inbox(dynamo)['reply_id']}\n" in post.sent[0]["Message"]["Body"]["Text"]["Data"]
    assert "todo" not in inbox(dynamo)


def later(dynamo: FakeDynamo) -> None:
    """The queue brings it again when whoever had it must be dead."""
    for item in dynamo.tables["people"].values():
        if "mail_begun_at" in item:
            item["mail_begun_at"] -= 100_000


class Cut(Exception):
    """The process died."""


def test_death_after_every_write_loses_and_repeats_nothing(
    function: ModuleType, dynamo: FakeDynamo, post: Post
) -> None:
    """Cut before each write in turn, then taken again: one reply, one member, its mail."""

    def die() -> None:
        raise Cut

    keyword(dynamo)
    pool = dynamo.find("workspaces", keys.list_head("acme", 3001)) or {}
    dynamo.seed("workspaces", keys.list_head("acme", 3001), **pool | {"email": "desk@example.com"})
    for nth in range(8):
        one = reply("tes2", id=f"cut{nth}", mobile=f"+642155500{nth}")
        dynamo.before += [*[lambda: None] * nth, die]
        with suppress(ExceptionGroup, Cut):
            function.handler(queued(one), None)
        dynamo.before.clear()
        later(dynamo)
        function.handler(queued(one), None)
        mobile = one["reply"]["mobile"]
        kept = dynamo.find("people", keys.reply("acme", mobile, "infobip", f"cut{nth}")) or {}
        assert "todo" not in kept
        assert kept["reply_id"]
        assert dynamo.find("members", keys.member(3001, mobile))
    assert (dynamo.find("workspaces", keys.list_head("acme", 3001)) or {})["members"] == 8
    subjects = Counter(mail["Message"]["Subject"]["Data"] for mail in post.sent)
    assert len(subjects) == 8
    assert subjects.total() == 9  # twice where the note of it was cut


DEFAULT = {"reply_response": "Thanks", "opt_out_response": "Bye"}


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


def test_a_response_with_a_placeholder_that_nobody_has_holds_nothing_up(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    settings(dynamo, reply_response="Thanks %%7%%")
    function.handler(queued(reply("hello")), None)
    assert queue.bodies == []
    assert "todo" not in inbox(dynamo)


def test_death_after_every_write_answers_once_under_one_id(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    """Cut before each write in turn, then taken again."""

    def die() -> None:
        raise Cut

    settings(dynamo, **DEFAULT)
    for nth in range(9):
        one = reply("hello", id=f"cut{nth}", mobile=f"+642155500{nth}")
        dynamo.before += [*[lambda: None] * nth, die]
        with suppress(ExceptionGroup, Cut):
            function.handler(queued(one), None)
        dynamo.before.clear()
        function.handler(queued(one), None)
        kept = dynamo.find("people", keys.reply("acme", one["reply"]["mobile"], "infobip", f"cut{nth}")) or {}
        assert "todo" not in kept
        assert {body["request"] for body in queue.bodies} == {kept["response"]["id"]}
        queue.bodies.clear()


@pytest.mark.parametrize(
    "call", ["update_item", "transact_write_items", "put_item", "batch_write_item", "send_message_batch"]
)
def test_answers_that_get_lost_repeat_nothing(
    function: ModuleType,
    dynamo: FakeDynamo,
    queue: Queue,
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    """Each call of one kind is applied and its answer lost in turn: one opt-out, one confirmation, its mail."""
    holder: Any = queue if call == "send_message_batch" else dynamo
    true, lost = getattr(holder, call), iter([True])

    def losing(**request: Any) -> Any:
        answer = true(**request)
        if next(lost, False):
            raise ConnectionError("reset after it was applied")
        return answer

    monkeypatch.setattr(holder, call, losing)
    settings(dynamo, **DEFAULT)
    head = {"members": 1, "opted_out": 0, "name": "Gym", "email": "desk@example.com"}
    dynamo.seed("workspaces", keys.list_head("acme", 3000), **head)
    lost = iter([])
    function.handler(queued(reply("hello", id="warm", mobile="+6421555001")), None)
    queue.bodies.clear()
    for skipped in range(4):
        mobile = f"+642155511{skipped}"
        dynamo.seed("people", keys.fact("acme", mobile, 5001, "submitted"), **FACT)
        one = reply(id=f"s{skipped}", mobile=mobile)
        lost = iter([*[False] * skipped, True])
        with suppress(ExceptionGroup):
            function.handler(queued(one), None)
        lost = iter([])
        later(dynamo)
        function.handler(queued(one), None)
        kept = dynamo.find("people", keys.reply("acme", mobile, "infobip", f"s{skipped}")) or {}
        assert "todo" not in kept
        assert {body["request"] for body in queue.bodies} == {kept["response"]["id"]}
        assert list((dynamo.find("people", keys.standing("acme", mobile)) or {})["lists"]) == ["3000"]
        queue.bodies.clear()
    assert len({mail["Message"]["Subject"]["Data"] for mail in post.sent}) == 4
    assert sum(entry["what"] == "opted out" for entry in dynamo.tables["activity"].values()) == 4


FACT = {"at": SENT_AT, "sender": "3774", "campaign": 4000, "list": 3000, "chunk": 0, "pos": 1}

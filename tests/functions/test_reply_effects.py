"""A reply's effects, whatever dies or gets lost on the way: nothing is lost and nothing happens twice."""

from collections import Counter
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import queued
from tests.functions.reply_rig import (
    DEFAULT,
    Post,
    Queue,
    cut,
    dynamo,
    function,
    keyword,
    later,
    post,
    queue,
    reply,
    settings,
    submitted,
)

__all__ = ["dynamo", "function", "post", "queue"]


def test_death_after_every_write_loses_and_repeats_nothing(
    function: ModuleType, dynamo: FakeDynamo, post: Post
) -> None:
    """Cut before each write in turn, then taken again: one reply, one member, its mail."""
    keyword(dynamo)
    pool = dynamo.find("workspaces", keys.list_head("acme", 3001)) or {}
    dynamo.seed("workspaces", keys.list_head("acme", 3001), **pool | {"email": "desk@example.com"})
    for nth in range(8):
        one = reply("tes2", id=f"cut{nth}", mobile=f"+642155500{nth}")
        cut(function, dynamo, nth, one)
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


def test_death_after_every_write_answers_once_under_one_id(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    """Cut before each write in turn, then taken again."""
    settings(dynamo, **DEFAULT)
    for nth in range(9):
        one = reply("hello", id=f"cut{nth}", mobile=f"+642155500{nth}")
        cut(function, dynamo, nth, one)
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
        submitted(dynamo, 5001, mobile)
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

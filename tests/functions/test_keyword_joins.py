"""Who sends a keyword joins its list, once [I8]."""

from types import ModuleType
from typing import Any

import pytest

from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason
from kabar.storage import keys
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import queued
from tests.functions.reply_rig import (
    MOBILE,
    dynamo,
    function,
    inbox,
    keyword,
    post,
    queue,
    reply,
    standing,
)

__all__ = ["dynamo", "function", "post", "queue"]


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

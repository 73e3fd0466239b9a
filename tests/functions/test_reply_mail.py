"""A reply to a list that has an address is mailed there, once [I10]."""

from types import ModuleType

import pytest

from kabar.storage import keys
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import queued
from tests.functions.reply_rig import (
    MOBILE,
    Post,
    dynamo,
    function,
    inbox,
    later,
    post,
    queue,
    reply,
    settings,
)

__all__ = ["dynamo", "function", "post", "queue"]


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

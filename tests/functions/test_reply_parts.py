"""Long replies in parts are one reply, whatever the order, and once (F24) [I2]."""

import json
from itertools import permutations
from types import ModuleType
from typing import Any

import pytest

from kabar.carriers.generic import Gateway, Generic
from kabar.domain.inbound import packed_reply, reply_of
from kabar.domain.messages import Part
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import queued
from tests.functions.reply_rig import (
    REPLIED_AT,
    Queue,
    cut,
    dynamo,
    function,
    post,
    queue,
    reply,
    standing,
)

__all__ = ["dynamo", "function", "post", "queue"]

TEXTS = ["I would like ", "to come ", "tomorrow"]


def part(number: int, of: str = "77", total: int = 3, **changes: Any) -> dict[str, Any]:
    text = TEXTS[number - 1] if number <= len(TEXTS) else ""
    said: dict[str, Any] = {"id": f"p{number}", "text": text, "at": REPLIED_AT + number}
    return reply(**{**said, "part": [of, number, total], **changes})


def kept(dynamo: FakeDynamo) -> list[tuple[str, str]]:
    """Carrier id and text of every reply."""
    rows = [row for row in dynamo.tables["people"].values() if row.get("via") == "reply"]
    return sorted((row["id"], row["text"]) for row in rows)


def leftovers(dynamo: FakeDynamo) -> int:
    return sum(sk.startswith("part#") for _, sk in dynamo.tables["dispatch"])


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_f24_parts_in_any_order_are_one_reply(
    function: ModuleType, dynamo: FakeDynamo, order: tuple[int, ...]
) -> None:
    for number in order:
        function.handler(queued(part(number)), None)
    assert kept(dynamo) == [("p1", "I would like to come tomorrow")]
    assert leftovers(dynamo) == 0


@pytest.mark.parametrize("order", [(1, 1, 2, 3), (3, 2, 1, 1, 2, 3), (2, 2, 2, 1, 3, 3, 1)])
def test_f24_repeated_parts_are_one_reply(
    function: ModuleType, dynamo: FakeDynamo, order: tuple[int, ...]
) -> None:
    function.handler(queued(*[part(number) for number in order]), None)
    assert kept(dynamo) == [("p1", "I would like to come tomorrow")]
    assert leftovers(dynamo) == 0


def test_a_reference_that_comes_again_is_another_reply(function: ModuleType, dynamo: FakeDynamo) -> None:
    """It is a byte on the air, so it comes again within the day."""
    function.handler(queued(part(1, total=2), part(2, total=2)), None)
    function.handler(queued(part(2, total=2, id="n2", text="B"), part(1, total=2, id="n1", text="A")), None)
    assert kept(dynamo) == [("n1", "AB"), ("p1", "I would like to come ")]


def test_parts_of_others_are_kept_apart(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler(
        queued(
            part(1, total=2),
            part(2, total=2, id="x", mobile="+6421555000", text="theirs"),
            part(2, total=2, id="y", of="78", text="another"),
            part(2, total=2, id="z", to="99", text="to another number"),
        ),
        None,
    )
    assert kept(dynamo) == []
    function.handler(queued(part(2, total=2)), None)
    assert kept(dynamo) == [("p1", "I would like to come ")]


def test_a_command_in_parts_is_none_and_one_that_is_whole_counts(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    function.handler(queued(part(1, total=2, text="we must "), part(2, total=2, text="stop")), None)
    assert standing(dynamo) == {}
    function.handler(queued(part(1, "9", 2, id="s1", text="ST"), part(2, "9", 2, id="s2", text="OP")), None)
    assert "3000" in standing(dynamo)["lists"]


def test_what_misses_a_part_is_a_reply_after_a_while(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = REPLIED_AT
    monkeypatch.setattr(function.time, "time_ns", lambda: now * 1_000_000)
    function.handler(queued(part(3)), None)
    now += 400_000
    function.handler(queued(part(1)), None)
    first, second = queue.bodies
    assert first == {**part(3), "late": True}
    now += 202_000
    function.handler(queued(first), None)
    assert kept(dynamo) == []
    now += 400_000
    function.handler(queued(second), None)
    assert kept(dynamo) == [("p1", "I would like […]tomorrow")]
    function.handler(queued(second, part(1)), None)
    assert len(kept(dynamo)) == 1
    assert leftovers(dynamo) == 0


def test_death_after_every_write_joins_once(function: ModuleType, dynamo: FakeDynamo) -> None:
    for nth in range(9):
        mobile = f"+642155500{nth}"
        parts = [part(number, mobile=mobile, id=f"{nth}p{number}") for number in (2, 1, 3)]
        function.handler(queued(*parts[:2]), None)
        cut(function, dynamo, nth, parts[2])
        function.handler(queued(parts[2]), None)
        found = [
            row["text"]
            for row in dynamo.tables["people"].values()
            if row.get("mobile") == mobile and "id" in row
        ]
        assert found == ["I would like to come tomorrow"]
        # whatever the cut left, the same reference is another reply
        function.handler(queued(part(1, mobile=mobile, id=f"{nth}new")), None)
        assert (
            len(
                [
                    row
                    for row in dynamo.tables["people"].values()
                    if row.get("mobile") == mobile and "id" in row
                ]
            )
            == 1
        )


def test_the_last_two_parts_at_once_are_one_reply(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler(queued(part(2)), None)
    dynamo.before.append(lambda: function.handler(queued(part(1)), None))
    function.handler(queued(part(3)), None)
    assert kept(dynamo) == [("p1", "I would like to come tomorrow")]


def test_a_part_that_is_repeated_while_the_others_are_joined_leaves_nothing(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    function.handler(queued(part(2), part(1)), None)
    dynamo.before.append(lambda: function.handler(queued(part(3)), None))
    function.handler(queued(part(1)), None)
    assert kept(dynamo) == [("p1", "I would like to come tomorrow")]
    assert leftovers(dynamo) == 0


GATEWAY = Generic(
    Gateway.of(
        {
            "replies": {
                "id": "id",
                "mobile": "from",
                "to": "to",
                "text": "text",
                "part": "udh.n",
                "parts": "udh.of",
                "part_of": "udh.ref",
            }
        }
    )
)


def posted(udh: Any) -> dict[str, Any]:
    return {"id": "1", "from": "6421555666", "to": "3774", "text": "hello", "udh": udh}


@pytest.mark.parametrize(
    ("udh", "expected"),
    [
        ({"n": 2, "of": 3, "ref": 119}, Part("119", 2, 3)),
        ({"n": "1", "of": "2", "ref": "a7"}, Part("a7", 1, 2)),
        ({"n": 1, "of": 1, "ref": 119}, None),
        ({"n": 4, "of": 3, "ref": 119}, None),
        ({"n": 0, "of": 3, "ref": 119}, None),
        ({"n": 1, "of": 256, "ref": 119}, None),
        ({"n": "x", "of": 3, "ref": 119}, None),
        ({"n": 1, "of": 3}, None),
        (None, None),
    ],
)
def test_a_gateway_says_which_part_it_posts(udh: Any, expected: Part | None) -> None:
    (read,) = GATEWAY.read_replies(json.dumps(posted(udh)).encode()).entries
    assert read.part == expected
    assert reply_of(json.loads(json.dumps(packed_reply(read)))) == read

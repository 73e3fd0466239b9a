"""What is stored about people reaches the status vectors, however often and in whatever order it is told."""

import random
from types import ModuleType
from typing import Any

import pytest

from kabar.domain.charges import Charges
from kabar.domain.statuses import REPLIED_OPT_OUT, Status, cell
from kabar.storage import chunks, keys
from kabar.storage.dynamo import Table, encode_item
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import load, logged, sample

RECEIVED, EXPIRED, SENT = cell(Status.RECEIVED), cell(Status.EXPIRED), cell(Status.SENT)


@pytest.fixture
def dynamo() -> FakeDynamo:
    return FakeDynamo()


@pytest.fixture
def function(dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr("kabar.storage.chunks.time.sleep", lambda _: None)
    return load("follow_people", monkeypatch, dynamodb=dynamo)


def record(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventID": "e",
        "eventName": "INSERT",
        "dynamodb": {"ApproximateCreationDateTime": 1_700_000_000, "NewImage": encode_item(item)},
    }


def told(status: str, pos: int, chunk: int = 0, campaign: int = 4000) -> dict[str, Any]:
    key = keys.fact("acme", "+6421555666", 5000 + pos, status)
    return record(
        {**key, "at": 1, "code": "", "campaign": campaign, "chunk": chunk, "pos": pos, "via": "receipt"}
    )


def stored(dynamo: FakeDynamo, chunk: int = 0, campaign: int = 4000) -> dict[str, Any]:
    return dynamo.find("dispatch", keys.chunk(campaign, chunk)) or {}


def test_a_receipt_and_an_opt_out_show_in_one_position(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler(sample("follow_people_receipt_and_opt_out"), None)
    chunk = stored(dynamo)
    assert chunk["vector"] == bytes([0, RECEIVED | REPLIED_OPT_OUT])
    assert (chunk["number"], chunk["version"]) == (0, 1)
    assert "state" not in chunk
    assert "wake" not in chunk
    assert chunk["expires_at"] > 90 * 86_400


def test_each_chunk_is_written_once_for_all_that_a_batch_says(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    facts = [told("received", pos, chunk) for chunk in range(3) for pos in range(100)]
    function.handler({"Records": facts}, None)
    assert dynamo.calls.count("update_item") == 3
    assert [stored(dynamo, chunk)["vector"] for chunk in range(3)] == [bytes([RECEIVED] * 100)] * 3


def test_replays_reordering_and_splitting_change_nothing(function: ModuleType, dynamo: FakeDynamo) -> None:
    """F17, F18, F21"""
    facts = [
        told(status, pos) for pos in range(20) for status in ("received", "expired", "failed")[pos % 3 :]
    ]
    function.handler({"Records": facts}, None)
    expected = stored(dynamo)["vector"]
    for seed in range(5):
        shuffled = facts * 2
        random.Random(seed).shuffle(shuffled)  # noqa: S311  # seeded: runs must repeat
        dynamo.tables.clear()
        for at in range(0, len(shuffled), 7):
            function.handler({"Records": shuffled[at : at + 7]}, None)
        assert stored(dynamo)["vector"] == expected


def test_a_replay_writes_nothing(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler({"Records": [told("received", 3)]}, None)
    dynamo.calls.clear()
    function.handler({"Records": [told("received", 3), told("expired", 3)]}, None)
    assert dynamo.calls == ["batch_get_item", "get_item"]


def test_what_the_sender_knows_of_a_chunk_stays(function: ModuleType, dynamo: FakeDynamo) -> None:
    sent = {
        "number": 0,
        "vector": bytes([SENT, SENT]),
        "version": 4,
        "state": "closed",
        "segments": 2,
        "wake": 9,
    }
    dynamo.seed("dispatch", keys.chunk(4000, 0), expires_at=77, **sent)
    function.handler({"Records": [told("received", 0)]}, None)
    changed = {"vector": bytes([RECEIVED, SENT]), "version": 5}
    assert stored(dynamo) == {**keys.chunk(4000, 0), **sent, **changed, "expires_at": 77}


def test_another_writer_in_between_loses_nothing(function: ModuleType, dynamo: FakeDynamo) -> None:
    key = keys.chunk(4000, 0)

    def other_writer() -> None:
        version = stored(dynamo).get("version", 0) + 1
        dynamo.seed("dispatch", key, number=0, vector=bytes([SENT] * 3), version=version, expires_at=1)

    dynamo.before += [other_writer] * 3
    function.handler({"Records": [told("received", 1)]}, None)
    assert stored(dynamo)["vector"] == bytes([SENT, RECEIVED, SENT])
    assert stored(dynamo)["version"] == 4


def test_writers_that_never_stop_leave_the_batch_to_the_stream(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    def other_writer() -> None:
        version = stored(dynamo).get("version", 0) + 1
        dynamo.seed("dispatch", keys.chunk(4000, 0), number=0, vector=b"", version=version, expires_at=1)

    dynamo.before += [other_writer] * 100
    with pytest.raises(chunks.Contended):
        function.handler({"Records": [told("received", 1)]}, None)


def test_what_an_answer_refused_costs_nothing_though_its_sender_died(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    by_answer, by_receipt = told("rejected", 0), told("rejected", 1)
    by_answer["dynamodb"]["NewImage"]["via"] = {"S": "call"}
    function.handler({"Records": [by_answer, by_receipt]}, None)
    vector = bytes([cell(Status.UNCERTAIN)] * 2)
    chunks.Chunks(Table("dispatch")).merge(4000, 0, vector, 1, charges=Charges(((2, 5),)))
    chunk = chunks.Chunks(Table("dispatch")).read(4000, 0)
    assert chunk.vector == bytes([cell(Status.REJECTED)] * 2)
    assert chunk.charges.total(chunk.vector, chunk.refused) == (2, 5)


def test_what_belongs_to_no_campaign_or_says_nothing_is_skipped(
    function: ModuleType, dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = logged(function, monkeypatch)
    reply = {"pk": "acme#+642", "sk": "in#infobip#1", "via": "reply"}
    function.handler(
        {
            "Records": [
                record({**reply, "opt_out": True}),
                record({**reply, "opt_out": False, "campaign": 4000, "chunk": 0, "pos": 0}),
            ]
        },
        None,
    )
    assert dynamo.calls == []
    assert [line["unreadable"] for line in lines] == [[]]


def test_what_is_told_of_an_api_message_shows_in_its_request(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    received, refused = told("received", 1), told("rejected", 0)
    for each in (received, refused):
        image = each["dynamodb"]["NewImage"]
        image["request"] = image.pop("campaign")
    function.handler({"Records": [received, refused]}, None)
    assert stored(dynamo)["vector"] == bytes([cell(Status.REJECTED), RECEIVED])


def test_an_opt_out_that_nobody_is_told_of_counts_all_the_same(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    """A reply that an earlier release stored has no id to tell it by."""
    reply = {"pk": "acme#+642", "sk": "in#infobip#1", "via": "reply", "opt_out": True}
    function.handler({"Records": [record({**reply, "campaign": 4000, "chunk": 0, "pos": 1})]}, None)
    assert stored(dynamo)["vector"] == bytes([0, REPLIED_OPT_OUT])


def test_what_can_not_be_understood_is_left_and_the_rest_is_merged(
    function: ModuleType, dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = logged(function, monkeypatch)
    strange = told("delivered", 1)
    without_place = record({"pk": "p", "sk": "out#1#received", "via": "receipt", "campaign": 4000})
    removed = {"eventID": "r", "eventName": "REMOVE", "dynamodb": {"Keys": {}}}
    function.handler({"Records": [strange, without_place, removed, told("received", 1)]}, None)
    assert stored(dynamo)["vector"] == bytes([0, RECEIVED])
    assert [line["unreadable"] for line in lines] == [["e", "e", "r"]]


def test_closing_charges_and_wake_follow_the_sender(dynamo: FakeDynamo) -> None:
    table = chunks.Chunks(Table("dispatch", dynamo))
    assert table.read(4000, 0) == chunks.Chunk()
    known = Charges.of([(3, 50), (1, 50)])
    sent = table.merge(4000, 0, bytes([SENT, 0]), 5000, charges=known, refused=[1], wake=60_000)
    assert sent == bytes([SENT, 0])
    assert table.read(4000, 0) == chunks.Chunk(
        sent, 1, closed=False, wake=60_000, charges=known, refused=frozenset({1})
    )
    table.merge(4000, 0, b"", 6000, charges=Charges.of([(9, 9)]), refused=[0], wake=None, close=True)
    assert table.read(4000, 0) == chunks.Chunk(sent, 2, closed=True, charges=known, refused=frozenset({0, 1}))
    assert stored(dynamo)["state"] == "closed"
    assert stored(dynamo)["expires_at"] == 5 + 90 * 86_400
    dynamo.calls.clear()
    table.merge(4000, 0, sent, 6500)
    assert dynamo.calls == ["get_item"]  # closed as it is
    table.merge(4000, 0, bytes([RECEIVED]), 7000)
    assert table.read(4000, 0) == chunks.Chunk(
        bytes([RECEIVED, 0]), 3, closed=True, charges=known, refused=frozenset({0, 1})
    )


def test_every_chunk_of_a_campaign_is_found_over_its_partitions(dynamo: FakeDynamo) -> None:
    table = chunks.Chunks(Table("dispatch", dynamo))
    for number in (0, 999, 1000, 2000):
        table.merge(4000, number, bytes([SENT]), 0)
    assert [item["number"] for item in table.every(4000, 2001)] == [0, 999, 1000, 2000]
    assert [item["number"] for item in table.every(4000, 1000)] == [0, 999]

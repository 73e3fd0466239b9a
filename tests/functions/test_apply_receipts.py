"""Receipts become facts: early, late, twice, out of order, or for nobody we know [H1] [H2]."""

import time
from types import ModuleType
from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import load, logged, queued, sample

MOBILE = "+6421555666"
AT = 1772359204000


@pytest.fixture
def dynamo() -> FakeDynamo:
    fake = FakeDynamo()
    first_campaign = {"workspace": "acme", "campaign": 4000, "list": 3000}
    fake.seed("workspaces", keys.id_block(5000), first=5000, size=1200, chunk_size=500, **first_campaign)
    fake.seed(
        "workspaces",
        keys.id_block(9000),
        first=9000,
        size=10,
        chunk_size=500,
        workspace="other",
        campaign=4001,
        list=3001,
    )
    fake.seed("workspaces", keys.id_counter(), next=9010)
    return fake


@pytest.fixture
def function(dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("apply_receipts", monkeypatch, dynamodb=dynamo)


def receipt(message: str = "1a2b3c4d-5001", status: str = "received", **changes: Any) -> dict[str, Any]:
    return {"id": message, "mobile": MOBILE, "status": status, "at": AT, "code": "5/0"} | changes


def batch(*receipts: dict[str, Any], workspace: str = "acme") -> dict[str, Any]:
    return {"workspace": workspace, "carrier": "infobip", "receipts": list(receipts)}


def fact(dynamo: FakeDynamo, message: int, status: str, mobile: str = MOBILE) -> dict[str, Any] | None:
    return dynamo.find("people", keys.fact("acme", mobile, message, status))


def test_each_receipt_becomes_a_fact_of_the_message_it_is_about(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    function.handler(sample("apply_receipts_batch"), None)
    delivered = fact(dynamo, 5001, "received")
    assert delivered
    assert {name: delivered[name] for name in ("at", "code", "campaign", "chunk", "pos", "via")} == {
        "at": AT,
        "code": "5/0",
        "campaign": 4000,
        "chunk": 0,
        "pos": 1,
        "via": "receipt",
    }
    dead = fact(dynamo, 5502, "dead", "+905321234567")
    assert dead
    assert (dead["chunk"], dead["pos"]) == (1, 2)


def test_f19_a_receipt_before_its_record_promotes(function: ModuleType, dynamo: FakeDynamo) -> None:
    """F19"""
    assert dynamo.tables["people"] == {}
    function.handler(queued(batch(receipt())), None)
    assert fact(dynamo, 5001, "received")


def test_f17_a_hundred_repeats_of_a_receipt_are_one_fact(function: ModuleType, dynamo: FakeDynamo) -> None:
    """F17"""
    function.handler(queued(*[batch(*[receipt()] * 10)] * 10), None)
    assert len(dynamo.tables["people"]) == 1
    before = dict(dynamo.tables["people"])
    function.handler(queued(batch(receipt())), None)
    assert dynamo.tables["people"] == before


def test_f21_receipts_that_disagree_are_all_kept_and_the_highest_rank_decides(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    """F21"""
    function.handler(queued(batch(receipt(status="expired"))), None)
    function.handler(queued(batch(receipt(at=AT + 3 * 86_400_000))), None)
    assert fact(dynamo, 5001, "expired")
    assert fact(dynamo, 5001, "received")


@pytest.mark.parametrize("status", ["pending", "held", "submitted", "uncertain", "sent"])
def test_f18_a_receipt_that_says_no_more_than_the_acceptance_writes_nothing(
    function: ModuleType, dynamo: FakeDynamo, status: str
) -> None:
    """F18"""
    function.handler(queued(batch(receipt(status=status), receipt("else-1", status))), None)
    assert dynamo.tables["people"] == dynamo.tables["dispatch"] == {}


@pytest.mark.parametrize(
    "unknown",
    [
        *(
            "1a2b3c4d-4999",
            "1a2b3c4d-6200",
            "1a2b3c4d-9010",
            "1a2b3c4d-99999999999999999",
            "1a2b3c4d-",
            "5001",
        ),
        *("ffffffff-5001", "1a2b3c4d-5001x", "x1a2b3c4d-5001", "1a2b3c4d--5001", "1a2b3c4d-٥٠٠١"),
        "1a2b3c4d-9001",  # another workspace's message [A1]
    ],
)
def test_f20_a_receipt_for_a_message_we_do_not_know_is_kept_for_72_hours(
    function: ModuleType, dynamo: FakeDynamo, unknown: str
) -> None:
    """F20"""
    function.handler(queued(batch(receipt(unknown))), None)
    assert dynamo.tables["people"] == {}
    orphan = dynamo.find("dispatch", keys.carrier_id("acme", "infobip", unknown, "receipts"))
    assert orphan
    assert orphan["received"] == {"at": AT, "code": "5/0", "mobile": MOBILE}
    assert 0 <= time.time() + 72 * 3600 - orphan["expires_at"] < 60


def test_what_can_not_be_understood_is_left_and_the_rest_is_applied(
    function: ModuleType, dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the log line says which queue messages those were, and of which posts the others came."""
    lines = logged(function, monkeypatch)
    poison = [{}, [], "x", 7, None, {"workspace": "acme"}, batch({"id": "1a2b3c4d-5002"})]
    poison += [batch(receipt(status="delivered")), batch(receipt(at="soon")), batch(receipt(at=None))]
    readable = [batch(receipt()) | {"request_id": "r2"}, batch(receipt()) | {"request_id": "r1"}]
    event = queued(*poison, *readable)
    event["Records"].insert(0, {"messageId": "m", "body": "{not json"})
    function.handler(event, None)
    (line,) = lines
    assert line["unreadable"] == ["m", *(f"m{n}" for n in range(len(poison)))]
    assert line["correlation_ids"] == ["r1", "r2"]
    assert list(dynamo.tables["people"]) == [tuple(keys.fact("acme", MOBILE, 5001, "received").values())]


def test_a_whole_batch_costs_one_look_at_its_block_and_one_write_in_25(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    receipts = [receipt(f"1a2b3c4d-{5000 + n}") for n in range(1000)]
    function.handler(queued(*[batch(*receipts[at : at + 100]) for at in range(0, 1000, 100)]), None)
    assert dynamo.calls == ["query"] + ["batch_write_item"] * 40
    function.handler(queued(batch(receipt("1a2b3c4d-6199"))), None)
    assert dynamo.calls[41:] == ["batch_write_item"]


def test_a_table_that_fails_brings_the_batch_again(
    function: ModuleType, dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(dynamo, "batch_write_item", down)
    with pytest.raises(ConnectionError):
        function.handler(queued(batch(receipt())), None)

"""What the cloud does to sending, by the faults' numbers."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kabar.carriers.base import Answer
from kabar.domain.campaigns import CHUNK_SIZE, lanes
from kabar.domain.messages import Receipt
from kabar.domain.statuses import Status
from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.references import ORPHANS_KEPT_SECONDS, References
from tests.functions.fake_dynamo import FakeDynamo, client_error
from tests.functions.gateway_rig import EVERY, LEASE, START, Campaign, accepts


@EVERY
@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
def test_f66_a_call_that_the_table_keeps_refusing_costs_nobody_anything(
    promise: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call of the lane in turn, after the SDK's own retries: the lane dies, the next leg goes on."""
    for step in range(40):
        campaign = Campaign(monkeypatch, promise, 3)
        plan = campaign.rig.plan(1, 1, now=campaign.now)
        campaign.number = 1
        if not _send_refused(campaign, plan, step, code):
            return
        campaign.wait(2 * LEASE)
        campaign.run()
        assert set(accepts(campaign, promise).values()) <= {1}
        assert set(campaign.statuses()) <= ({"sent"} if promise in "AB" else {"sent", "uncertain"})
    pytest.fail("it never ran through")


def _send_refused(campaign: Campaign, plan: Any, step: int, code: str) -> bool:
    """Send with one table call refused; False when there were fewer calls."""
    done, real = 0, campaign.rig.dynamo._interfere  # the fake's own hook

    def interfere(call: str) -> None:
        nonlocal done
        done += 1
        if done == step + 1:
            raise client_error(code)
        real(call)

    campaign.rig.dynamo._interfere = interfere  # type: ignore[method-assign]  # as above
    try:
        campaign.rig.send(1, 1, plan)
    except ClientError:
        return True
    finally:
        campaign.rig.dynamo._interfere = real  # type: ignore[method-assign]  # as above
    return False


@pytest.mark.parametrize("recipients", [1_000_000, 100_000_000])
@pytest.mark.parametrize("rate", [100, 10_000])
def test_f73_f74_what_an_execution_carries_and_does_stays_small(recipients: int, rate: int) -> None:
    """Below 32 kB of payload, far below 25,000 events: at most ten children a leg."""
    planned = lanes(range(-(-recipients // CHUNK_SIZE)), CHUNK_SIZE, rate)
    payload = {"lanes": [{**lane, "proved": True, "alone": False} for lane in planned]}
    assert len(json.dumps(payload)) < 32_000
    assert len(planned) <= 10


def test_f77_a_lane_stops_before_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, "C", 100)
    real = campaign.gateway.__call__

    def slow(request: Any, seconds: float) -> Answer:
        campaign.wait(4000)
        return real(request, seconds)

    campaign.rig.carrier = slow  # type: ignore[assignment]  # another `Call`
    campaign.leg()
    assert 0 < len(campaign.gateway.calls) < 300
    campaign.run()
    assert campaign.statuses() == {"sent": 100}
    assert set(campaign.gateway.accepted.values()) == {1}


def test_f67_a_conflict_over_the_pace_is_settled_by_trying_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another lane reserves between our read and our write, five times in a row."""
    campaign = Campaign(monkeypatch, "C", 3)
    pace = keys.pace("acme", "http", "KABAR1")

    def another() -> None:
        moved = campaign.rig.dynamo.find("workspaces", pace) or {"next": START}
        campaign.rig.dynamo.seed("workspaces", pace, next=moved["next"] + 1)

    plan = campaign.rig.plan(1, 1, now=campaign.now)
    campaign.rig.dynamo.before = [another] * 5
    campaign.number = 1
    campaign.rig.send(1, 1, plan)
    campaign.rig.settle(1, 1, now=campaign.now)
    campaign.run()
    assert campaign.statuses() == {"sent": 3}


@EVERY
def test_f70_unprocessed_items_are_written_before_the_call(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 40)
    real, refused = campaign.rig.dynamo.batch_write_item, []

    def half(**request: Any) -> dict[str, Any]:
        ((table, items),) = request["RequestItems"].items()
        if len(items) < 2:
            return real(**request)
        refused.append(len(items) // 2)
        real(RequestItems={table: items[: len(items) // 2]})
        return {"UnprocessedItems": {table: items[len(items) // 2 :]}}

    monkeypatch.setattr("kabar.storage.dynamo.time.sleep", lambda _: None)
    monkeypatch.setattr(campaign.rig.dynamo, "batch_write_item", half)
    campaign.run()
    assert refused
    assert campaign.statuses() == {"sent": 40}
    facts = {pk for pk, sk in campaign.rig.dynamo.tables["people"] if sk.endswith("#submitted")}
    assert len(facts) == 40


def test_f71_nothing_in_sending_is_decided_by_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, "C", 3)
    real = campaign.rig.dynamo.query

    def query(**request: Any) -> dict[str, Any]:
        assert "IndexName" not in request
        return real(**request)

    monkeypatch.setattr(campaign.rig.dynamo, "query", query)
    campaign.run()
    assert campaign.statuses() == {"sent": 3}


@EVERY
def test_f46_f75_f76_a_leg_and_a_lane_that_run_twice_send_once(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 40)
    plan = campaign.rig.plan(1, 1, now=campaign.now)
    assert campaign.rig.plan(1, 1, now=campaign.now) == plan
    for _ in range(2):
        campaign.rig.send(1, 1, plan)
    campaign.number = 1
    campaign.rig.settle(1, 1, now=campaign.now)
    campaign.run()
    assert campaign.statuses() == {"sent": 40}
    assert set(accepts(campaign, promise).values()) == {1}


def test_f68_no_key_takes_more_than_a_small_share_of_a_large_campaign() -> None:
    """A million recipients: claims spread over chunks, chunks over partitions of a thousand, people over numbers."""
    chunks = 1_000_000 // CHUNK_SIZE
    claims = {
        keys.claim(1, chunk, slice_number)["pk"] for chunk in range(chunks) for slice_number in range(5)
    }
    partitions = [keys.chunk(1, chunk)["pk"] for chunk in range(chunks)]
    assert len(claims) == chunks
    assert max(map(partitions.count, set(partitions))) <= 1000


def test_f72_a_receipt_kept_beyond_its_72_hours_joins_nothing_though_the_table_has_it_still() -> None:
    table = Table("dispatch", FakeDynamo())
    known = References(table, "acme", "http")
    known.keep([Receipt("theirs-1", "+6421555666", Status.RECEIVED, START, "")], START)
    over = START + ORPHANS_KEPT_SECONDS * 1000
    assert len(known.waiting(["theirs-1"], over - 1000)) == 1
    assert known.waiting(["theirs-1"], over + 1000) == []

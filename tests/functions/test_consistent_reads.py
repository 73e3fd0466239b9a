"""What senders decide by is read consistently: a copy that lags a second would send to whoever left within it."""

from dataclasses import replace
from typing import Any

import pytest

from kabar.domain.campaigns import Life
from kabar.domain.handover import AnswerLost
from kabar.domain.messages import Receipt
from kabar.domain.slices import Claim
from kabar.domain.statuses import Status
from kabar.storage import keys
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.references import References
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.gateway_rig import START, Campaign
from tests.functions.leg_rig import LIST, WORKSPACE, Rig
from tests.functions.request_rig import CLOSE, MONDAY_8, RequestRig
from tests.functions.test_request_hours import released

# rates, sizes and texts of people: what was true a second ago is true enough
SETTINGS = {
    "settings",
    "carrier#infobip",
    "carrier#http",
    keys.list_head(WORKSPACE, LIST)["sk"],
    keys.prices(WORKSPACE)["sk"],
}


def lagging(dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What is read without ConsistentRead from now on, by sort key; "*" and its partition for a query."""
    found: set[str] = set()
    one, many, several = dynamo.get_item, dynamo.query, dynamo.batch_get_item

    def get_item(**request: Any) -> Any:
        note(request, request["Key"]["sk"]["S"])
        return one(**request)

    def query(**request: Any) -> Any:
        note(request, f"* {request['ExpressionAttributeValues'][':pk']['S']}")
        return many(**request)

    def batch_get_item(**request: Any) -> Any:
        for asked in request["RequestItems"].values():
            for key in asked["Keys"]:
                note(asked, key["sk"]["S"])
        return several(**request)

    def note(request: dict[str, Any], what: str) -> None:
        if not request["ConsistentRead"] and what not in SETTINGS:
            found.add(what)

    for watched in (get_item, query, batch_get_item):
        monkeypatch.setattr(dynamo, watched.__name__, watched)
    return found


def test_legs_decide_by_what_is_there_now(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    rig.members(600)
    rig.campaign(1)
    rig.campaign(2)
    found = lagging(rig.dynamo, monkeypatch)
    rig.leg(1, 1)
    rig.leg(2, 1)
    rig.run_started()
    assert [rig.head(number)["status"] for number in (1, 2)] == ["completed", "completed"]
    assert not found


def test_a_cancel_closes_by_the_claims_that_are_there_now(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    rig.members(3)
    rig.campaign(1)
    rig.carrier.answers = [AnswerLost("no answer in time")]
    rig.leg(1, 1)
    found = lagging(rig.dynamo, monkeypatch)
    rig.campaigns.control(WORKSPACE, 1, "cancel", "api:me", 7)
    assert rig.leg(1, 2) == "close"
    assert not found


@pytest.mark.parametrize("promise", "ABCD")
def test_whoever_takes_a_slice_over_sees_what_was_done_for_it(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 3, receipts={"id": "id", "own_id": True})
    References(campaign.rig.dispatch, WORKSPACE, "http").keep(
        [Receipt("g-1", "", Status.RECEIVED, START, "DELIVRD")], START
    )
    found = lagging(campaign.rig.dynamo, monkeypatch)
    for step in range(12):
        campaign.leg(die_before=step)
        campaign.wait(120_000)
    campaign.run()
    assert not found


def test_requests_are_held_sent_and_taken_back_by_what_is_there_now(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = RequestRig(monkeypatch)
    rig.settings(enabled=True)
    rig.clock = CLOSE
    found = lagging(rig.dynamo, monkeypatch)
    rig.submit(3)
    rig.drain()
    rig.message(9001)
    assert rig.tools.held.openings(WORKSPACE)  # as an edit of the hours does
    assert rig.legs.campaigns.open_in(WORKSPACE) == []
    rig.clock = MONDAY_8
    assert released(rig, MONDAY_8) == [9000]  # also of whoever was held a moment before the hours were edited
    assert rig.drain() == ["done"]
    assert not found


def test_whoever_submits_the_same_at_once_is_told_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = RequestRig(monkeypatch)
    found = lagging(rig.dynamo, monkeypatch)

    def faster() -> None:
        rig.submit(2, first_id=9500)

    rig.dynamo.before = [lambda: None, lambda: None, faster]  # its rows and its block are there already
    assert rig.submit(2, first_id=9700)["first_id"] == 9500
    assert not found


def test_whoever_was_slower_looks_at_what_is_there_now(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    rig.campaign(1)
    found = lagging(rig.dynamo, monkeypatch)
    ledger = ChunkLedger(rig.dispatch, 1, 0)
    claim = Claim(owner="first", attempt=1, claimed_at=1, lease=60_000, vector=bytes(1))
    assert ledger.take(0, claim, None)
    assert not ledger.take(0, replace(claim, owner="second"), None)
    head = rig.campaigns.take_leg(WORKSPACE, 1, 1, "one", 99)
    assert head
    rig.campaigns.pause(WORKSPACE, 1, "too many failed", 7)
    assert not rig.campaigns.advance(head, Life.SENDING, 8)
    assert not found


def test_a_campaign_starts_with_the_list_that_was_made_just_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(monkeypatch)
    rig.dynamo.lag()
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST + 50), id=LIST + 50)
    rig.members(3, LIST + 50)
    rig.campaign(1, list_id=LIST + 50)
    assert rig.leg(1, 1) == "complete"
    assert len(rig.carrier.accepted) == 3


def test_a_campaign_does_not_start_with_a_list_that_was_deleted_just_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[C6]"""
    rig = Rig(monkeypatch)
    rig.members(3)
    rig.campaign(1)
    rig.dynamo.lag()
    rig.delete_list(LIST)
    assert rig.leg(1, 1) == "failed"
    assert rig.carrier.accepted == []


def test_a_campaign_waits_for_an_import_that_has_just_begun_and_for_none_that_has_just_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever ends one has looked for the notes of those who wait for it by then."""
    rig = Rig(monkeypatch)
    rig.members(3)
    rig.campaign(1)
    rig.dynamo.lag()
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST, loading={"an-import"})
    assert rig.leg(1, 1) == "waiting_for_import"
    rig.dynamo.lag()
    rig.dynamo.before = [
        lambda: None,  # takes the leg, then the note
        lambda: rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST),
    ]
    assert rig.leg(1, 2) == "complete"

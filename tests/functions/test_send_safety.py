"""What keeps a campaign from doing harm: the first slice alone, breakers, shared connections [F8]."""

from dataclasses import replace
from typing import Any

import pytest

from kabar.carriers.base import Answer
from kabar.domain.campaigns import CHUNK_SIZE, Life
from kabar.domain.statuses import REPLIED_OPT_OUT, Status, cell
from kabar.storage import keys
from tests.functions.gateway_rig import GATEWAYS, Campaign


@GATEWAYS
def test_the_first_slice_goes_alone_and_a_first_call_that_brings_nothing_stops_the_rest(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 200)
    campaign.gateway.outage = Answer(502)
    campaign.leg()
    assert len(campaign.gateway.calls) == 16


def test_many_lanes_wait_for_the_first_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, "B", 6 * CHUNK_SIZE)
    assert campaign.leg() == "go on"
    assert len(campaign.rig.carrier.accepted) == 100
    campaign.run()
    assert len(set(campaign.rig.carrier.accepted)) == len(campaign.rig.carrier.accepted) == 6 * CHUNK_SIZE


@pytest.mark.parametrize(("connections", "of"), [(48, 3), (16, 1), (5, 1), (480, 10)])
def test_lanes_share_the_connections_that_an_account_allows(
    connections: int, of: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, "C", 60 * CHUNK_SIZE)
    account = campaign.rig.dynamo.find("workspaces", keys.carrier("acme", "http"))
    assert account
    account |= {"connections": connections, "slice": connections}
    campaign.rig.plan(1, 1, now=campaign.now)
    campaign.rig.chunks.merge(1, 0, bytes([cell(Status.SENT)]), campaign.now)
    plan = campaign.rig.plan(1, 2, now=campaign.now)
    assert {lane["of"] for lane in plan["lanes"]} == {of}
    assert of * campaign.rig.head(1)["plan"]["slice"] <= connections


@pytest.mark.parametrize("promise", "CD")
def test_a_carrier_that_answers_nothing_and_can_not_be_asked_pauses_the_campaign(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 500)
    campaign.leg()
    campaign = Campaign(monkeypatch, promise, 500)
    campaign.gateway.outage = Answer(504)
    campaign.leg()
    assert campaign.life is Life.PAUSED
    assert "uncertain" in campaign.rig.head(1)["status_reason"]
    assert campaign.statuses() == {"uncertain": 16, "pending": 484}


def test_too_many_refused_recipients_pause_with_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, "C", 400)
    campaign.rig.opened = replace(campaign.rig.opened, most_failed=0.3)
    for mobile in campaign.mobiles[8:]:
        campaign.gateway.answers[mobile] = [Answer(200, {}, b'{"status": "bad"}')]
    campaign.leg()
    assert campaign.life is Life.PAUSED
    assert "% of the last" in campaign.rig.head(1)["status_reason"]
    assert len(campaign.gateway.calls) < 200


@pytest.mark.parametrize(
    ("byte", "why"),
    [(cell(Status.FAILED), "messages failed"), (cell(Status.RECEIVED) | REPLIED_OPT_OUT, "opted out")],
)
def test_receipts_and_replies_that_come_meanwhile_pause_the_campaign(
    byte: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, "C", 2000)
    campaign.rig.opened = replace(campaign.rig.opened, most_failed=0.5, most_opted_out=0.1, connections=16)
    real = campaign.gateway.__call__

    def told_at_once(request: Any, seconds: float) -> Answer:
        campaign.wait(20)
        if len(campaign.gateway.calls) == 400:
            campaign.rig.chunks.merge(1, 0, bytes([byte]) * 300, campaign.now)
        return real(request, seconds)

    campaign.rig.carrier = told_at_once  # type: ignore[assignment]  # another `Call`
    for _ in range(3):
        campaign.leg()
    assert campaign.life is Life.PAUSED
    assert why in campaign.rig.head(1)["status_reason"]
    assert len(campaign.gateway.calls) < 1500
    campaign.rig.campaigns.control("acme", 1, "resume", "me", campaign.now)
    campaign.run()
    assert campaign.statuses()["sent"] >= 1600  # whoever resumes starts afresh
    assert set(campaign.gateway.accepted.values()) == {1}

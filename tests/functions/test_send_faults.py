"""Send-path faults by their numbers, through the real connectors and tables, in every carrier class."""

import json
from typing import Any

import pytest

from kabar.carriers.base import Answer
from kabar.domain.campaigns import Life
from kabar.domain.handover import AnswerLost, Unreachable
from kabar.domain.messages import Receipt
from kabar.domain.statuses import Status, cell
from kabar.storage import keys
from kabar.storage.references import ORPHANS_KEPT_SECONDS, References
from tests.functions.gateway_rig import EVERY, GATEWAYS, LEASE, LOST_AFTER, START, Campaign, accepts


@EVERY
def test_f1_a_death_anywhere_in_sending_accepts_everybody_once(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A and B end exact; C and D may be uncertain about whom the call that died was for."""
    for step in range(40):
        campaign = Campaign(monkeypatch, promise, 3)
        campaign.leg(die_before=step)
        if "closed_at" in campaign.rig.head(1):
            assert step >= 5  # pace, claim, facts, the call, record, chunk
            return
        campaign.wait(2 * LEASE)
        campaign.run()
        assert set(accepts(campaign, promise).values()) <= {1}
        ends = campaign.statuses()
        assert set(ends) <= ({"sent"} if promise in "AB" else {"sent", "uncertain"})
        assert sum(ends.values()) == 3
        assert len(accepts(campaign, promise)) >= ends.get("sent", 0)
    pytest.fail("it never ran through")


@GATEWAYS
@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "17"},
        {"retry-after": "Mon, 02 Mar 2026 10:00:17 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"},
    ],
)
def test_f2_a_429_is_tried_again_not_before_its_time_and_slower(
    promise: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 3)
    campaign.gateway.outage = Answer(429, headers)
    campaign.leg()
    assert len(campaign.gateway.calls) == 3  # side by side
    campaign.gateway.outage = None
    pace = campaign.rig.dynamo.find("workspaces", keys.pace("acme", "http", "KABAR1"))
    assert pace
    assert pace["held"] >= START + 17_000
    assert pace["eased"] == 0.5
    campaign.run()
    assert campaign.now >= START + 17_000
    assert campaign.statuses() == {"sent": 3}


@pytest.mark.parametrize("code", [500, 502, 504])
@EVERY
def test_f3_a_5xx_is_unknown_and_never_blindly_sent_again(
    promise: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 3)
    if promise == "B":
        campaign.rig.carrier.answers = [Answer(code)]
    else:
        campaign.gateway.answers[campaign.mobiles[1]] = [Answer(code)]
    campaign.run()
    lost = {"uncertain": 1, "sent": 2} if promise in "CD" else {"sent": 3}
    assert campaign.statuses() == lost
    assert set(accepts(campaign, promise).values()) == {1}
    if promise in "CD":
        assert campaign.gateway.calls.count(campaign.mobiles[1]) == 1


@GATEWAYS
def test_f4_a_503_that_says_not_processed_is_tried_again_and_opens_the_circuit(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 100)
    campaign.gateway.outage = Answer(503)
    while campaign.now < START + 600_000:
        campaign.leg()
    # ten minutes: one round a try, and tries wait; an open circuit spares the rest
    assert len(campaign.gateway.calls) <= 16 * 62
    assert campaign.life is Life.SENDING
    assert campaign.statuses() == {"pending": 100}
    campaign.gateway.outage = None
    campaign.run()
    assert campaign.statuses() == {"sent": 100}
    assert set(campaign.gateway.accepted.values()) == {1}


@EVERY
def test_f5_a_read_time_out_is_unknown(promise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, promise, 3)
    if promise == "B":
        campaign.rig.carrier.answers = [AnswerLost("no answer in time")]
    else:
        campaign.gateway.answers[campaign.mobiles[0]] = [AnswerLost("no answer in time")]
    campaign.run()
    assert campaign.statuses() == ({"uncertain": 1, "sent": 2} if promise in "CD" else {"sent": 3})
    assert set(accepts(campaign, promise).values()) == {1}


@EVERY
def test_f6_no_connection_is_surely_not_sent(promise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, promise, 3)
    refused = [Unreachable("no connection (ConnectionRefusedError)") for _ in range(6)]
    if promise == "B":
        campaign.rig.carrier.answers = list(refused)
    else:
        campaign.gateway.answers[""] = list(refused)
    campaign.run()
    assert campaign.statuses() == {"sent": 3}
    assert set(accepts(campaign, promise).values()) == {1}


@GATEWAYS
@pytest.mark.parametrize("body", [b"<html>OK</html>", b"", b'{"status": "ok", "i'])
def test_f8_a_2xx_that_is_no_answer_is_unknown(
    promise: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 3)
    campaign.gateway.answers[campaign.mobiles[2]] = [Answer(200, {}, body)]
    campaign.run()
    assert campaign.statuses() == ({"sent": 3} if promise == "A" else {"sent": 2, "uncertain": 1})


@GATEWAYS
def test_f9_a_round_in_which_everything_happens_is_told_apart_by_message(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two accepted, one rejected, one lost after it was taken, one never connected."""
    campaign = Campaign(monkeypatch, promise, 5)
    _, _, bad, lost, cut = campaign.mobiles
    campaign.gateway.answers = {
        bad: [Answer(200, {}, b'{"status": "bad"}')],
        lost: [LOST_AFTER],
        cut: [Unreachable("no connection")],
    }
    campaign.run()
    certain = {"sent": 4, "rejected": 1}
    assert campaign.statuses() == (certain if promise == "A" else {"sent": 3, "rejected": 1, "uncertain": 1})
    assert set(campaign.gateway.accepted.values()) == {1}
    assert len(campaign.gateway.accepted) == 4


def test_f10_an_id_given_twice_is_an_alarm_and_goes_on_meaning_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = Campaign(monkeypatch, "D", 2, receipts={"id": "id", "own_id": True})
    campaign.gateway.same_id = True
    campaign.run()
    assert len(campaign.rig.alarms) == 1
    kept = campaign.rig.dynamo.find("dispatch", keys.carrier_id("acme", "http", "g-1", "message"))
    assert kept
    assert kept["mobile"] == campaign.gateway.calls[0]


@pytest.mark.parametrize("promise", "CD")
def test_f11_a_late_accept_is_uncertain_until_its_receipt_and_not_sent_again(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 1)
    campaign.gateway.answers[""] = [LOST_AFTER]
    for _ in range(3):
        campaign.leg()
    campaign.rig.campaigns.control("acme", 1, "resume", "me", campaign.now)
    campaign.run()
    assert campaign.statuses() == {"uncertain": 1}
    campaign.rig.chunks.merge(1, 0, bytes([cell(Status.RECEIVED)]), campaign.now)
    assert campaign.statuses() == {"received": 1}
    assert dict(campaign.gateway.accepted) == {campaign.mobiles[0]: 1}


@pytest.mark.parametrize(
    "refusal", [Answer(401), Answer(402), Answer(403), Answer(200, {}, b'{"status": "poor"}')]
)
@GATEWAYS
def test_f12_f13_a_refused_account_pauses_with_the_reason_and_fails_nobody(
    promise: str, refusal: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials revoked, balance exhausted: in mid-run, and resuming goes on exactly."""
    campaign = Campaign(monkeypatch, promise, 40)
    campaign.gateway.answers[""] = []
    for mobile in campaign.mobiles[16:]:
        campaign.gateway.answers[mobile] = [refusal]
    campaign.leg()
    campaign.leg()
    assert campaign.life is Life.PAUSED
    assert "refused" in campaign.rig.head(1)["status_reason"]
    assert set(campaign.statuses()) <= {"sent", "pending"}
    for mobile in campaign.mobiles:
        campaign.gateway.answers[mobile] = []
    campaign.rig.campaigns.control("acme", 1, "resume", "me", campaign.now)
    campaign.run()
    assert campaign.statuses() == {"sent": 40}
    assert set(campaign.gateway.accepted.values()) == {1}


@EVERY
def test_f15_twenty_pauses_skip_nobody_and_send_nobody_twice(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(monkeypatch, promise, 60)
    for step in range(20):
        if "closed_at" in campaign.rig.head(1):
            break
        campaign.leg(die_before=9 + step)
        if campaign.life is Life.SENDING:
            campaign.rig.campaigns.control("acme", 1, "pause", "me", campaign.now)
            campaign.leg()
            campaign.rig.campaigns.control("acme", 1, "resume", "me", campaign.now)
        campaign.wait(2 * LEASE)
    campaign.run()
    assert set(accepts(campaign, promise).values()) == {1}
    assert sum(campaign.statuses().values()) == 60
    assert "pending" not in campaign.statuses()


def test_f16_a_campaign_is_over_only_when_nobody_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, "B", 3)
    campaign.rig.carrier.answers = [AnswerLost("no answer in time")]
    assert campaign.leg() == "wait"
    assert "closed_at" not in campaign.rig.head(1)
    assert campaign.statuses() == {"submitted": 3}
    campaign.run()
    assert campaign.statuses() == {"sent": 3}


def test_f20_a_receipt_for_an_unknown_id_waits_72_hours_and_joins_its_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gateway whose receipts carry only its own ids, posted before its answer reaches us."""
    campaign = Campaign(monkeypatch, "D", 2, receipts={"id": "id", "own_id": True})
    references = References(campaign.rig.dispatch, "acme", "http")
    early = Receipt("g-1", "", Status.RECEIVED, START, "DELIVRD")
    references.keep([early], START)
    references.keep(
        [Receipt("g-2", "", Status.FAILED, START, "UNDELIV")], START - ORPHANS_KEPT_SECONDS * 1000 - 1
    )
    campaign.run()
    facts = {
        sk.rpartition("#")[2] for pk, sk in campaign.rig.dynamo.tables["people"] if sk.startswith("out#")
    }
    assert facts == {"submitted", "received"}  # the other was kept for more than 72 hours [F72]


def test_f82_a_resend_answered_duplicate_id_counts_as_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, "B", 1)
    duplicate: dict[str, Any] = {"status": {"groupId": 5, "id": 23}}

    def answers(request: Any, seconds: float) -> Answer:
        assert seconds
        if request.method == "GET":
            return Answer(200, {}, b'{"results": []}')  # its log lags behind
        sent = request.body["messages"][0]["destinations"][0]["messageId"]
        calls.append(sent)
        if len(calls) == 1:
            raise AnswerLost("no answer in time")
        return Answer(200, {}, json.dumps({"messages": [{"messageId": sent, **duplicate}]}).encode())

    calls: list[str] = []
    campaign.rig.carrier = answers  # type: ignore[assignment]  # another `Call`
    campaign.run()
    assert campaign.statuses() == {"sent": 1}
    assert len(calls) == 2
    assert campaign.rig.alarms == []


def test_a_repeat_that_died_before_its_call_leaves_nobody_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Throttled once, then a death between the claim and the call: surely nothing went out."""
    for step in range(3, 12):
        campaign = Campaign(monkeypatch, "D", 2)
        campaign.gateway.answers[""] = [Answer(429), Answer(429)]
        campaign.leg()
        campaign.wait(60_000)
        before = len(campaign.gateway.calls)
        campaign.leg(die_before=step)
        if len(campaign.gateway.calls) > before:
            break
        campaign.wait(2 * LEASE)
        campaign.run()
        assert campaign.statuses() == {"sent": 2}
    else:
        pytest.fail("it never called again")

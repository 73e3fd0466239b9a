"""Facts about messages: what a sender writes before a call and after a refusal, and what the next one reads of it."""

from dataclasses import replace
from typing import Any

import pytest

from kabar.carriers.base import Answer, Request
from kabar.domain.campaigns import CONTROL_AGE
from kabar.domain.handover import Unreachable
from kabar.domain.messages import Message
from kabar.domain.slices import Fact, Recipient, Seen
from kabar.domain.statuses import Reason, Status
from kabar.legs.send import LegControl
from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.facts import KEPT_SECONDS, ChunkPeople, Origin
from kabar.storage.people import sent_times
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.gateway_rig import GATEWAYS, LOST_AFTER, START, Campaign
from tests.functions.leg_rig import WORKSPACE

NOW = 5_000_000
MOBILE = "+642100000001"
WHO = Recipient(3, Message("1a2b3c4d-2003", MOBILE, "Merhaba", 2))
ORIGIN = Origin(
    workspace="acme", list_id=7, sender="KABAR", chunk=1, first_id=1000, chunk_size=1000, campaign=4
)
COMMON = {"at": NOW, "chunk": 1, "pos": 3, "expires_at": NOW // 1000 + KEPT_SECONDS}
SUBMITTED = {"sender": "KABAR", "text": "Merhaba", "segments": 2}
FACTS: list[tuple[Fact, dict[str, Any], Seen]] = [
    (Fact(WHO, Status.SUBMITTED), SUBMITTED, Seen(submitted=True, suppressed=Reason.NONE)),
    (
        Fact(WHO, Status.SUPPRESSED, Reason.BLACKLISTED),
        {"reason": 2},
        Seen(submitted=False, suppressed=Reason.BLACKLISTED),
    ),
    (
        Fact(WHO, Status.REJECTED, code="12"),
        {"code": "12", "via": "call"},
        Seen(submitted=False, suppressed=Reason.NONE, rejected=True),
    ),
]


def people(dynamo: FakeDynamo, origin: Origin = ORIGIN) -> ChunkPeople:
    return ChunkPeople(Table("people", dynamo), origin, lambda: NOW)


@pytest.mark.parametrize(("fact", "content", "seen"), FACTS, ids=[f[0].status.word for f in FACTS])
def test_a_fact_is_stored_whole_and_seen_by_the_next_attempt(
    fact: Fact, content: dict[str, Any], seen: Seen
) -> None:
    dynamo = FakeDynamo()
    assert people(dynamo).seen([WHO]) == {3: Seen(submitted=False, suppressed=Reason.NONE)}
    people(dynamo).write([fact])
    key = keys.fact("acme", MOBILE, 2003, fact.status.word)
    assert dynamo.find("people", key) == {**key, **COMMON, **content, "campaign": 4, "list": 7}
    assert people(dynamo).seen([WHO]) == {3: seen}


def test_a_fact_of_a_request_names_no_campaign_and_no_list() -> None:
    dynamo = FakeDynamo()
    origin = replace(ORIGIN, campaign=None, list_id=None, request=9000)
    people(dynamo, origin).write([FACTS[2][0]])
    key = keys.fact("acme", MOBILE, 2003, "rejected")
    assert dynamo.find("people", key) == {**key, **COMMON, **FACTS[2][1], "request": 9000}


def test_only_the_confirmation_of_an_opt_out_looks_away_from_the_standing() -> None:
    dynamo = FakeDynamo()
    dynamo.seed("people", keys.standing("acme", MOBILE), everything={"at": 1, "by": "reply:1"})
    assert people(dynamo).standings([MOBILE]) == {MOBILE: Reason.OPTED_OUT}
    assert people(dynamo, replace(ORIGIN, ignores_standing=True)).standings([MOBILE]) == {}


# ---- when it was handed over ----------------------------------------------------------------------------


def taking(campaign: Campaign) -> dict[int, int]:
    """When the gateway took each message, from now on."""
    taken: dict[int, int] = {}
    take = campaign.gateway.__call__

    def call(request: Request, seconds: float) -> Answer:
        answer = take(request, seconds)
        if answer.status == 200:
            taken[int(request.body["ref"].rpartition("-")[2])] = campaign.now
        return answer

    campaign.rig.carrier = call  # type: ignore[assignment]  # another `Call`
    return taken


def sent(campaign: Campaign) -> dict[int, int]:
    """When each message was handed over, by its fact."""
    first = campaign.rig.head(1)["plan"]["first_id"]
    wanted = [(mobile, first + at) for mobile in campaign.mobiles for at in range(len(campaign.mobiles))]
    return sent_times(Table("people", campaign.rig.dynamo), WORKSPACE, wanted)


@GATEWAYS
@pytest.mark.parametrize(
    "fault", [Unreachable("down"), Answer(429, {}, b"")], ids=["unreachable", "throttled"]
)
def test_f14_after_an_outage_messages_are_dated_by_when_the_carrier_took_them(
    promise: str, fault: Answer | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[J3] SentDate, the dates of the report and the newest message to a number [I2] go by it."""
    campaign = Campaign(monkeypatch, promise, 20)
    taken = taking(campaign)
    campaign.gateway.outage = fault
    for hours in (0, 1, 6):
        campaign.now = START + hours * 3_600_000
        campaign.leg()
    campaign.gateway.outage = None
    campaign.run()
    assert len(taken) == 20
    assert sent(campaign) == taken


@GATEWAYS
def test_a_pause_right_before_the_call_is_no_time_of_sending(
    promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The facts are there, the note that it is about to call too, nobody was called."""
    campaign = Campaign(monkeypatch, promise, 20)
    taken, go = taking(campaign), LegControl.go

    def pausing(control: LegControl) -> bool:
        if sent(campaign):
            campaign.rig.campaigns.control(WORKSPACE, 1, "pause", "api:me", campaign.now)
            campaign.wait(CONTROL_AGE)
            monkeypatch.setattr(LegControl, "go", go)
        return go(control)

    monkeypatch.setattr(LegControl, "go", pausing)
    campaign.leg()
    assert (len(sent(campaign)), taken) == (16, {})
    campaign.wait(3_600_000)
    campaign.rig.campaigns.control(WORKSPACE, 1, "resume", "api:me", campaign.now)
    campaign.run()
    assert len(taken) == 20
    assert sent(campaign) == taken


def test_what_was_taken_without_an_answer_keeps_the_time_of_its_first_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = Campaign(monkeypatch, "A", 1)
    campaign.gateway.answers[""] = [LOST_AFTER]
    campaign.leg()
    campaign.run()
    assert campaign.statuses() == {"sent": 1}
    assert list(sent(campaign).values()) == [START]

"""Legs end to end over the strict fake: planned once, sent once, settled whatever dies between two writes."""

import itertools
from typing import Any

import pytest

from kabar.carriers.base import Answer
from kabar.domain.campaigns import CHUNK_SIZE, MAX_STALLED_LEGS, Life
from kabar.domain.handover import AnswerLost
from kabar.domain.slices import Claim
from kabar.domain.statuses import Status, cell, status_of
from kabar.legs.repair import GRACE, is_abandoned, repair_campaigns
from kabar.legs.send import SystemClock
from kabar.storage import keys
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.reports import report
from tests.functions.leg_rig import LIST, WORKSPACE, Rig

REFUSED = Answer(401, {}, b'{"errorCode": "E401"}')


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def statuses(rig: Rig, campaign: int) -> dict[str, int]:
    return {word: n for word, n in rig.head(campaign)["totals"]["statuses"].items() if n}


# ---- the main road --------------------------------------------------------------------------------------


def test_a_campaign_of_two_chunks_sends_everybody_once_and_ends_with_its_totals(rig: Rig) -> None:
    mobiles = rig.members(CHUNK_SIZE + 3)
    rig.campaign(1)
    assert rig.leg(1, 1) == "complete"
    assert sorted(rig.carrier.accepted) == sorted(mobiles)
    head = rig.head(1)
    assert (head["status"], head["totals"]["recipients"]) == (Life.COMPLETED.value, CHUNK_SIZE + 3)
    assert statuses(rig, 1) == {"sent": CHUNK_SIZE + 3}
    assert head["totals"]["segments"] == CHUNK_SIZE + 3
    assert (rig.holder(), rig.queue(), rig.scheduler.schedules, rig.started) == (None, [], {}, [])
    assert rig.campaigns.every_open() == []


def test_a_campaign_to_an_empty_list_completes(rig: Rig) -> None:
    rig.campaign(1)
    assert rig.leg(1, 1) == "complete"
    assert (rig.head(1)["totals"]["recipients"], rig.holder()) == (0, None)


def test_f43_a_list_deleted_in_mid_campaign_leaves_the_run_its_snapshot(rig: Rig) -> None:
    """[C6]"""
    mobiles = rig.members(700)
    rig.campaign(1)
    rig.plan(1, 1)
    rig.dynamo.tables["members"].clear()
    rig.delete_list(LIST)
    assert rig.leg(1, 2) == "complete"
    assert sorted(rig.carrier.accepted) == sorted(mobiles)


def test_a_campaign_whose_list_was_deleted_before_it_started_fails_with_the_reason(rig: Rig) -> None:
    """[C6] Its members may still be there for a while."""
    rig.members(3)
    rig.campaign(1)
    rig.campaign(2, list_id=LIST + 1)
    rig.delete_list(LIST)
    assert rig.leg(1, 1) == "failed"
    assert (rig.head(1)["status"], "deleted" in rig.head(1)["status_reason"]) == ("failed", True)
    assert rig.carrier.accepted == []
    assert rig.leg(2, 1) == "complete"
    assert rig.campaigns.every_open() == []


def test_whoever_was_deleted_from_the_list_is_not_planned(rig: Rig) -> None:
    """[C3]"""
    gone, stays = rig.members(2)
    rig.dynamo.seed("members", keys.member(LIST, gone), mobile=gone, params=[], deleted=5)
    rig.campaign(1)
    rig.leg(1, 1)
    assert rig.carrier.accepted == [stays]


def test_an_opt_out_after_the_plan_stops_the_send(rig: Rig) -> None:
    """F44"""
    gone, stays = rig.members(2)
    rig.campaign(1)
    plan = rig.plan(1, 1)
    rig.dynamo.seed("people", keys.standing(WORKSPACE, gone), lists={str(LIST): {"at": 5, "by": "api:me"}})
    rig.send(1, 1, plan)
    rig.settle(1, 1)
    assert rig.carrier.accepted == [stays]
    assert statuses(rig, 1) == {"suppressed": 1, "sent": 1}
    assert rig.head(1)["totals"]["opted_out"] == 1


# ---- when it is due -------------------------------------------------------------------------------------

HOUR = 3_600_000
DAY = 24 * HOUR


def test_a_campaign_that_is_not_due_waits_with_one_schedule_and_without_the_turn(rig: Rig) -> None:
    """[F3]"""
    rig.members(3)
    rig.campaign(1, due_at=DAY)
    assert rig.plan(1, 1, now=HOUR)["outcome"] == "scheduled"
    assert (rig.head(1)["status"], rig.holder(), rig.queue()) == (Life.SCHEDULED.value, None, [])
    (schedule,) = rig.scheduler.schedules.values()
    assert (schedule["Name"], schedule["ScheduleExpression"]) == ("kabar-1-2", "at(1970-01-02T00:00:00)")
    assert rig.plan(1, 2, now=DAY)["outcome"] == "send"


def test_pause_and_resume_before_it_is_due_send_nothing_early(rig: Rig) -> None:
    rig.members(3)
    rig.campaign(1, due_at=DAY)
    rig.plan(1, 1, now=HOUR)
    rig.campaigns.control(WORKSPACE, 1, "pause", "me", HOUR)
    assert rig.plan(1, 2, now=HOUR)["outcome"] == "settle"
    assert rig.settle(1, 2, now=HOUR)["outcome"] == "release"
    head = rig.campaigns.control(WORKSPACE, 1, "resume", "me", 2 * HOUR)
    assert head["status"] == Life.SCHEDULED.value
    assert rig.plan(1, 3, now=2 * HOUR)["outcome"] == "scheduled"


def test_f47_a_first_start_beyond_the_grace_asks_instead_of_sending(rig: Rig) -> None:
    mobiles = rig.members(3)
    rig.campaign(1, due_at=DAY)
    late = DAY + 5 * HOUR + 1
    assert rig.plan(1, 1, now=late)["outcome"] == "settle"
    assert rig.settle(1, 1, now=late)["outcome"] == "release"
    head = rig.head(1)
    assert (head["status"], "resume it to send now" in head["status_reason"]) == (Life.MISSED.value, True)
    assert (rig.holder(), rig.carrier.accepted) == (None, [])
    assert not is_abandoned(head, late + DAY, lambda _: True)
    rig.campaigns.control(WORKSPACE, 1, "resume", "me", late + HOUR)
    plan = rig.plan(1, 2, now=late + HOUR)
    rig.send(1, 2, plan)
    assert sorted(rig.carrier.accepted) == sorted(mobiles)


def test_time_spent_queued_does_not_make_a_campaign_missed(rig: Rig) -> None:
    """[F5]"""
    rig.members(3)
    rig.campaign(1, due_at=DAY)
    rig.campaign(2, due_at=DAY)
    rig.plan(1, 1, now=DAY)
    assert rig.plan(2, 1, now=DAY)["outcome"] == "queued"
    rig.campaigns.control(WORKSPACE, 1, "cancel", "me", 2 * DAY)
    rig.plan(1, 2, now=2 * DAY)
    rig.settle(1, 2, now=2 * DAY)
    assert rig.plan(2, 2, now=2 * DAY)["outcome"] == "send"


# ---- what can't be sent at all -------------------------------------------------------------------------


def test_a_campaign_whose_import_failed_fails_with_the_reason(rig: Rig) -> None:
    rig.members(3)
    rig.campaign(1)
    rig.workspaces.update(
        keys.campaign_head(WORKSPACE, 1), "SET import_failed = :why", values={":why": "the file is gone"}
    )
    assert rig.leg(1, 1) == "failed"
    head = rig.head(1)
    assert (head["status"], head["status_reason"]) == (Life.FAILED.value, "the file is gone")
    assert rig.carrier.accepted == []


# ---- who is in charge -----------------------------------------------------------------------------------


def test_planning_again_in_one_execution_gives_the_same_plan(rig: Rig) -> None:
    rig.members(3)
    rig.campaign(1)
    assert rig.plan(1, 1, now=1000) == rig.plan(1, 1, now=2000)
    assert len(rig.bucket.objects) == 1


def test_f46_a_second_execution_of_a_leg_ends_and_leaves_no_trace(rig: Rig) -> None:
    """F46"""
    rig.members(3)
    rig.campaign(1)
    assert rig.plan(1, 1, "first")["outcome"] == "send"
    before = (rig.head(1), dict(rig.scheduler.schedules))
    assert rig.plan(1, 1, "second")["outcome"] == "superseded"
    assert rig.settle(1, 1, "second")["outcome"] == "superseded"
    assert (rig.head(1), rig.scheduler.schedules) == before


def test_a_leg_that_comes_after_the_end_starts_no_other(rig: Rig) -> None:
    """Schedules that were left behind must not breed."""
    rig.members(3)
    rig.campaign(1)
    rig.leg(1, 1)
    assert rig.leg(1, 2) == "superseded"
    assert (rig.scheduler.schedules, rig.started) == ({}, [])


def test_an_old_leg_neither_sends_nor_settles_once_another_is_in_charge(rig: Rig) -> None:
    rig.members(3)
    rig.campaign(1)
    old = rig.plan(1, 1)
    rig.plan(1, 2)
    rig.send(1, 1, old)
    assert rig.carrier.accepted == []
    assert rig.settle(1, 1)["outcome"] == "superseded"


def test_a_plan_of_an_execution_that_died_anywhere_is_finished_by_its_retry_or_the_next_leg(rig: Rig) -> None:
    """CP1–CP4: nobody reads an uncommitted plan; everybody is in the committed one once."""
    mobiles = rig.members(3)
    for last, by_retry in itertools.product(range(14), (True, False)):
        campaign = 100 + 2 * last + by_retry
        rig.campaign(campaign)
        rig.carrier.accepted.clear()
        with rig.steps.dying_before(last):
            plan = rig.plan(campaign, 1)
        if rig.steps.died:
            plan = rig.plan(campaign, 1, now=2000) if by_retry else rig.plan(campaign, 2, now=2000)
        rig.send(campaign, plan["leg"], plan)
        assert rig.settle(campaign, plan["leg"])["outcome"] == "complete"
        assert sorted(rig.carrier.accepted) == sorted(mobiles)


def test_the_next_leg_is_scheduled_before_anything_else_is_written(rig: Rig) -> None:
    rig.members(3)
    rig.campaign(1)
    for last in range(1, 12):
        with rig.steps.dying_before(last):
            rig.plan(1, 1)
        if rig.steps.died:
            assert rig.schedule(1, 2) == {"workspace": WORKSPACE, "campaign": 1, "leg": 2}


# ---- settle ---------------------------------------------------------------------------------------------


def test_f57_a_settle_that_died_anywhere_is_finished_by_its_retry_and_the_turn_goes_on(rig: Rig) -> None:
    """F16, F57: completed, the next one started, nobody sent twice."""
    rig.members(2)
    for last in range(12):
        first, second = 10 * last + 11, 10 * last + 12
        rig.campaign(first)
        rig.campaign(second)
        rig.carrier.accepted.clear()
        plan = rig.plan(first, 1)
        assert rig.leg(second, 1) == "queued"
        rig.send(first, 1, plan)
        with rig.steps.dying_before(last):
            rig.settle(first, 1)
        if rig.steps.died:
            rig.settle(first, 1)
        assert rig.head(first)["status"] == Life.COMPLETED.value
        assert (second, 2) in rig.started
        assert rig.holder() == second
        rig.run_started()
        assert rig.head(second)["status"] == Life.COMPLETED.value
        assert len(rig.carrier.accepted) == 4
        assert (rig.holder(), rig.queue()) == (None, [])


def test_settling_twice_ends_once(rig: Rig) -> None:
    rig.members(2)
    rig.campaign(1)
    rig.leg(1, 1)
    before = rig.head(1)
    assert rig.settle(1, 1)["outcome"] == Life.COMPLETED.value
    assert (rig.head(1), rig.started) == (before, [])


def test_a_leg_with_more_to_do_starts_the_next_at_once(rig: Rig) -> None:
    rig.members(3)
    rig.campaign(1)
    rig.plan(1, 1)
    assert rig.settle(1, 1)["outcome"] == "go on"
    assert rig.started == [(1, 2)]


def test_a_lost_answer_waits_for_the_time_to_ask_with_one_schedule(rig: Rig) -> None:
    rig.members(3)
    rig.campaign(1)
    rig.carrier.answers = [AnswerLost("no answer in time")]
    plan = rig.plan(1, 1)
    rig.send(1, 1, plan)
    result = rig.settle(1, 1, now=2000)
    wake = rig.chunks.read(1, 0).wake
    assert wake
    assert (result["outcome"], result["at"]) == ("wait", wake)
    assert list(rig.scheduler.schedules) == ["kabar-1-2"]
    assert rig.schedule(1, 2) == {"workspace": WORKSPACE, "campaign": 1, "leg": 2}
    assert rig.head(1)["stalled"] == 0


# ---- queue and turn [F4] --------------------------------------------------------------------------------


def test_f56_ten_campaigns_due_at_once_run_one_after_the_other_in_order_of_schedule(rig: Rig) -> None:
    """F56"""
    rig.members(2)
    for number in range(1, 11):
        rig.campaign(number, due_at=50 - number)
    plans = {number: rig.plan(number, 1) for number in range(1, 11)}
    assert [plan["outcome"] for plan in plans.values()] == ["send"] + ["queued"] * 9
    assert [rig.head(number)["status"] for number in range(2, 11)] == [Life.QUEUED.value] * 9
    assert list(rig.scheduler.schedules) == ["kabar-1-2"]
    rig.send(1, 1, plans[1])
    rig.settle(1, 1)
    done = rig.run_started()
    assert [campaign for campaign, _, _ in done] == list(range(10, 1, -1))
    assert {outcome for _, _, outcome in done} == {"complete"}
    assert len(rig.carrier.accepted) == 20


# ---- control [F5] ---------------------------------------------------------------------------------------


def control(rig: Rig, action: str, campaign: int = 1) -> None:
    """As the API does it: then the next leg carries it out."""
    head = rig.campaigns.control(WORKSPACE, campaign, action, "api:me", 5)
    rig.started.append((campaign, head["leg"] + 1))


def stage(rig: Rig, life: str) -> None:
    """Campaign 1 (and 2) somewhere in their lives."""
    rig.members(3)
    rig.campaign(1)
    rig.campaign(2)
    if life == "queued":
        rig.plan(2, 1)
        rig.plan(1, 1)
    elif life != "scheduled":
        plan = rig.plan(1, 1)
        rig.plan(2, 1)
        if life == "waiting":
            rig.carrier.answers = [AnswerLost("no answer in time")]
            rig.send(1, 1, plan)
            rig.settle(1, 1, now=2000)


STAGES = ["scheduled", "queued", "sending", "waiting"]


@pytest.mark.parametrize("life", STAGES)
def test_a_pause_releases_the_turn_and_a_resume_goes_on_exactly(rig: Rig, life: str) -> None:
    stage(rig, life)
    control(rig, "pause")
    done = rig.run_started()
    assert done[0][2] == "release"
    assert rig.head(1)["status"] == Life.PAUSED.value
    assert rig.holder() != 1
    assert 1 not in rig.queue()
    if life == "queued":
        rig.leg(2, 2)
    elif life == "scheduled":
        rig.leg(2, 1)
    assert rig.head(2)["status"] == Life.COMPLETED.value
    control(rig, "resume")
    rig.run_started()
    if life == "waiting":  # the time to ask hasn't come
        assert statuses_now(rig, 1) == [Status.SUBMITTED] * 3
    else:
        assert rig.head(1)["status"] == Life.COMPLETED.value
        assert len(rig.carrier.accepted) == 6


@pytest.mark.parametrize("life", [*STAGES, "paused"])
def test_a_cancel_closes_every_recipient_and_passes_the_turn_on(rig: Rig, life: str) -> None:
    stage(rig, "sending" if life == "paused" else life)
    if life == "paused":
        control(rig, "pause")
        rig.run_started()
    control(rig, "cancel")
    rig.run_started()
    assert rig.head(1)["status"] == Life.CANCELLED.value
    expected = {"waiting": {"uncertain": 3}, "sending": {"cancelled": 3}, "paused": {"cancelled": 3}}
    assert statuses(rig, 1) == expected.get(life, {})
    if life == "queued":
        rig.leg(2, 2)
    elif life == "scheduled":
        rig.leg(2, 1)
    assert rig.head(2)["status"] == Life.COMPLETED.value
    assert (rig.holder(), rig.queue()) == (None, [])
    assert len(rig.carrier.accepted) == 3


def test_chunks_that_wait_keep_no_others_from_their_place_in_a_leg(rig: Rig, monkeypatch: Any) -> None:
    """At a low rate a leg takes few chunks: a lost answer in the first must not stop the campaign."""
    monkeypatch.setattr("kabar.domain.campaigns.LEG_SECONDS", 0)  # one chunk a leg
    started = SystemClock().now()
    rig.members(2 * CHUNK_SIZE)
    rig.campaign(1, due_at=started)
    rig.carrier.answers = [AnswerLost("no answer in time")]
    rig.send(1, 1, rig.plan(1, 1, now=started))
    wake = rig.chunks.read(1, 0).wake
    assert wake
    assert rig.plan(1, 2, now=started)["lanes"][0]["first"] == 1
    assert rig.plan(1, 3, now=wake + 1)["lanes"][0]["first"] == 0
    rig.change(stalled=1)
    assert rig.plan(1, 4, now=wake + 2)["lanes"][0]["first"] == 1  # though that of the first is over again


def test_whoever_is_refused_by_name_while_in_doubt_is_uncertain_and_stops_nobody_else(
    rig: Rig, monkeypatch: Any
) -> None:
    """Its hand-over may have worked the first time; every further call would be refused for the same."""
    clock, started = SystemClock.now, SystemClock().now()
    mobiles = rig.members(3)
    rig.campaign(1, due_at=started)
    rig.carrier.answers = [AnswerLost("no answer in time")]
    rig.send(1, 1, rig.plan(1, 1, now=started))
    refusal = b'{"violations": [{"property": "messages[1].content.text"}]}'
    rig.carrier.answers = [Answer(200, {}, b'{"results": []}'), Answer(400, {}, refusal)]
    for later in (120_000, 240_000):
        monkeypatch.setattr(SystemClock, "now", lambda self, later=later: clock(self) + later)
        rig.send(1, later, rig.plan(1, later, now=started + later))
    assert rig.settle(1, 240_000, now=started + 240_000)["outcome"] == "complete"
    assert statuses(rig, 1) == {"sent": 2, "uncertain": 1}
    assert mobiles[1] not in rig.carrier.accepted


def test_legs_that_settle_nobody_follow_each_other_ever_more_slowly(rig: Rig) -> None:
    """F53: ten of them in a row outlast hosts whose clocks are minutes apart."""
    rig.members(3)
    rig.campaign(1)
    waits = []
    for leg in range(1, MAX_STALLED_LEGS + 1):
        rig.plan(1, leg)
        assert rig.settle(1, leg)["outcome"] == "go on"
        waits.append(rig.schedule_at(1, leg + 1) - 1)
    assert rig.started == [(1, 2)]
    assert waits[1:4] == [10, 20, 40]
    assert sum(waits[1:]) > 20 * 60


def test_a_cancel_waits_until_every_sender_has_seen_it_before_it_reads_their_claims(rig: Rig) -> None:
    """A claim made after that reading would be called cancelled, though its messages may have gone out."""
    rig.members(3)
    rig.campaign(1)
    rig.plan(1, 1)
    rig.campaigns.control(WORKSPACE, 1, "cancel", "me", 5000)
    rig.plan(1, 2, now=5400)
    assert rig.settle(1, 2, now=5500)["outcome"] == "close"
    assert rig.slept == [2.0]


def test_a_cancel_in_mid_campaign_tells_sent_untouched_and_unknown_apart(rig: Rig) -> None:
    rig.dynamo.seed("workspaces", keys.carrier(WORKSPACE, "infobip"), rate=1e6, slice=2)
    rig.members(8)
    rig.campaign(1)
    rig.plan(1, 1)
    ledger, two = ChunkLedger(rig.dispatch, 1, 0), bytes([cell(Status.SENT)] * 2)
    claims = [Claim("", 1, 5, 9, two), Claim("dead", 1, 5, 9, b"\0\0"), Claim("", 1, 5, 9, b"\2\0", 5)]
    for number, claim in enumerate(claims):
        assert ledger.take(number, claim, None)
    control(rig, "cancel")
    rig.run_started()
    assert statuses_now(rig, 1) == [
        *[Status.SENT] * 2,
        *[Status.UNCERTAIN] * 2,
        *[Status.UNCERTAIN, Status.CANCELLED],
        *[Status.CANCELLED] * 2,
    ]
    assert sum(statuses(rig, 1).values()) == 8
    assert report(rig.head(1), rig.chunks).segments == 2
    # two of those that nobody knew of turn out to have been accepted: the carrier charges for them
    rig.chunks.merge(1, 0, bytes([0, 0, cell(Status.RECEIVED), 0, cell(Status.FAILED)]), 9)
    assert report(rig.head(1), rig.chunks).segments == 4


def statuses_now(rig: Rig, campaign: int) -> list[Status]:
    return [status_of(byte) for byte in rig.chunks.read(campaign, 0).vector]


def test_revoked_credentials_pause_with_the_reason_and_a_resume_sends_to_everybody(rig: Rig) -> None:
    """F12"""
    mobiles = rig.members(3)
    rig.campaign(1)
    rig.carrier.answers = [REFUSED]
    assert rig.leg(1, 1) == "release"
    assert rig.head(1)["status"] == Life.PAUSED.value
    assert "401" in rig.head(1)["status_reason"]
    assert (rig.holder(), rig.scheduler.schedules) == (None, {})
    control(rig, "resume")
    assert rig.run_started() == [(1, 2, "complete")]
    assert sorted(rig.carrier.accepted) == sorted(mobiles)


def test_credentials_revoked_while_a_lost_answer_is_asked_about_pause_too(rig: Rig, monkeypatch: Any) -> None:
    """F12: nobody ends uncertain for want of a key."""
    clock, started = SystemClock.now, SystemClock().now()
    rig.members(3)
    rig.campaign(1, due_at=started)
    rig.carrier.answers = [AnswerLost("no answer in time")]
    rig.send(1, 1, rig.plan(1, 1, now=started))
    rig.settle(1, 1, now=started)
    monkeypatch.setattr(SystemClock, "now", lambda self: clock(self) + 120_000)
    rig.carrier.answers = [REFUSED]
    rig.send(1, 2, rig.plan(1, 2, now=started + 120_000))
    assert rig.head(1)["status"] == Life.PAUSED.value
    assert "401" in rig.head(1)["status_reason"]
    assert set(ChunkLedger(rig.dispatch, 1, 0).claims()[0].vector) == {int(Status.SUBMITTED)}


def test_pausing_and_resuming_twenty_times_loses_nobody(rig: Rig) -> None:
    """F15"""
    rig.members(5)
    rig.campaign(1)
    leg = 1
    for _ in range(20):
        rig.plan(1, leg)
        control(rig, "pause")
        rig.run_started()
        control(rig, "resume")
        leg = rig.started.pop(0)[1]
    assert rig.leg(1, leg) == "complete"
    assert len(rig.carrier.accepted) == len(set(rig.carrier.accepted)) == 5


# ---- imports --------------------------------------------------------------------------------------------


def test_a_campaign_whose_list_is_being_imported_waits_without_the_turn(rig: Rig) -> None:
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST, loading={"an-import"})
    rig.campaign(1)
    assert rig.leg(1, 1) == "waiting_for_import"
    assert rig.head(1)["status"] == Life.QUEUED.value
    assert (rig.holder(), rig.queue(), rig.scheduler.schedules) == (None, [], {})
    note = rig.dynamo.find("workspaces", keys.waiting_for_import(WORKSPACE, LIST, 1))
    assert note
    assert (note["campaign"], note["leg"]) == (1, 2)
    rig.members(2)
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST)
    assert rig.leg(1, note["leg"]) == "complete"
    assert len(rig.carrier.accepted) == 2


def test_an_import_that_ends_while_the_note_is_written_keeps_nobody_waiting(rig: Rig) -> None:
    rig.members(2)
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST, loading={"an-import"})
    rig.campaign(1)

    def finish() -> None:
        rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST)

    rig.dynamo.before = [lambda: None, finish]  # take_leg, then the note
    assert rig.leg(1, 1) == "complete"


# ---- sweep ----------------------------------------------------------------------------------------------

NOW = 10_000_000
HEAD: dict[str, Any] = {"due_at": 1, "created_at": 1, "status": "sending", "leg": 1}
SWEPT = [
    ("a schedule that never fired", {"status": "scheduled"}, True),
    ("not due yet", {"status": "scheduled", "due_at": NOW + 1}, False),
    ("created this minute", {"status": "scheduled", "created_at": NOW - GRACE}, False),
    ("a leg that died with its switch", {"lease_until": NOW - GRACE - 1}, True),
    ("a leg under way", {"lease_until": NOW + 1}, False),
    ("waiting for its schedule", {"lease_until": 5, "wake_at": NOW + 1}, False),
    ("its schedule was lost", {"lease_until": 5, "wake_at": NOW - GRACE - 1}, True),
    ("paused waits for people", {"status": "paused"}, False),
    ("a cancel that nobody carried out", {"status": "cancelled", "status_at": 5}, True),
    (
        "queued is asked again, whatever its lease",
        {"status": "queued", "status_at": 5, "lease_until": NOW},
        True,
    ),
    ("queued just now", {"status": "queued", "status_at": NOW}, False),
    ("over", {"status": "completed", "closed_at": 5}, False),
]


@pytest.mark.parametrize(("head", "abandoned"), [case[1:] for case in SWEPT], ids=[case[0] for case in SWEPT])
def test_what_a_sweep_starts_again(head: dict[str, Any], abandoned: bool) -> None:
    """Open hours change nothing for one that doesn't wait for them."""
    closed = is_abandoned(HEAD | head, NOW, lambda _: False)
    assert (closed, is_abandoned(HEAD | head, NOW, lambda _: True)) == (abandoned, abandoned)


def test_a_queue_whose_holder_died_after_its_end_moves_on_by_the_sweep(rig: Rig) -> None:
    """CP19"""
    rig.members(2)
    rig.campaign(1)
    rig.campaign(2)
    plan = rig.plan(1, 1)
    rig.plan(2, 1)
    rig.send(1, 1, plan)
    for last in itertools.count():
        with rig.steps.dying_before(last):
            rig.settle(1, 1)
        if rig.steps.died and "closed_at" in rig.head(1):
            break
    started: list[tuple[int, int]] = []

    def start(workspace: str, campaign: int, leg: int, mark: str) -> None:
        assert workspace == WORKSPACE
        assert mark.startswith("-sweep-")
        started.append((campaign, leg))

    assert repair_campaigns(rig.campaigns, start, lambda _: False, lambda *_: None, NOW) == [2]
    assert rig.leg(*started[0]) == "complete"
    assert (rig.holder(), rig.queue(), rig.campaigns.every_open()) == (None, [], [])

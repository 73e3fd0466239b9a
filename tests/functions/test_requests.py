"""Message requests: stored, queued and sent once, by the rules of campaigns, whatever dies in between [F9]."""

import itertools
from dataclasses import replace

import pytest

from kabar.carriers.base import Answer, Request
from kabar.domain.brakes import NO_RESULTS
from kabar.domain.handover import AnswerLost, Unreachable
from kabar.domain.requests import Kind
from kabar.domain.statuses import Status
from kabar.legs.messages import NotCancelled, Outgoings
from kabar.legs.repair import repair_held
from kabar.legs.requests import MAX_AGE
from kabar.storage import accounts, keys
from kabar.storage.held import Waiting
from tests.functions.leg_rig import WORKSPACE, Died
from tests.functions.request_rig import CLOSE, MONDAY_8, RequestRig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> RequestRig:
    return RequestRig(monkeypatch)


def test_a_request_is_sent_to_everybody_once_and_its_messages_say_so(rig: RequestRig) -> None:
    head = rig.submit(250, reference="order-7")
    assert (head["size"], head["segments"], head["slice"]) == (250, 250, 100)
    assert rig.drain() == ["done"]
    assert sorted(rig.carrier.accepted) == [f"+90555{n:07d}" for n in range(250)]
    assert rig.statuses() == ["sent"] * 250
    assert rig.run() == "done"
    assert len(rig.carrier.accepted) == 250
    (entry,) = rig.dynamo.tables["activity"].values()
    assert (entry["what"], entry["detail"]["recipients"]) == ("messages sent", 250)


def test_each_recipient_gets_its_own_text(rig: RequestRig) -> None:
    rig.submit(2, recipients=[("+905550000001", ["Amy"]), ("+905550000002", [])], text="Hi %%1%%!")
    rig.drain()
    texts = {fact["sk"][:20]: fact["text"] for fact in rig.dynamo.tables["people"].values()}
    assert texts == {"out#0000000000009000": "Hi Amy!", "out#0000000000009001": "Hi !"}


def test_submitting_the_same_again_is_the_same_request(rig: RequestRig) -> None:
    first = rig.submit(3)
    again = rig.submit(3, first_id=9500, text="Another text")
    assert again == first
    assert rig.drain() == ["done", "done"]
    assert len(rig.carrier.accepted) == 3
    assert len(rig.dynamo.tables["activity"]) == 1


def test_whoever_opted_out_or_is_blacklisted_is_left_out_at_the_time_of_sending(rig: RequestRig) -> None:
    rig.submit(3, list_id=7)
    mark = {"at": 1, "by": "x"}
    rig.dynamo.seed("people", keys.standing(WORKSPACE, "+905550000000"), blacklisted=mark)
    rig.dynamo.seed("people", keys.standing(WORKSPACE, "+905550000001"), lists={"7": mark})
    rig.dynamo.seed("people", keys.standing(WORKSPACE, "+905550000002"), lists={"8": mark})
    rig.drain()
    assert rig.carrier.accepted == ["+905550000002"]
    assert rig.statuses() == ["suppressed", "suppressed", "sent"]
    assert rig.message(9000).reason.word == "blacklisted"


def test_only_the_confirmation_of_an_opt_out_goes_to_somebody_who_opted_out(rig: RequestRig) -> None:
    """[I7] [I9]"""
    rig.dynamo.seed("people", keys.standing(WORKSPACE, "+905550000000"), everything={"at": 1, "by": "x"})
    rig.submit(1, 9000, kind=Kind.RESPONSE)
    rig.submit(1, 9001, kind=Kind.RESPONSE, confirms_opt_out=True)
    rig.drain()
    assert rig.carrier.accepted == ["+905550000000"]
    assert rig.statuses(9000) == ["suppressed"]
    assert rig.statuses(9001) == ["sent"]
    assert rig.dynamo.tables["activity"] == {}


def test_a_receipt_promotes_and_its_fact_leads_back_to_the_reference(rig: RequestRig) -> None:
    rig.submit(1, reference="order-7")
    rig.drain()
    fact = keys.fact(WORKSPACE, "+905550000000", 9000, "received")
    rig.dynamo.seed("people", fact, at=rig.clock + 5, code="5/0", via="receipt", request=9000)
    message = rig.message()
    assert (message.status, [f["sk"][21:] for f in message.facts]) == (
        Status.RECEIVED,
        ["submitted", "received"],
    )


def test_another_workspace_has_no_such_message(rig: RequestRig) -> None:
    rig.submit()
    messages = Outgoings(rig.requests, rig.workspaces, rig.dispatch, rig.people)
    assert messages.get("rival", 9000) is None
    assert messages.get(WORKSPACE, 9001) is None


def test_a_carrier_that_cannot_be_reached_is_tried_again_from_the_queue(rig: RequestRig) -> None:
    rig.carrier.outage = Unreachable("no route")
    rig.submit()
    assert rig.drain(1) == [NO_RESULTS]
    ((_, delay),) = rig.queue
    assert delay > 0
    rig.carrier.outage = None
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 1


def test_a_lost_answer_is_asked_about_and_never_sent_blindly(rig: RequestRig) -> None:
    rig.carrier.answers = [AnswerLost("reset")]
    rig.submit()
    assert rig.drain(1) == [NO_RESULTS]
    assert rig.statuses() == ["submitted"]
    ((_, delay),) = rig.queue
    assert 59_000 < delay <= 60_000
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 1


def test_f12_a_refused_account_waits_for_people_and_says_why(rig: RequestRig) -> None:
    rig.carrier.outage = Answer(401, {}, b'{"errorCode": "E401"}')
    rig.submit()
    rig.drain(1)
    ((_, delay),) = rig.queue
    assert 7_000 <= delay <= 10_000
    assert "401" in rig.message().head["status_reason"]
    rig.carrier.outage = None
    assert rig.drain() == ["done"]
    assert "status_reason" not in rig.message().head


def test_an_account_that_is_not_set_up_waits_too(rig: RequestRig) -> None:
    rig.account, account = accounts.Unusable("the credentials are missing"), rig.account
    rig.submit()
    assert rig.drain(1) == ["carrier unusable"]
    assert rig.message().head["status_reason"] == "the credentials are missing"
    rig.account = account
    assert rig.drain() == ["done"]


def test_what_could_not_be_sent_before_its_claims_are_forgotten_is_missed(rig: RequestRig) -> None:
    rig.submit(2)
    rig.clock += MAX_AGE + 1
    assert rig.drain() == ["missed"]
    assert rig.statuses() == ["missed", "missed"]
    assert rig.carrier.accepted == []


# ---- taking back ----------------------------------------------------------------------------------------


def cancel(rig: RequestRig, number: int) -> None:
    Outgoings(rig.requests, rig.workspaces, rig.dispatch, rig.people).cancel(rig.message(number), rig.clock)


def test_a_message_taken_back_in_time_is_never_sent_and_the_others_are(rig: RequestRig) -> None:
    rig.submit(3)
    cancel(rig, 9001)
    cancel(rig, 9001)
    assert rig.drain() == ["done"]
    assert rig.carrier.accepted == ["+905550000000", "+905550000002"]
    assert rig.statuses() == ["sent", "cancelled", "sent"]
    assert rig.vector() == [Status.SENT, Status.CANCELLED, Status.SENT]


def test_a_message_that_went_cannot_be_taken_back(rig: RequestRig) -> None:
    rig.submit()
    rig.drain()
    with pytest.raises(NotCancelled, match="sent"):
        cancel(rig, 9000)


def test_a_message_that_may_have_gone_cannot_be_taken_back(rig: RequestRig) -> None:
    rig.carrier.answers = [AnswerLost("reset")]
    rig.submit()
    rig.drain(1)
    with pytest.raises(NotCancelled, match="submitted"):
        cancel(rig, 9000)


def test_a_sender_that_was_faster_keeps_its_claim(rig: RequestRig) -> None:
    rig.submit()
    message = rig.message()
    rig.dynamo.before.append(lambda: assert_done(rig))
    with pytest.raises(NotCancelled):
        Outgoings(rig.requests, rig.workspaces, rig.dispatch, rig.people).cancel(message, rig.clock)
    assert rig.statuses() == ["sent"]


def assert_done(rig: RequestRig) -> None:
    assert rig.run() == "done"


# ---- death ----------------------------------------------------------------------------------------------


def test_submitting_may_die_before_any_step_and_the_next_try_sends_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for last in itertools.count():
        rig = RequestRig(monkeypatch)
        rig.steps.die_before(last)
        try:
            rig.submit(3)
            died = False
        except Died:
            died = True
        rig.steps.die_before(None)
        if not died:
            break
        rig.submit(3)
        assert set(rig.drain()) == {"done"}
        assert sorted(rig.carrier.accepted) == [f"+90555{n:07d}" for n in range(3)]
        assert len(rig.dynamo.tables["activity"]) == 1
    assert last >= 4


@pytest.mark.parametrize("echo", [False, True])
def test_sending_may_die_before_any_step_and_the_queue_brings_it_again(
    monkeypatch: pytest.MonkeyPatch, echo: bool
) -> None:
    for last in itertools.count():
        rig = RequestRig(monkeypatch)
        rig.submit(3)
        rig.dynamo.echo = echo
        rig.queue.clear()
        rig.steps.die_before(last)
        try:
            outcome = rig.run()
            died = False
        except Died:
            died = True
        rig.steps.die_before(None)
        if not died:
            assert outcome == "done"
            break
        rig.clock += 120_000  # the lease is over, and the carrier may be asked
        rig.queue.append((9000, 0))
        assert rig.drain()[-1] == "done"
        assert sorted(rig.carrier.accepted) == [f"+90555{n:07d}" for n in range(3)]
        assert rig.statuses() == ["sent"] * 3
    assert last >= 4


# ---- sending hours --------------------------------------------------------------------------------------


def wakes(rig: RequestRig) -> list[str]:
    return sorted(schedule["ScheduleExpression"] for schedule in rig.scheduler.schedules.values())


def released(rig: RequestRig, opening: int) -> list[int]:
    """What `open_window` would queue again."""
    found = list(rig.tools.held.every(WORKSPACE, opening))
    rig.tools.held.remove(WORKSPACE, opening, found)
    rig.queue += [(request, 0) for request in found]
    return found


def test_outside_the_hours_messages_are_held_visibly_and_go_out_at_the_opening(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit(3)
    assert rig.drain() == ["held"]
    assert rig.statuses() == ["held"] * 3
    assert wakes(rig) == ["at(2026-11-30T05:00:00)"]
    assert rig.tools.held.openings() == [Waiting(WORKSPACE, MONDAY_8)]
    rig.clock = MONDAY_8
    assert released(rig, MONDAY_8) == [9000]
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 3
    assert rig.statuses() == ["sent"] * 3


def test_an_opening_less_than_a_minute_away_is_waited_for_in_the_queue(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = MONDAY_8 - 60_000
    rig.submit()
    assert rig.drain(1) == ["held"]
    assert (rig.queue, wakes(rig), rig.tools.held.openings()) == ([(9000, 60_000)], [], [])
    assert rig.drain() == ["done"]


def test_hours_that_open_while_a_message_is_being_held_release_it_at_once(rig: RequestRig) -> None:
    """The put of the item took until after the opening: whoever releases has been there already."""
    rig.settings(enabled=True)
    rig.clock = MONDAY_8 - 61_000
    rig.submit()

    def slow() -> None:
        rig.clock = MONDAY_8 + 1000

    rig.dynamo.before.append(slow)
    assert rig.drain(1) == ["held"]
    assert rig.queue == [(9000, 0)]
    assert rig.drain() == ["done"]


def test_hours_edited_while_a_message_is_being_held_are_seen(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit()
    rig.dynamo.before.append(lambda: rig.settings(to="14:00"))
    assert rig.drain() == ["held", "done"]


def test_what_meets_the_close_goes_on_at_the_next_opening(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE - 40_000
    rig.submit(300)
    real = rig.tools.call

    def slow(request: Request, seconds: float) -> Answer:
        rig.clock += 3_000
        return real(request, seconds)

    rig.tools = replace(rig.tools, call=slow)
    assert rig.drain() == ["control"]
    assert sorted(set(rig.statuses())) == ["held", "sent"]
    rig.clock = MONDAY_8
    assert released(rig, MONDAY_8) == [9000]
    assert rig.drain() == ["done"]
    assert rig.statuses() == ["sent"] * 300


@pytest.mark.parametrize("kind", [Kind.RESPONSE, Kind.TEST])
def test_responses_and_tests_do_not_wait_for_the_hours(rig: RequestRig, kind: Kind) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit(1, kind=kind)
    assert rig.drain() == ["done"]


def test_a_held_message_can_be_taken_back(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit(2)
    rig.drain()
    cancel(rig, 9000)
    rig.clock = MONDAY_8
    released(rig, MONDAY_8)
    rig.drain()
    assert rig.statuses() == ["cancelled", "sent"]


def test_holding_may_die_before_any_step(monkeypatch: pytest.MonkeyPatch) -> None:
    for last in itertools.count():
        rig = RequestRig(monkeypatch)
        rig.settings(enabled=True)
        rig.clock = CLOSE
        rig.submit(2)
        rig.queue.clear()
        rig.steps.die_before(last)
        try:
            rig.run()
            died = False
        except Died:
            died = True
        rig.steps.die_before(None)
        if not died:
            break
        rig.queue.append((9000, 0))  # the queue brings it again
        assert rig.drain() == ["held"]
        assert wakes(rig) == ["at(2026-11-30T05:00:00)"]
        rig.clock = MONDAY_8
        released(rig, MONDAY_8)
        assert rig.drain() == ["done"]
        assert len(rig.carrier.accepted) == 2
    assert last >= 3


def test_sweep_wakes_what_waits_for_a_passed_opening_or_hours_that_are_open_now() -> None:
    woken: list[tuple[str, int]] = []
    openings = [Waiting("acme", 100_000), Waiting("acme", 900_000), Waiting("rival", 900_000)]
    found = repair_held(
        openings, lambda held: held.workspace == "rival", lambda *each: woken.append(each), 200_000
    )
    assert found == woken == [("acme", 100_000), ("rival", 900_000)]


def test_hours_of_where_the_recipients_are_count_when_the_call_names_them(rig: RequestRig) -> None:
    """[G3]"""
    rig.settings(enabled=True)
    rig.submit(1, 9000, timezone="Pacific/Auckland")  # where it is 19:00
    rig.submit(1, 9001)
    assert rig.drain() == ["held", "done"]
    assert wakes(rig) == ["at(2026-11-29T19:00:00)"]  # Monday, 08:00 there

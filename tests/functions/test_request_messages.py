"""One message of a request: whose it is, where it stands, and taking it back before it goes [A1] [F9] [H1]."""

import itertools
from dataclasses import replace

import pytest

from kabar.carriers.base import Answer, Request
from kabar.domain.handover import AnswerLost, Unreachable
from kabar.domain.requests import ONLY
from kabar.domain.slices import Claim
from kabar.domain.statuses import Status
from kabar.legs.messages import NotCancelled, Outgoings
from kabar.storage import keys
from kabar.storage.dispatch import ChunkLedger
from tests.functions.leg_rig import WORKSPACE, Died
from tests.functions.request_rig import CLOSE, MONDAY_8, RequestRig
from tests.functions.test_request_hours import released
from tests.functions.test_request_zones import ISTANBUL, NEW_YORK, NEW_YORK_8


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> RequestRig:
    return RequestRig(monkeypatch)


def messages(rig: RequestRig) -> Outgoings:
    return Outgoings(rig.requests, rig.workspaces, rig.dispatch, rig.people)


def cancel(rig: RequestRig, number: int) -> None:
    messages(rig).cancel(rig.message(number), rig.clock)


def claim(rig: RequestRig, number: int = 0) -> Claim:
    found = ChunkLedger(rig.dispatch, 9000, ONLY).claim(number)
    assert found
    return found


def dying(rig: RequestRig) -> None:
    """From now on whoever calls the carrier dies before it hears the answer."""
    carrier = rig.tools.call

    def call(request: Request, seconds: float) -> Answer:
        carrier(request, seconds)
        raise Died

    rig.tools = replace(rig.tools, call=call)


# ---- which there are ------------------------------------------------------------------------------------


def test_another_workspace_has_no_such_message(rig: RequestRig) -> None:
    rig.submit()
    assert messages(rig).get("rival", 9000) is None
    assert messages(rig).get(WORKSPACE, 9001) is None


def test_a_request_that_was_never_stored_has_no_messages(rig: RequestRig) -> None:
    """Whoever submitted it died after the block of its ids."""
    with rig.steps.dying_before(2):
        rig.submit()
    assert rig.steps.died
    assert rig.dynamo.find("workspaces", keys.id_block(9000))
    assert messages(rig).get(WORKSPACE, 9000) is None


def test_of_two_who_submit_one_request_at_once_only_the_first_has_messages(rig: RequestRig) -> None:
    def faster() -> None:
        rig.submit(2, first_id=9500)

    rig.dynamo.before = [lambda: None, lambda: None, faster]  # its rows and its block are there already
    assert rig.submit(2, first_id=9700)["first_id"] == 9500
    rig.drain()
    assert len(rig.carrier.accepted) == 2
    assert rig.message(9501).status is Status.SENT
    assert messages(rig).get(WORKSPACE, 9701) is None


def test_a_message_stands_where_its_claim_says_before_its_chunk_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for step in itertools.count():
        rig = RequestRig(monkeypatch)
        rig.submit(3)
        with rig.steps.dying_before(step):
            rig.run()
        assert rig.steps.died
        if ChunkLedger(rig.dispatch, 9000, ONLY).claims() and not claim(rig).owner:
            break
    assert rig.vector() == []
    assert rig.statuses() == ["sent"] * 3


# ---- taking back ----------------------------------------------------------------------------------------


def test_messages_taken_back_in_time_are_never_sent_and_the_others_are(rig: RequestRig) -> None:
    rig.submit(4)
    for number in (9001, 9001, 9003):
        cancel(rig, number)
    assert rig.statuses() == ["pending", "cancelled", "pending", "cancelled"]
    assert rig.drain() == ["done"]
    assert rig.carrier.accepted == ["+905550000000", "+905550000002"]
    assert rig.statuses() == ["sent", "cancelled", "sent", "cancelled"]
    assert rig.vector() == [Status.SENT, Status.CANCELLED, Status.SENT, Status.CANCELLED]


@pytest.mark.parametrize("position", [0, 99, 100, 249])
def test_one_of_several_calls_is_taken_back_from(rig: RequestRig, position: int) -> None:
    rig.submit(250)
    cancel(rig, 9000 + position)
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 249
    assert rig.message(9000 + position).status is Status.CANCELLED


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


def test_a_message_in_a_senders_hands_cannot_be_taken_back(rig: RequestRig) -> None:
    """That one died after its call: nobody but the next one to claim the slice knows that."""
    rig.submit()
    dying(rig)
    with pytest.raises(Died):
        rig.run()
    with pytest.raises(NotCancelled, match="submitted"):
        cancel(rig, 9000)


def test_a_message_that_could_not_go_so_far_can_be_taken_back(rig: RequestRig) -> None:
    rig.carrier.answers = [Unreachable("no route")]
    rig.submit(2)
    rig.drain(1)
    cancel(rig, 9000)
    rig.drain()
    assert rig.statuses() == ["cancelled", "sent"]


def test_a_sender_that_was_faster_keeps_its_claim(rig: RequestRig) -> None:
    rig.submit()
    message = rig.message()
    rig.dynamo.before.append(lambda: assert_done(rig))
    with pytest.raises(NotCancelled):
        messages(rig).cancel(message, rig.clock)
    assert rig.statuses() == ["sent"]


def assert_done(rig: RequestRig) -> None:
    assert rig.run() == "done"


@pytest.mark.parametrize("outage", [None, Unreachable("no route")])
def test_a_sender_that_was_slower_gets_no_claim(rig: RequestRig, outage: Exception | None) -> None:
    """Neither over nothing nor over a claim that somebody left."""
    rig.submit()
    if outage:
        rig.carrier.answers = [outage]
        rig.drain(1)
    ledger = ChunkLedger(rig.dispatch, 9000, ONLY)
    before = ledger.claim(0)
    cancel(rig, 9000)
    attempt = before.attempt + 1 if before else 1
    late = Claim(
        owner="late", attempt=attempt, claimed_at=rig.clock, lease=rig.clock + 60_000, vector=bytes(1)
    )
    assert not ledger.take(0, late, before)
    assert rig.statuses() == ["cancelled"]


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


def test_taking_one_back_leaves_the_doubts_about_another_of_its_call(rig: RequestRig) -> None:
    """Who may have been handed over is asked about when it is time, and is nobody's uncertainty before that."""
    rig.settings(zone_of="recipient")
    rig.carrier.answers = [AnswerLost("reset")]
    rig.submit(2, recipients=[(ISTANBUL, ["Amy"]), (NEW_YORK, ["Amy"])])
    assert rig.run() == "the carrier gives no results"
    doubted = claim(rig)
    assert doubted.doubt_since
    assert doubted.not_before > rig.clock
    cancel(rig, 9001)
    assert (claim(rig).doubt_since, claim(rig).not_before) == (doubted.doubt_since, doubted.not_before)
    rig.clock += 120_000
    rig.queue = [(9000, 0, None)]
    assert rig.drain() == ["done"]
    assert rig.carrier.accepted == [ISTANBUL]
    assert rig.statuses() == ["sent", "cancelled"]
    assert rig.clock < NEW_YORK_8

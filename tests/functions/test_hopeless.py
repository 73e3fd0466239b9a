"""Campaigns that can't be sent to their end: closed with the reason, and with what became of everybody."""

from collections.abc import Callable

import pytest

from kabar.domain.campaigns import CHUNK_SIZE, MAX_AGE, Life
from kabar.domain.statuses import Status, cell
from tests.functions.leg_rig import WORKSPACE, Died, Rig

SENDING = 1000  # ms
Becomes = Callable[[Rig, int], int]


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(monkeypatch)
    made.members(3)
    made.campaign(1)
    return made


def grows_old(rig: Rig, leg: int) -> int:
    """Nobody has worked on it for sixty days; the leg that finds it so."""
    assert rig.plan(1, leg, now=SENDING + MAX_AGE + 1)["outcome"] == "settle"
    return leg


def keeps_dying(rig: Rig, leg: int) -> int:
    """Leg after leg is planned and none settled, until one is not to be sent; that one."""
    for following in range(leg, leg + 70):
        if rig.plan(1, following)["outcome"] == "settle":
            return following
    pytest.fail("they are never bounded")


HOW = pytest.mark.parametrize(
    ("becomes", "why"), [(grows_old, "60 days"), (keeps_dying, "kept dying")], ids=["old", "dying"]
)


def settle(rig: Rig, leg: int) -> str:
    return str(rig.settle(1, leg, now=SENDING + MAX_AGE + 1)["outcome"])


@HOW
def test_it_fails_with_the_reason_and_gives_the_turn_back(rig: Rig, becomes: Becomes, why: str) -> None:
    rig.plan(1, 1)
    leg = becomes(rig, 2)
    assert settle(rig, leg) == "fail"
    head = rig.head(1)
    assert (head["status"], why in head["status_reason"]) == (Life.FAILED.value, True)
    assert head["totals"]["statuses"]["cancelled"] == 3
    assert (rig.holder(), rig.queue(), rig.schedule(1, leg + 1)) == (None, [], None)
    assert rig.carrier.accepted == []


def test_legs_that_die_before_there_is_a_plan_are_bounded_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(**_: object) -> None:
        raise Died

    monkeypatch.setattr(rig.bucket, "put_object", dies)
    for leg in range(1, 70):
        try:
            assert rig.plan(1, leg)["outcome"] == "settle"
        except Died:
            continue
        assert settle(rig, leg) == "fail"
        break
    assert (rig.head(1)["status"], rig.head(1)["totals"]["recipients"]) == (Life.FAILED.value, 0)


@HOW
def test_whoever_was_or_may_have_been_sent_to_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, becomes: Becomes, why: str
) -> None:
    """[I2] The sender dies before any of its steps."""
    ends = set()
    for last in range(40):
        rig = Rig(monkeypatch)
        rig.members(3)
        rig.campaign(1)
        plan = rig.plan(1, 1)
        with rig.steps.dying_before(last):
            rig.send(1, 1, plan)
        whole = not rig.steps.died
        outcome = settle(rig, becomes(rig, 2))
        statuses = {word for word, count in rig.head(1)["totals"]["statuses"].items() if count}
        assert outcome == ("complete" if whole else "fail")
        assert statuses <= ({"uncertain", "sent"} if rig.carrier.accepted else {"uncertain", "cancelled"})
        ends |= statuses
        if whole:
            assert ends == {"cancelled", "uncertain", "sent"}
            return
    pytest.fail("the lane never came to its end")


@HOW
@pytest.mark.parametrize(("control", "outcome"), [("pause", "release"), ("cancel", "close")])
def test_what_people_said_counts_for_more(
    rig: Rig, becomes: Becomes, why: str, control: str, outcome: str
) -> None:
    rig.plan(1, 1)
    rig.campaigns.control(WORKSPACE, 1, control, "me", SENDING)
    assert settle(rig, becomes(rig, 2)) == outcome
    if control == "pause":
        rig.campaigns.control(WORKSPACE, 1, "resume", "me", SENDING)
        assert settle(rig, becomes(rig, 3)) == "fail"


@HOW
def test_everybody_is_in_the_totals(monkeypatch: pytest.MonkeyPatch, becomes: Becomes, why: str) -> None:
    rig = Rig(monkeypatch)
    rig.members(CHUNK_SIZE + 1)
    rig.campaign(1)
    rig.plan(1, 1)
    rig.chunks.merge(1, 0, bytes([cell(Status.SENT)]), 2000)
    settle(rig, becomes(rig, 2))
    totals = rig.head(1)["totals"]
    assert totals["recipients"] == CHUNK_SIZE + 1
    assert {word: n for word, n in totals["statuses"].items() if n} == {"sent": 1, "cancelled": CHUNK_SIZE}

"""The turn goes by the order of schedule, whoever finds it free, and always to somebody who starts [F4]."""

import pytest

from kabar.domain.campaigns import Life
from kabar.storage import keys
from tests.functions.leg_rig import LIST, WORKSPACE, Json, Rig

RUNNING, EARLIER, LATER = 1, 2, 3


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(monkeypatch)
    made.members(2)
    return made


def control(rig: Rig, campaign: int, action: str) -> tuple[int, int]:
    """As the API does it; the leg that carries it out."""
    head = rig.campaigns.control(WORKSPACE, campaign, action, "api:me", 5)
    return campaign, head["leg"] + 1


def a_queue(rig: Rig) -> Json:
    """One sends, an earlier one waits for it, a later one is paused; the plan of the one that sends."""
    for number in (RUNNING, EARLIER, LATER):
        rig.campaign(number, due_at=number)
    plan = rig.plan(RUNNING, 1)
    assert rig.leg(EARLIER, 1) == "queued"
    assert rig.leg(*control(rig, LATER, "pause")) == "release"
    return plan


def in_order(rig: Rig) -> list[int]:
    """Which campaigns ended, by what is started, in this order; a leg started twice is one execution."""
    ended = dict.fromkeys(campaign for campaign, _, outcome in rig.run_started() if outcome == "complete")
    return list(ended)


def test_a_campaign_that_finds_the_turn_free_lets_those_before_it_go_first(rig: Rig) -> None:
    """The running one is paused, a later one resumed before the leg that releases the turn."""
    a_queue(rig)
    release = control(rig, RUNNING, "pause")
    assert rig.leg(*control(rig, LATER, "resume")) == "queued"
    assert (rig.holder(), rig.started) == (EARLIER, [(EARLIER, 2)])
    assert rig.leg(*release) == "release"
    assert rig.head(LATER)["status"] == Life.QUEUED.value
    assert in_order(rig) == [EARLIER, LATER]
    assert rig.leg(*control(rig, RUNNING, "resume")) == "complete"
    assert (rig.holder(), rig.queue()) == (None, [])


def test_one_that_runs_keeps_the_turn_though_an_earlier_one_waits(rig: Rig) -> None:
    rig.campaign(LATER, due_at=LATER)
    rig.campaign(EARLIER, due_at=EARLIER)
    rig.plan(LATER, 1)
    assert rig.leg(EARLIER, 1) == "queued"
    assert rig.leg(LATER, 2) == "complete"
    assert in_order(rig) == [EARLIER]


@pytest.mark.parametrize("last", range(12))
def test_whoever_gives_way_and_dies_has_it_made_up_for_by_its_retry(rig: Rig, last: int) -> None:
    a_queue(rig)
    release = control(rig, RUNNING, "pause")
    resumed = control(rig, LATER, "resume")
    with rig.steps.dying_before(last):
        rig.plan(*resumed)
    if rig.steps.died:
        assert rig.leg(*resumed) == "queued"
    assert rig.leg(*release) == "release"
    assert in_order(rig) == [EARLIER, LATER]
    assert (rig.holder(), rig.queue()) == (None, [])


@pytest.mark.parametrize("last", range(12))
def test_where_the_retry_dies_too_the_sweep_starts_who_was_given_the_turn(rig: Rig, last: int) -> None:
    a_queue(rig)
    rig.leg(*control(rig, RUNNING, "pause"))  # it gives the turn to the earlier one, whose start is lost
    rig.started.clear()
    resumed = control(rig, LATER, "resume")
    with rig.steps.dying_before(last):
        rig.plan(*resumed)
    rig.started[:] = [(number, rig.head(number)["leg"] + 1) for number in (LATER, EARLIER)]
    assert in_order(rig) == [EARLIER, LATER]
    assert (rig.holder(), rig.queue()) == (None, [])


@pytest.mark.parametrize("move", ["pause", "cancel"])
@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("moment", range(8))
def test_a_campaign_moved_by_people_while_it_is_given_the_turn_keeps_nobody_waiting(
    rig: Rig, moment: int, settled: bool, move: str
) -> None:
    """Before each write of the one that gives way; its own leg ends at once, or only afterwards."""
    a_queue(rig)
    release = control(rig, RUNNING, "pause")
    resumed = control(rig, LATER, "resume")
    legs: list[tuple[int, int]] = []

    def meanwhile() -> None:
        rig.dynamo.before = []
        legs.append(control(rig, EARLIER, move))
        if settled:
            rig.leg(*legs.pop())

    rig.dynamo.before = [lambda: None] * moment + [meanwhile]
    rig.leg(*resumed)
    rig.dynamo.before = []
    for leg in (*legs, release):
        rig.leg(*leg)
    rig.run_started()
    assert rig.head(LATER)["status"] == Life.COMPLETED.value
    assert (rig.holder(), rig.queue()) == (None, [])


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("moment", range(5))
def test_who_was_given_the_turn_and_is_over_by_then_does_not_keep_it(
    rig: Rig, moment: int, settled: bool
) -> None:
    """Nobody else comes: the one that ran died at its end."""
    a_queue(rig)
    rig.change(status="completed", closed_at=5)
    resumed = control(rig, LATER, "resume")
    rig.dynamo.before = [lambda: None] * moment + [lambda: end(rig, EARLIER, settled)]
    if rig.leg(*resumed) == "queued":  # it gave way in time
        rig.run_started()
    assert rig.head(LATER)["status"] == Life.COMPLETED.value


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("moment", range(5))
def test_neither_does_it_when_the_one_that_ran_passes_it_on(rig: Rig, moment: int, settled: bool) -> None:
    plan = a_queue(rig)
    assert rig.leg(*control(rig, LATER, "resume")) == "queued"
    rig.send(RUNNING, 1, plan)
    rig.dynamo.before = [lambda: None] * moment + [lambda: end(rig, EARLIER, settled)]
    rig.settle(RUNNING, 1)
    rig.dynamo.before = []
    rig.run_started()
    assert rig.head(LATER)["status"] == Life.COMPLETED.value


def end(rig: Rig, campaign: int, settled: bool) -> None:
    """Paused, and the leg that carries it out is over, or never comes."""
    rig.dynamo.before = []
    leg = control(rig, campaign, "pause")
    if settled:
        rig.leg(*leg)


def test_who_has_taken_the_turn_up_is_not_started_again_by_its_release(rig: Rig) -> None:
    """A leg of it that is about to send would be replaced for nothing."""
    a_queue(rig)
    release = control(rig, RUNNING, "pause")
    rig.leg(*control(rig, LATER, "resume"))
    rig.started.clear()

    def meanwhile() -> None:
        turn = rig.dynamo.find("workspaces", keys.turn(WORKSPACE)) or {}
        assert (turn["holder"], turn["holder_leg"]) == (EARLIER, 2)
        assert rig.head(EARLIER)["status"] == Life.QUEUED.value
        assert rig.leg(*release) == "release"

    rig.dynamo.before = [lambda: None] * 4 + [meanwhile]  # before the write that lets it send
    assert rig.leg(EARLIER, 2) == "complete"
    assert (EARLIER, 3) not in rig.started


def test_a_campaign_that_was_paused_while_it_took_the_turn_gives_it_back(rig: Rig) -> None:
    rig.campaign(1)
    legs: list[tuple[int, int]] = []
    rig.dynamo.before = [lambda: None] * 2 + [lambda: legs.append(control(rig, 1, "pause"))]
    assert rig.leg(1, 1) == "release"
    assert (legs, rig.holder(), rig.queue()) == ([(1, 2)], None, [])


def test_whose_list_is_being_imported_when_its_turn_comes_lets_the_next_go(rig: Rig) -> None:
    plan = a_queue(rig)
    assert rig.leg(*control(rig, LATER, "resume")) == "queued"
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST, loading={"an-import"})
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST + 1), id=LIST + 1)
    rig.workspaces.update(
        keys.campaign_head(WORKSPACE, LATER), "SET list_id = :other", values={":other": LIST + 1}
    )
    rig.send(RUNNING, 1, plan)
    assert rig.settle(RUNNING, 1)["outcome"] == "complete"
    assert rig.run_started() == [(EARLIER, 2, "waiting_for_import"), (LATER, 3, "complete")]
    assert (rig.holder(), rig.queue()) == (None, [])
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST)
    assert rig.leg(EARLIER, 3) == "complete"


def test_one_that_was_cancelled_with_the_turn_in_hand_is_started_by_its_own_leg_alone(rig: Rig) -> None:
    plan = a_queue(rig)
    rig.send(RUNNING, 1, plan)
    assert rig.settle(RUNNING, 1)["outcome"] == "complete"
    assert rig.desk.turns.handed(WORKSPACE) == (EARLIER, 2)
    control(rig, EARLIER, "cancel")
    assert rig.desk.turns.handed(WORKSPACE) is None

"""Taking a leg: whoever comes too late leaves no trace, and by what a campaign waits, goes on or ends [F4] [F5]."""

from collections.abc import Callable

import pytest

from kabar.domain.campaigns import Life
from kabar.legs.freeze import LEASE
from kabar.legs.plan import UPLOADING
from kabar.storage import keys
from tests.functions.leg_rig import LIST, WORKSPACE, Rig
from tests.functions.request_rig import CLOSE, THURSDAY_9
from tests.functions.test_window_legs import World

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(monkeypatch)
    made.members(3)
    return made


def fired(rig: Rig) -> None:
    """Every schedule has fired and is gone."""
    rig.scheduler.schedules.clear()


# ---- who may take it ------------------------------------------------------------------------------------


def test_a_leg_of_a_draft_or_of_a_campaign_that_is_gone_schedules_nothing(rig: Rig) -> None:
    rig.campaigns.create(WORKSPACE, {"id": 1, "name": "A draft", "created_at": 5}, "api:me", Life.DRAFT)
    assert [rig.plan(number, 1)["outcome"] for number in (1, 2)] == ["superseded"] * 2
    assert (rig.scheduler.schedules, rig.head(1)["leg"]) == ({}, 0)


@pytest.mark.parametrize(("in_charge", "late"), [(1, "another"), (2, "1-1")])
def test_whoever_comes_too_late_for_a_leg_schedules_nothing(rig: Rig, in_charge: int, late: str) -> None:
    """A schedule that nobody replaces would start legs while another is under way."""
    rig.campaign(1)
    rig.plan(1, in_charge)
    fired(rig)
    assert rig.plan(1, 1, late)["outcome"] == "superseded"
    assert rig.scheduler.schedules == {}


def test_a_leg_that_lets_its_campaign_wait_for_the_window_schedules_nothing_when_it_is_planned_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    world.campaign(1, due_at=THURSDAY_9)
    world.clock = CLOSE
    assert world.run(1, 1) == "waiting_for_window"
    fired(world)
    assert world.plan(1, 1, now=CLOSE)["outcome"] == "superseded"
    assert world.scheduler.schedules == {}


def test_the_next_leg_waits_for_the_lease_of_one_that_sends(rig: Rig) -> None:
    rig.campaign(1)
    assert rig.plan(1, 1)["outcome"] == "send"
    assert rig.schedule_at(1, 2) == (1000 + LEASE) // 1000


def test_a_leg_goes_on_though_the_clock_of_its_host_is_behind(rig: Rig) -> None:
    """F53: what has started doesn't wait for its time again."""
    rig.campaign(1, due_at=DAY)
    rig.plan(1, 1, now=DAY)
    assert rig.plan(1, 2, now=DAY - MINUTE)["outcome"] == "send"


@pytest.mark.parametrize("people", [0, 3])
def test_a_leg_with_nothing_to_send_is_settled_at_once(rig: Rig, people: int) -> None:
    """An empty list, or people who all wait for something."""
    rig.members(people, LIST + 1)
    rig.campaign(1, list_id=LIST + 1)
    rig.chunks.merge(1, 0, bytes(people), 1000, wake=5000)
    plan = rig.plan(1, 1)
    assert (plan["outcome"], plan["lanes"]) == ("settle", [])


# ---- who waits, and who is done with it -----------------------------------------------------------------


def test_a_missed_campaign_whose_leg_died_is_settled_by_the_next_and_by_no_other(rig: Rig) -> None:
    rig.campaign(1, due_at=DAY)
    late = DAY + 5 * HOUR + 1
    assert rig.plan(1, 1, now=late)["outcome"] == "settle"
    fired(rig)
    assert rig.leg(1, 2, now=late + LEASE) == "release"
    assert (rig.head(1)["status"], rig.scheduler.schedules) == (Life.MISSED, {})


@pytest.mark.parametrize(("late", "outcome"), [(2 * HOUR, "send"), (2 * HOUR + 1, "settle")])
def test_how_late_a_first_start_may_be_is_a_setting(rig: Rig, late: int, outcome: str) -> None:
    """[F5]"""
    rig.dynamo.seed("workspaces", keys.settings(WORKSPACE), max_digits=15, missed_after_hours=2)
    rig.campaign(1, due_at=DAY)
    assert rig.plan(1, 1, now=DAY + late)["outcome"] == outcome
    assert ("within 2 h" in rig.head(1).get("status_reason", "")) == (outcome == "settle")


@pytest.mark.parametrize("move", ["pause", "cancel"])
def test_a_move_of_people_is_carried_out_by_a_leg_that_was_about_to_wait_for_an_import(
    rig: Rig, move: str
) -> None:
    rig.campaign(1)
    rig.change(**{"import": "a-file", "created_at": 1000})

    def meanwhile() -> None:
        rig.campaigns.control(WORKSPACE, 1, move, "api:me", 1500)

    rig.dynamo.before = [lambda: None, meanwhile]  # once it has the leg
    assert rig.leg(1, 1) == {"pause": "release", "cancel": "close"}[move]


def test_no_import_is_asked_to_start_a_campaign_that_waits_for_none(rig: Rig) -> None:
    """One that ends much later would start another leg beside the one that sends."""
    rig.campaign(1)
    rig.plan(1, 1)
    assert rig.dynamo.find("workspaces", keys.waiting_for_import(WORKSPACE, LIST, 1)) is None


def loading(rig: Rig) -> None:
    rig.dynamo.seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST, loading={"an-import"})


def failed(rig: Rig) -> None:
    rig.change(import_failed="the file is gone")


@pytest.mark.parametrize("happens", [loading, failed])
def test_a_campaign_that_has_its_recipients_goes_on_whatever_is_imported_into_its_list(
    rig: Rig, happens: Callable[[Rig], None]
) -> None:
    """[C6] It keeps those that were frozen."""
    rig.campaign(1)
    rig.plan(1, 1)
    happens(rig)
    assert rig.leg(1, 2) == "complete"
    assert len(rig.carrier.accepted) == 3


# ---- what can't be sent at all --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "age", "outcome"),
    [
        (None, UPLOADING, "waiting_for_import"),
        (None, UPLOADING + 1, "failed"),
        ("waiting_for_file", UPLOADING, "waiting_for_import"),
        ("waiting_for_file", UPLOADING + 1, "failed"),
        ("validating", 2 * UPLOADING, "waiting_for_import"),
    ],
)
def test_a_campaign_waits_for_its_file_as_long_as_it_may_still_come(
    rig: Rig, state: str | None, age: int, outcome: str
) -> None:
    """[F2] And for one that has come as long as its import takes."""
    rig.campaign(1)
    rig.change(**{"import": "a-file", "created_at": 1000})
    if state:
        rig.dynamo.seed("workspaces", keys.import_head(WORKSPACE, "a-file"), state=state, created_at=1000)
    assert rig.leg(1, 1, now=1000 + age) == outcome
    assert ("never uploaded" in rig.head(1).get("status_reason", "")) == (outcome == "failed")

"""People, senders and legs that move one campaign at the same moment: each finds what the other wrote."""

from collections.abc import Callable

import pytest

from kabar.domain.campaigns import Life, NotAllowed
from kabar.storage import keys
from kabar.storage.campaign_edits import Edits, Stale
from kabar.storage.dynamo import Item
from tests.functions.leg_rig import WORKSPACE, Rig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(monkeypatch)
    rig.campaign(1)
    return rig


def take(rig: Rig, leg: int = 1) -> None:
    assert rig.campaigns.take_leg(WORKSPACE, 1, leg, f"leg {leg}", 99)


def end(rig: Rig, head: Item) -> None:
    assert rig.campaigns.close(head, Life.COMPLETED, 6, {})


def stop(rig: Rig) -> None:
    said(rig, "pause")


def said(rig: Rig, action: str) -> None:
    rig.campaigns.control(WORKSPACE, 1, action, "api:me", 7)


def brake(rig: Rig) -> None:
    rig.campaigns.pause(WORKSPACE, 1, "too many failed", 7)


@pytest.mark.parametrize("pause", [stop, brake])
def test_a_pause_that_meets_a_leg_pauses_what_the_leg_left(rig: Rig, pause: Callable[[Rig], None]) -> None:
    rig.dynamo.before.append(lambda: take(rig))
    pause(rig)
    assert (rig.head(1)["status"], rig.head(1)["leg"]) == (Life.PAUSED, 1)


@pytest.mark.parametrize("pause", [stop, brake])
def test_a_pause_that_meets_the_end_changes_nothing(rig: Rig, pause: Callable[[Rig], None]) -> None:
    take(rig)
    head = rig.head(1)
    rig.dynamo.before.append(lambda: end(rig, head))
    if pause is stop:
        with pytest.raises(NotAllowed, match="completed"):
            pause(rig)
    else:
        pause(rig)
    assert (rig.head(1)["status"], rig.head(1)["status_at"]) == (Life.COMPLETED, 6)


def test_a_control_that_meets_somebody_every_time_says_so(rig: Rig) -> None:
    legs = iter(range(1, 100))

    def in_between() -> None:
        take(rig, next(legs))
        rig.dynamo.before.append(in_between)

    rig.dynamo.before.append(in_between)
    with pytest.raises(NotAllowed, match="keeps changing"):
        stop(rig)
    assert rig.head(1)["status"] == Life.SCHEDULED


def test_a_brake_of_a_campaign_that_is_gone_is_no_error(rig: Rig) -> None:
    key = keys.campaign_head(WORKSPACE, 1)
    del rig.dynamo.tables["workspaces"][key["pk"], key["sk"]]
    brake(rig)
    assert not rig.dynamo.find("workspaces", key)


def test_what_a_control_begins_goes_on_under_its_request(rig: Rig) -> None:
    rig.campaigns.control(WORKSPACE, 1, "pause", "api:me", 7, "first")
    rig.campaigns.control(WORKSPACE, 1, "resume", "api:me", 8, "second")
    assert rig.plan(1, 1)["request_id"] == "second"


def test_a_control_keeps_what_another_person_has_just_said(rig: Rig) -> None:
    rig.dynamo.before.append(lambda: said(rig, "cancel"))
    with pytest.raises(NotAllowed, match="cancelled"):
        said(rig, "pause")
    assert rig.head(1)["status"] == Life.CANCELLED


def test_of_two_edits_at_the_same_moment_the_second_is_told(rig: Rig) -> None:
    edits, seen = Edits(rig.workspaces, rig.campaigns), rig.head(1)

    def edit(text: str) -> None:
        edits.edit(seen, {"text": text}, by="api:me", now=7, request_id="r")

    rig.dynamo.before.append(lambda: edit("first"))
    with pytest.raises(Stale):
        edit("second")
    assert rig.head(1)["text"] == "first"


def test_no_leg_takes_a_campaign_that_was_deleted(rig: Rig) -> None:
    assert rig.campaigns.take_leg(WORKSPACE, 2, 1, "leg 1", 99) is None
    assert not rig.dynamo.find("workspaces", keys.campaign_head(WORKSPACE, 2))


def test_a_leg_that_let_the_campaign_wait_is_over_and_the_next_may_be_invoked_again(rig: Rig) -> None:
    """[G2] Else an invocation that everybody has given up for dead would send while the campaign waits."""
    take(rig, 1)
    head = rig.head(1)
    assert rig.campaigns.advance(head, Life.WAITING, 5, settled_leg=1)
    assert rig.campaigns.take_leg(WORKSPACE, 1, 1, "leg 1", 99) is None
    take(rig, 2)
    take(rig, 2)
    assert (rig.head(1)["leg"], rig.head(1)["unsettled"]) == (2, 3)

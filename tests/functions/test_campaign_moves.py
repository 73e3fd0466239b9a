"""What a leg makes of its campaign while others do too: moved once, by who is in charge, and told once."""

from collections.abc import Callable

import pytest

from kabar.domain.campaigns import Life
from kabar.storage import keys, silence
from kabar.storage.dynamo import Item
from tests.functions.leg_rig import WORKSPACE, Rig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(monkeypatch)
    rig.campaign(1)
    return rig


def taken(rig: Rig, leg: int = 1) -> Item:
    head = rig.campaigns.take_leg(WORKSPACE, 1, leg, f"leg {leg}", 99)
    assert head
    return head


def another_invocation(rig: Rig) -> None:
    assert rig.campaigns.advance(taken(rig), Life.SENDING, 5)


def another_leg(rig: Rig) -> None:
    assert rig.campaigns.advance(taken(rig, 2), Life.SENDING, 5)


def a_person(rig: Rig) -> None:
    rig.campaigns.control(WORKSPACE, 1, "cancel", "api:me", 5)


def the_end(rig: Rig) -> None:
    assert rig.campaigns.close(rig.head(1), Life.FAILED, 5, {}, "why")


def nobody_knows(rig: Rig) -> None:
    rig.workspaces.delete(keys.campaign_head(WORKSPACE, 1))


MEANWHILE = [
    (another_invocation, True, Life.SENDING),
    (another_leg, False, Life.SCHEDULED),
    (a_person, False, Life.CANCELLED),
    (the_end, False, Life.SCHEDULED),
    (nobody_knows, False, Life.SCHEDULED),
]


@pytest.mark.parametrize(("who", "moved", "seen"), MEANWHILE, ids=[m[0].__name__ for m in MEANWHILE])
def test_a_leg_that_meets_somebody_goes_on_only_where_it_is_in_charge(
    rig: Rig, who: Callable[[Rig], None], moved: bool, seen: Life
) -> None:
    head = taken(rig)
    rig.dynamo.before.append(lambda: who(rig))
    assert rig.campaigns.advance(head, Life.SENDING, 6) is moved
    assert head["status"] == seen


def test_who_is_paused_or_there_already_is_not_moved(rig: Rig) -> None:
    head = taken(rig)
    assert rig.campaigns.advance(head, Life.QUEUED, 5)
    told = len(rig.dynamo.tables["activity"])
    assert rig.campaigns.advance(head, Life.QUEUED, 6, wake_at=7)
    assert (rig.head(1)["status_at"], rig.head(1)["wake_at"]) == (5, 7)
    assert len(rig.dynamo.tables["activity"]) == told
    rig.campaigns.control(WORKSPACE, 1, "pause", "api:me", 8)
    rig.dynamo.calls.clear()
    assert not rig.campaigns.advance(rig.head(1), Life.SENDING, 9)
    assert rig.dynamo.calls == ["get_item"]


@pytest.mark.parametrize("reason", [None, "its list was deleted"])
def test_an_end_says_why_if_there_is_a_why_and_is_told_once(rig: Rig, reason: str | None) -> None:
    head = taken(rig)
    assert rig.campaigns.close(head, Life.FAILED, 6, {"recipients": 0}, reason)
    assert rig.head(1).get("status_reason", "none") == (reason or "none")
    detail = {"status": "failed", "recipients": 0} | ({"status_reason": reason} if reason else {})
    entries = [e for e in rig.dynamo.tables["activity"].values() if e["what"] == "campaign failed"]
    assert [entry["detail"] for entry in entries] == [detail] * 2  # in the log and in its own history


def test_nothing_changes_after_the_end_not_even_by_who_made_it(rig: Rig) -> None:
    """I6"""
    head = taken(rig)
    assert rig.campaigns.close(head, Life.COMPLETED, 6, {})
    over = rig.head(1)
    assert not rig.campaigns.keep(head, wake_at=7)
    assert not rig.campaigns.commit_plan(head, {"chunks": 1})
    assert rig.head(1) == over


def test_receipts_are_waited_for_only_where_somebody_was_sent_to(rig: Rig) -> None:
    later = 6 + silence.WITHIN
    assert rig.campaigns.close(taken(rig), Life.FAILED, 6, {})
    assert silence.due(rig.workspaces, later) == []
    rig.campaign(2)
    head = rig.campaigns.take_leg(WORKSPACE, 2, 1, "one", 99)
    assert head
    assert rig.campaigns.commit_plan(head, {"chunks": 1})
    assert rig.campaigns.close(head, Life.COMPLETED, 6, {})
    assert [mark["id"] for mark in silence.due(rig.workspaces, later)] == [2]


def test_a_draft_is_nothing_that_anybody_goes_on_with(rig: Rig) -> None:
    draft = {"id": 3, "name": "Draft", "list_id": 3000, "created_at": 1}
    rig.campaigns.create(WORKSPACE, draft, "api:me", Life.DRAFT)
    assert [mark["campaign"] for mark in rig.campaigns.every_open()] == [1]

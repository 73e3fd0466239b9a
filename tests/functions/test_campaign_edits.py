"""Drafts and edits: until a campaign starts whatever people say counts, from then on nothing does [F1] [F5]."""

import itertools
from typing import Any

import pytest

from kabar.domain.campaigns import Life, NotAllowed
from kabar.legs.repair import is_abandoned
from kabar.storage import keys
from kabar.storage.campaign_edits import Edits, Stale
from kabar.storage.dynamo import Item
from tests.functions.api_client import Answer, Api, api
from tests.functions.leg_rig import LIST, WORKSPACE, Rig

__all__ = ["api"]

HOUR = 3_600_000
FAR = {"at": "2030-07-01T09:03", "timezone": "Europe/Istanbul"}
FARTHER = {"at": "2030-08-01T09:00", "timezone": "Europe/Istanbul"}


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def edit(rig: Rig, seen: Item, now: int = 1000, **changes: Any) -> Item:
    """The edit and the leg that follows it, as the API does it."""
    edits = Edits(rig.workspaces, rig.campaigns)
    head = edits.edit(seen, changes, by="api:me", now=now, request_id="r")
    rig.started.append((seen["id"], head["leg"] + 1))
    return head


def texts(rig: Rig) -> set[str]:
    """What was handed over."""
    return {item["text"] for item in rig.dynamo.tables["people"].values() if "text" in item}


# ---- F55: an edit while it starts ------------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(14))
def test_f55_of_an_edit_and_a_start_exactly_one_wins(rig: Rig, moment: int) -> None:
    """The edit comes before each single write of the leg that starts it."""
    mobiles = rig.members(3)
    rig.campaign(1)
    seen = rig.head(1)
    outcome: list[Item | NotAllowed] = []

    def meanwhile() -> None:
        try:
            outcome.append(edit(rig, seen, text="Selam"))
        except NotAllowed as refusal:
            outcome.append(refusal)

    rig.dynamo.before = [lambda: None] * moment + [meanwhile]
    rig.leg(1, 1)
    rig.dynamo.before = []
    if not outcome:
        meanwhile()
    rig.run_started()
    refused = isinstance(outcome[0], NotAllowed)
    assert texts(rig) == {"Merhaba" if refused else "Selam"}
    assert rig.head(1)["text"] == ("Merhaba" if refused else "Selam")
    assert sorted(rig.carrier.accepted) == sorted(mobiles)
    assert rig.head(1)["status"] == Life.COMPLETED.value
    assert (rig.holder(), rig.queue()) == (None, [])


@pytest.mark.parametrize("moment", range(14))
def test_f55_a_campaign_put_off_while_it_starts_waits_and_lets_the_others_go(rig: Rig, moment: int) -> None:
    rig.members(3)
    rig.campaign(1)
    rig.campaign(2)
    seen = rig.head(1)
    put_off: list[bool] = []

    def meanwhile() -> None:
        try:
            edit(rig, seen, due_at=HOUR)
        except NotAllowed:
            put_off.append(False)
        else:
            put_off.append(True)

    rig.dynamo.before = [lambda: None] * moment + [meanwhile]
    rig.leg(1, 1)
    rig.dynamo.before = []
    if not put_off:
        meanwhile()
    rig.run_started()
    rig.started.append((2, rig.head(2)["leg"] + 1))
    rig.run_started()
    assert rig.head(2)["status"] == Life.COMPLETED.value
    if put_off == [True]:
        assert (rig.head(1)["status"], texts(rig)) == (Life.SCHEDULED.value, {"Merhaba"})
        assert rig.leg(1, rig.head(1)["leg"] + 1, now=HOUR) == "complete"
    assert rig.head(1)["status"] == Life.COMPLETED.value
    assert (rig.holder(), rig.queue()) == (None, [])


def test_f55_of_two_edits_of_one_state_exactly_one_wins(rig: Rig) -> None:
    rig.campaign(1, due_at=HOUR)
    seen = rig.head(1)
    edit(rig, seen, text="one")
    with pytest.raises(Stale):
        edit(rig, seen, text="two")
    assert rig.head(1)["text"] == "one"


def test_an_edit_that_died_before_it_started_the_next_leg_is_made_up_for(rig: Rig) -> None:
    """Its leg's schedule fires, or `sweep` finds it."""
    mobiles = rig.members(3)
    rig.campaign(1, due_at=HOUR)
    rig.leg(1, 1)
    Edits(rig.workspaces, rig.campaigns).edit(
        rig.head(1), {"due_at": HOUR // 2, "schedule": None}, by="api:me", now=1000, request_id="r"
    )
    assert is_abandoned(rig.head(1), HOUR + 61_000, lambda _: False)
    assert rig.schedule(1, 2)
    rig.started.append((1, 2))
    assert rig.leg(1, 2, now=HOUR) == "complete"
    assert sorted(rig.carrier.accepted) == sorted(mobiles)


# ---- the queue ------------------------------------------------------------------------------------------


def test_a_queued_campaign_that_is_put_off_gives_up_its_place_and_gets_another(rig: Rig) -> None:
    """[F4]"""
    rig.members(2)
    for number in (1, 2, 3):
        rig.campaign(number, due_at=number)
    rig.plan(1, 1)
    assert [rig.leg(number, 1) for number in (2, 3)] == ["queued", "queued"]
    edit(rig, rig.head(2), due_at=500)
    rig.run_started()
    assert [head["id"] for head in rig.desk.turns.waiting(WORKSPACE)] == [1, 3, 2]


def test_a_place_left_behind_by_a_slow_leg_counts_for_nothing(rig: Rig) -> None:
    rig.members(2)
    rig.campaign(1)
    rig.campaign(2)
    plan = rig.plan(1, 1)
    rig.leg(2, 1)
    edit(rig, rig.head(2), due_at=HOUR)
    rig.run_started()
    rig.dynamo.seed("workspaces", keys.queued(WORKSPACE, 0, 2), campaign=2, due_at=0, leg=1)
    rig.send(1, 1, plan)
    assert rig.settle(1, 1)["outcome"] == "complete"
    assert (rig.holder(), rig.started) == (None, [])


@pytest.mark.parametrize("last", range(8))
def test_moving_a_campaign_that_died_anywhere_is_finished_by_the_next_leg(rig: Rig, last: int) -> None:
    """The schedule follows the time."""
    rig.members(2)
    rig.campaign(1, due_at=HOUR)
    rig.leg(1, 1)
    edit(rig, rig.head(1), due_at=2 * HOUR)
    rig.started.clear()
    with rig.steps.dying_before(last):
        rig.leg(1, 2)
    if rig.steps.died:
        rig.leg(1, 2)
    moved = rig.scheduler.schedules["kabar-1-3"]
    assert moved["ScheduleExpression"] == "at(1970-01-01T02:00:00)"


# ---- missed ---------------------------------------------------------------------------------------------


def test_a_missed_campaign_can_get_a_new_time(rig: Rig) -> None:
    """[F5]"""
    mobiles = rig.members(3)
    rig.campaign(1)
    late = 6 * HOUR
    assert rig.leg(1, 1, now=late) == "release"
    assert rig.head(1)["status"] == Life.MISSED.value
    head = edit(rig, rig.head(1), due_at=8 * HOUR, now=late)
    assert (head["status"], "status_reason" in head) == (Life.SCHEDULED.value, False)
    rig.started.clear()
    assert rig.leg(1, 2, now=late) == "wait"
    assert rig.carrier.accepted == []
    assert rig.leg(1, 3, now=8 * HOUR) == "complete"
    assert sorted(rig.carrier.accepted) == sorted(mobiles)


# ---- the API --------------------------------------------------------------------------------------------


def draft(api: Api, **changes: Any) -> Answer:
    body = api.campaign(**changes)
    del body["schedule"]
    return api.call("POST", "/v1/campaigns", body)


def patch(api: Api, answer: Answer, changes: Any, **headers: str) -> Answer:
    tag = {"If-Match": answer.headers["ETag"]} | headers
    return api.call("PATCH", f"/v1/campaigns/{answer.json['id']}", changes, headers=tag)


def test_without_a_schedule_it_is_a_draft_that_nothing_starts(api: Api) -> None:
    made = draft(api, reply_response="Thanks!")
    assert (made.status, made.json["status"], made.json["scheduled_at"]) == (201, "draft", None)
    assert made.json["reply_response"] == "Thanks!"
    assert api.clients.started == {}
    for action in ("pause", "resume", "cancel"):
        assert api.call("POST", f"/v1/campaigns/{made.json['id']}/{action}").status == 409


def test_a_draft_that_gets_a_schedule_is_scheduled(api: Api) -> None:
    made = draft(api)
    scheduled = patch(api, made, {"schedule": FAR})
    assert (scheduled.status, scheduled.json["status"]) == (200, "scheduled")
    assert scheduled.json["scheduled_at"] == "2030-07-01T06:10:00.000Z"
    assert list(api.clients.started) == [f"{made.json['id']}-1"]
    assert api.tables.find("workspaces", keys.open_campaign("acme", made.json["id"]))


def test_an_edit_changes_what_it_names_and_says_so_in_the_log(api: Api) -> None:
    made = draft(api, reply_response="Thanks!", opt_out_response="Bye.")
    changed = patch(api, made, {"text": "Bye %%1%%", "sender": "Shop", "reply_response": None})
    assert changed.json == made.json | {"text": "Bye %%1%%", "sender": "Shop", "reply_response": None}
    assert changed.headers["ETag"] != made.headers["ETag"]
    shown = api.call("GET", f"/v1/campaigns/{made.json['id']}")
    assert (shown.json, shown.headers["ETag"]) == (changed.json, changed.headers["ETag"])
    newest = api.call("GET", f"/v1/campaigns/{made.json['id']}/history").json["data"][0]
    assert (newest["what"], newest["who"], newest["status"]) == ("campaign edited", "api:key:1", "draft")
    assert newest["changed"] == ["reply_response", "sender", "text"]


def test_an_edit_of_what_somebody_else_changed_is_refused(api: Api) -> None:
    made = draft(api)
    assert patch(api, made, {"name": "Mine"}).status == 200
    assert patch(api, made, {"name": "Theirs"}).status == 412
    missing = api.call("PATCH", f"/v1/campaigns/{made.json['id']}", {"name": "Anybody's"})
    assert missing.status == 428


def test_after_the_start_an_edit_is_refused_with_the_reason_whatever_its_etag(api: Api) -> None:
    made = api.call("POST", "/v1/campaigns", api.campaign())
    key = keys.campaign_head("acme", made.json["id"])
    head = api.tables.find("workspaces", key) or {}
    api.tables.seed("workspaces", key, **head | {"status": "paused", "started_at": 5})
    for tag in (made.headers["ETag"], '"old"'):
        answer = patch(api, made, {"text": "Other"}, **{"If-Match": tag})
        assert (answer.status, answer.json["code"]) == (409, "status_conflict")
        assert "has started" in answer.json["detail"]


def test_a_new_time_starts_the_next_leg_which_moves_the_schedule(api: Api) -> None:
    made = api.call("POST", "/v1/campaigns", api.campaign(schedule=FAR))
    moved = patch(api, made, {"schedule": FARTHER})
    assert moved.json["scheduled_at"] == "2030-08-01T06:00:00.000Z"
    now = patch(api, moved, {"schedule": "now"})
    assert (now.json["schedule"], now.json["status"]) == (None, "scheduled")
    assert now.json["scheduled_at"] < "2030"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"list_id": 8}, "#/list_id"),
        ({"text": "%%7%%"}, "#/text"),
        ({"schedule": {"at": "2020-01-01T09:00", "timezone": "UTC"}}, "#/schedule"),
        ({"reply_response": "x" * 161}, "#/reply_response"),
        ({"opt_out_response": ""}, "#/opt_out_response"),
        ({}, "#"),
    ],
)
def test_an_edit_that_can_not_be_is_refused_by_name(api: Api, changes: Any, pointer: str) -> None:
    answer = patch(api, draft(api), changes)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_a_draft_can_be_deleted_and_nothing_else_can(api: Api) -> None:
    made, other = draft(api).json["id"], api.call("POST", "/v1/campaigns", api.campaign()).json["id"]
    assert api.call("DELETE", f"/v1/campaigns/{made}").status == 204
    assert api.call("GET", f"/v1/campaigns/{made}").status == 404
    assert api.call("DELETE", f"/v1/campaigns/{made}").status == 404
    assert api.call("DELETE", f"/v1/campaigns/{other}").status == 409
    told = {(entry["what"], entry["about"]) for entry in api.call("GET", "/v1/activity").json["data"]}
    assert ("campaign deleted", f"campaign/{made}") in told


def test_every_change_is_in_its_history_with_who_and_when(api: Api) -> None:
    """[F7]"""
    made = draft(api)
    scheduled = patch(api, made, {"schedule": FAR})
    where = f"/v1/campaigns/{made.json['id']}"
    for action in ("pause", "resume", "cancel"):
        assert api.call("POST", f"{where}/{action}", principal="user:5").status == 202
    shown, cursor = [], ""
    while True:
        page = api.call("GET", f"{where}/history?limit=2{cursor}").json
        shown += [(entry["what"], entry["status"], entry["who"]) for entry in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(shown) == sorted(
        [
            ("campaign cancel", "cancelled", "api:user:5"),
            ("campaign resume", "scheduled", "api:user:5"),
            ("campaign pause", "paused", "api:user:5"),
            ("campaign edited", "scheduled", "api:key:1"),
            ("campaign created", "draft", "api:key:1"),
        ]
    )
    assert scheduled.status == 200


def test_nothing_moves_without_its_log_and_nothing_is_logged_that_did_not_happen(rig: Rig) -> None:
    """Cut before every write: the history tells the status."""
    rig.members(2)
    for last, action in itertools.product(range(3), ("pause", "cancel")):
        number = 10 * last + len(action)
        rig.campaign(number, list_id=LIST)
        with rig.steps.dying_before(last):
            rig.campaigns.control(WORKSPACE, number, action, "api:me", 7)
        told = list(rig.campaigns._activity.every(f"{WORKSPACE}#about#campaign/{number}"))
        assert told[-1]["detail"]["status"] == rig.head(number)["status"]

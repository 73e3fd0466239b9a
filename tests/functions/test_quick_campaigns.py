"""A list and a campaign to it in one call; several of both when the file is split [F2] [D7]."""

from typing import Any

import pytest

from kabar.domain.campaigns import Life
from kabar.legs.plan import UPLOADING
from kabar.legs.repair import repair_campaigns
from kabar.storage import keys
from kabar.storage.dynamo import Item
from kabar.storage.quick_campaigns import QuickCampaigns
from tests.functions.api_client import Api, api
from tests.functions.leg_rig import LIST, WORKSPACE, Rig

__all__ = ["api"]

IMPORT = "4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c"
HOUR = 3_600_000
LISTS = [{"list_id": LIST + at, "name": f"Gym ({at + 1}/3)", "records": 2} for at in range(3)]


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(monkeypatch)
    rig.dynamo.seed("workspaces", keys.settings(WORKSPACE), timezone="Pacific/Auckland", max_digits=14)
    return rig


def begin(rig: Rig, **imported: Any) -> Item:
    """Campaign 1 as the API creates it, with its import."""
    head = {
        "id": 1,
        "name": "Sale",
        "quick": True,
        "import": IMPORT,
        "text": "Merhaba",
        "sender": "KABAR",
        "carrier": "infobip",
        "opt_out_response": "Bye.",
        "due_at": 1000,
        "created_at": 1000,
    }
    rig.campaigns.create(WORKSPACE, head, "api:me")
    quick = {"campaign": 1, "delay": 10, "batch": "Q4", "email": "me@example.com"}
    rig.dynamo.seed(
        "workspaces",
        keys.import_head(WORKSPACE, IMPORT),
        **{
            "id": IMPORT,
            "state": "done",
            "created_at": 1000,
            "finished_at": 1000,
            "by": "api:me",
            "quick": quick,
        }
        | imported,
    )
    return the_import(rig)


def the_import(rig: Rig) -> Item:
    return rig.workspaces.get(keys.import_head(WORKSPACE, IMPORT)) or {}


def settle(rig: Rig) -> None:
    """What FinishImport does, as often as it is asked."""
    quick = QuickCampaigns(rig.workspaces, rig.campaigns)
    for campaign, leg in quick.settle(WORKSPACE, the_import(rig), 2000):
        if (campaign, leg) not in rig.started:
            rig.started.append((campaign, leg))


def heads(rig: Rig) -> list[Item]:
    return rig.campaigns.page(WORKSPACE, 100)[0][::-1]


# ---- one list -------------------------------------------------------------------------------------------


def test_it_waits_for_its_list_without_the_turn_and_goes_when_that_is_there(rig: Rig) -> None:
    mobiles = rig.members(3)
    begin(rig, state="loading")
    assert rig.leg(1, 1) == "waiting_for_import"
    assert (rig.head(1)["status"], rig.holder(), rig.queue()) == (Life.QUEUED.value, None, [])
    rig.campaign(2)
    assert rig.leg(2, 1) == "complete"
    rig.carrier.accepted.clear()
    begin(rig, list_id=LIST, list_name="Gym")
    settle(rig)
    assert rig.run_started() == [(1, 2, "complete")]
    assert sorted(rig.carrier.accepted) == sorted(mobiles)
    assert rig.head(1)["list_name"] == "Gym"
    of = rig.workspaces.get(keys.list_head(WORKSPACE, LIST)) or {}
    assert (of["batch"], of["email"]) == ("Q4", "me@example.com")


def test_a_failed_import_makes_it_failed_with_the_reason_at_once(rig: Rig) -> None:
    """[D6] Long before its time."""
    begin(rig, state="failed", error={"code": "encoding_unsupported", "message": "Nobody can read it."})
    rig.workspaces.update(keys.campaign_head(WORKSPACE, 1), "SET due_at = :far", values={":far": 9 * HOUR})
    settle(rig)
    rig.run_started()
    head = rig.head(1)
    assert (head["status"], "Nobody can read it." in head["status_reason"]) == (Life.FAILED.value, True)
    assert rig.campaigns.every_open() == []


def test_a_file_that_is_never_uploaded_makes_it_failed(rig: Rig) -> None:
    begin(rig, state="waiting_for_file")
    assert rig.leg(1, 1) == "waiting_for_import"
    assert rig.leg(1, 2, now=1000 + UPLOADING + 1) == "failed"
    assert "never uploaded" in rig.head(1)["status_reason"]


def test_one_whose_import_was_forgotten_is_told_by_the_sweep(rig: Rig) -> None:
    """FinishImport died between the import and the campaign."""
    begin(rig, list_id=LIST, list_name="Gym")
    rig.leg(1, 1)
    told: list[tuple[str, str]] = []
    started: list[tuple[int, int]] = []
    repair_campaigns(
        rig.campaigns,
        lambda _, campaign, leg, __: started.append((campaign, leg)),
        lambda _: False,
        lambda workspace, name: told.append((workspace, name)),
        HOUR,
    )
    assert (told, started) == ([(WORKSPACE, IMPORT)], [(1, 2)])


def test_one_that_was_given_another_list_keeps_it(rig: Rig) -> None:
    begin(rig, lists=LISTS)
    rig.workspaces.update(
        keys.campaign_head(WORKSPACE, 1),
        "SET list_id = :other REMOVE #import",
        names={"#import": "import"},
        values={":other": LIST + 9},
    )
    settle(rig)
    assert [head["list_id"] for head in heads(rig)] == [LIST + 9]


# ---- several lists [D7] ---------------------------------------------------------------------------------


def test_a_split_one_becomes_several_whose_start_times_grow_by_the_delay(rig: Rig) -> None:
    begin(rig, lists=LISTS)
    settle(rig)
    made = heads(rig)
    assert [head["name"] for head in made] == ["Sale (1/3)", "Sale (2/3)", "Sale (3/3)"]
    assert [head["list_id"] for head in made] == [LIST, LIST + 1, LIST + 2]
    assert [head["due_at"] - 1000 for head in made] == [0, 600_000, 1_200_000]
    assert {head["status"] for head in made} == {"scheduled"}
    assert {(head["text"], head["opt_out_response"], head["quick"]) for head in made} == {
        ("Merhaba", "Bye.", True)
    }
    assert made[1]["schedule"] == {"at": "1970-01-01T12:10", "timezone": "Pacific/Auckland", "rounded": False}
    for number in range(3):
        rig.members(2, LIST + number)
    while rig.started:
        campaign, leg = rig.started.pop(0)
        rig.leg(campaign, leg, now=5 * 600_000)
    assert len(rig.carrier.accepted) == 6


@pytest.mark.parametrize("late", [45, 6 * 60])
def test_the_start_times_of_the_parts_grow_from_when_the_first_can_start(rig: Rig, late: int) -> None:
    """[D7] [F5] A file that comes late, or a decision about it, keeps the delay, and makes no part missed."""
    begin(rig, lists=LISTS, state="loading")
    assert rig.leg(1, 1) == "waiting_for_import"
    whole = 1000 + late * 60_000
    begin(rig, lists=LISTS, finished_at=whole)
    settle(rig)
    made = heads(rig)
    assert [head["due_at"] for head in made[1:]] == [whole + 600_000, whole + 1_200_000]
    first, second, third = [(head["id"], head["leg"] + 1) for head in made]
    rig.started.clear()
    assert [rig.leg(*leg, now=whole) for leg in (first, second, third)] == [
        "complete",
        "scheduled",
        "scheduled",
    ]
    assert rig.leg(second[0], 2, now=whole + 600_000) == "complete"


def test_a_file_that_is_there_long_before_its_time_moves_no_part(rig: Rig) -> None:
    begin(rig, lists=LISTS)
    rig.change(due_at=HOUR)
    settle(rig)
    assert [head["due_at"] - HOUR for head in heads(rig)] == [0, 600_000, 1_200_000]


def test_a_speed_that_the_first_part_was_given_is_that_of_all(rig: Rig) -> None:
    """[F8]"""
    begin(rig, lists=LISTS)
    rig.campaigns.control(WORKSPACE, 1, "speed", "api:me", 7, speed=5, speed_at=7)
    settle(rig)
    assert {(head["speed"], head["speed_at"]) for head in heads(rig)} == {(5, 7)}


@pytest.mark.parametrize("last", range(16))
def test_whenever_it_dies_the_next_try_makes_the_same_campaigns(rig: Rig, last: int) -> None:
    begin(rig, lists=LISTS)
    with rig.steps.dying_before(last):
        settle(rig)
    if rig.steps.died:
        rig.started.clear()  # and what it started was told to nobody
    for _ in range(2):
        settle(rig)
    made = heads(rig)
    assert [head["name"] for head in made] == ["Sale (1/3)", "Sale (2/3)", "Sale (3/3)"]
    assert [head["list_id"] for head in made] == [LIST, LIST + 1, LIST + 2]
    assert {campaign for campaign, _ in rig.started} >= {head["id"] for head in made[1:]}


def test_one_that_is_paused_makes_paused_ones_and_one_that_is_cancelled_none(rig: Rig) -> None:
    begin(rig, lists=LISTS)
    rig.campaigns.control(WORKSPACE, 1, "pause", "api:me", 7)
    settle(rig)
    assert {head["status"] for head in heads(rig)} == {"paused"}


def test_one_that_was_missed_makes_others_that_wait_for_people_too(rig: Rig) -> None:
    begin(rig, lists=LISTS, state="loading")
    assert rig.leg(1, 1, now=6 * HOUR) == "release"
    begin(rig, lists=LISTS, finished_at=6 * HOUR)
    settle(rig)
    assert [head["status"] for head in heads(rig)] == ["missed", "paused", "paused"]


def test_one_that_was_cancelled_makes_no_others(rig: Rig) -> None:
    begin(rig, lists=LISTS)
    rig.campaigns.control(WORKSPACE, 1, "cancel", "api:me", 7)
    settle(rig)
    assert [head["status"] for head in heads(rig)] == ["cancelled"]


# ---- the API --------------------------------------------------------------------------------------------


def quick(api: Api, **changes: Any) -> dict[str, Any]:
    return {"name": "Sale", "text": "Hi %%1%%", "schedule": "now"} | changes


def test_members_in_the_body_are_on_their_way_and_the_campaign_is_shown_at_once(api: Api) -> None:
    members = [{"mobile": "+6421555666", "params": ["Amy"]}]
    made = api.call(
        "POST", "/v1/quick-campaigns", quick(api, members=members, batch="Q4", reply_response="Thanks!")
    )
    assert made.status == 201, made.text
    campaign, import_id = made.json["campaign"], made.json["import_id"]
    assert (campaign["status"], campaign["list_id"], campaign["import_id"]) == ("scheduled", None, import_id)
    assert (campaign["reply_response"], made.json["upload"]) == ("Thanks!", None)
    assert made.headers["Location"] == f"/v1/campaigns/{campaign['id']}"
    assert api.call("GET", f"/v1/campaigns/{campaign['id']}").json == campaign
    (content,) = api.clients.uploaded.values()
    assert content.splitlines()[1] == b"+6421555666,Amy"
    shown = api.call("GET", f"/v1/imports/{import_id}").json
    assert (shown["purpose"], shown["list_name"], shown["state"]) == ("new_list", "Sale", "waiting_for_file")
    assert list(api.clients.started) == [f"{campaign['id']}-1"]


def test_without_members_there_is_a_form_for_the_file(api: Api) -> None:
    made = api.call("POST", "/v1/quick-campaigns", quick(api, filename="gym.xlsx", list_name="Gym 2")).json
    assert made["upload"]["fields"]["key"] == f"acme/uploads/{made['import_id']}/file.xlsx"
    assert api.clients.uploaded == {}


def test_the_same_request_again_is_one_campaign_and_one_import(api: Api) -> None:
    body = quick(api, members=[{"mobile": "+6421555666"}])
    headers = {"Idempotency-Key": "k"}
    first = api.call("POST", "/v1/quick-campaigns", body, headers=headers)
    assert api.call("POST", "/v1/quick-campaigns", body, headers=headers).text == first.text
    assert len(api.call("GET", "/v1/campaigns").json["data"]) == 1


@pytest.mark.parametrize("writes", [1, 2, 3, 4])
def test_a_request_that_failed_half_way_is_repeated_as_one_campaign(api: Api, writes: int) -> None:
    def fail() -> None:
        raise ConnectionError("half way")

    api.tables.before.extend([lambda: None] * writes + [fail])
    body, headers = quick(api, members=[{"mobile": "+6421555666"}]), {"Idempotency-Key": "k"}
    assert api.call("POST", "/v1/quick-campaigns", body, headers=headers).status == 500
    api.tables.before.clear()
    assert api.call("POST", "/v1/quick-campaigns", body, headers=headers).status == 201
    assert len(api.call("GET", "/v1/campaigns").json["data"]) == 1
    assert len(api.clients.uploaded) == 1


@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"list_name": "Gym"}, 409, None),
        ({"name": "x" * 45, "split": {"records": 5, "delay_minutes": 0}}, 422, "#"),
        ({"split": {"records": 0, "delay_minutes": 0}}, 422, "#/split/records"),
        ({"members": []}, 422, "#/members"),
        ({"schedule": None}, 422, "#/schedule"),
        ({"email": "nobody"}, 422, "#/email"),
        ({"text": None}, 422, "#/text"),
    ],
)
def test_what_can_not_be_is_refused_by_name(api: Api, changes: Any, status: int, pointer: str | None) -> None:
    api.tables.seed("workspaces", keys.list_name("acme", "Gym"), list_id=7)
    answer = api.call("POST", "/v1/quick-campaigns", quick(api, **changes))
    assert answer.status == status
    assert pointer is None or answer.pointers == [pointer]
    assert api.call("GET", "/v1/campaigns").json["data"] == []

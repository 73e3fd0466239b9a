"""Sending hours are set by who saw the present ones, whole, and refused when nothing could ever go out [G1]–[G3]."""

from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.api_client import Answer, Api, api

__all__ = ["api"]

ADDRESS = "/v1/settings/sending-hours"
HOURS = {"enabled": True, "from": "08:00", "to": "11:00", "weekdays": ["thursday", "monday"]}


def put(api: Api, **changes: Any) -> Answer:
    tag = api.call("GET", ADDRESS).headers["ETag"]
    return api.call("PUT", ADDRESS, HOURS | changes, headers={"If-Match": tag})


def test_they_are_off_by_default_and_cover_what_the_source_says_once_switched_on(api: Api) -> None:
    before = api.call("GET", ADDRESS).json
    assert (before["enabled"], before["timezone"]) == (False, "Pacific/Auckland")
    after = put(api)
    assert after.status == 200
    assert after.json == {
        "enabled": True,
        "from": "08:00",
        "to": "11:00",
        "weekdays": ["monday", "thursday"],
        "restricted_dates": [],
        "covers": ["quick_campaigns", "api_messages"],
        "zone_of": "workspace",
        "timezone": "Pacific/Auckland",
    }
    assert api.call("GET", ADDRESS).json == after.json
    assert api.call("GET", ADDRESS, workspace="rival").json["enabled"] is False


def test_every_change_is_in_the_log_and_the_same_again_is_none(api: Api) -> None:
    put(api)
    put(api)
    (entry,) = api.tables.tables["activity"].values()
    assert (entry["who"], entry["what"]) == ("api:key:1", "settings changed")
    assert entry["detail"]["sending_hours"]["from"] is None
    assert entry["detail"]["sending_hours"]["to"]["from"] == "08:00"


def test_nobody_overwrites_hours_they_have_not_seen(api: Api) -> None:
    tag = api.call("GET", ADDRESS).headers["ETag"]
    assert api.call("PUT", ADDRESS, HOURS).status == 428
    assert put(api).status == 200
    assert api.call("PUT", ADDRESS, HOURS | {"to": "12:00"}, headers={"If-Match": tag}).status == 412


def test_of_two_who_set_them_at_once_one_is_told(api: Api) -> None:
    tag = api.call("GET", ADDRESS).headers["ETag"]

    def meanwhile() -> None:
        api.call("PUT", ADDRESS, HOURS | {"to": "13:00"}, headers={"If-Match": tag})

    api.tables.before.append(meanwhile)
    assert api.call("PUT", ADDRESS, HOURS, headers={"If-Match": tag}).status == 412
    assert api.call("GET", ADDRESS).json["to"] == "13:00"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"to": "08:00"}, "#/to"),
        ({"from": "24:00"}, "#/from"),
        ({"from": "8:00"}, "#/from"),
        ({"weekdays": []}, "#/weekdays"),
        ({"weekdays": ["monday", "monday"]}, "#/weekdays"),
        ({"weekdays": ["Monday"]}, "#/weekdays/0"),
        ({"restricted_dates": ["2026-02-30"]}, "#/restricted_dates"),
        ({"restricted_dates": ["2026-12-25", "2026-12-25"]}, "#/restricted_dates"),
        ({"covers": ["responses"]}, "#/covers/0"),
        ({"timezone": "Europe/Istanbul"}, "#/timezone"),
    ],
)
def test_f51_a_bad_field_is_named(api: Api, changes: dict[str, Any], pointer: str) -> None:
    answer = put(api, **changes)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_edited_hours_wake_whatever_waits_for_them(api: Api) -> None:
    campaign = api.call("POST", "/v1/campaigns", api.campaign()).json["id"]
    other = api.call("POST", "/v1/campaigns", api.campaign()).json["id"]
    head = api.tables.find("workspaces", keys.campaign_head("acme", campaign))
    assert head
    head |= {"status": "waiting_for_window", "leg": 4}
    mark = keys.open_holding("acme", 5000)
    api.tables.seed("workspaces", mark, workspace="acme", opening=5000)
    api.tables.seed("workspaces", keys.open_holding("rival", 6000), workspace="rival", opening=6000)
    put(api)
    assert f"{campaign}-5" in api.clients.started
    assert f"{other}-2" not in api.clients.started
    assert api.clients.invoked == [("open-window", {"workspace": "acme", "opening": 5000})]
    settings = api.call("GET", "/v1/settings")
    tag = {"If-Match": settings.headers["ETag"]}
    api.call("PATCH", "/v1/settings", {"timezone": "Europe/Istanbul"}, headers=tag)
    assert len(api.clients.invoked) == 2

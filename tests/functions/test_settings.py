"""Settings are changed by who saw the present ones, and every change is in the log [A3]."""

from typing import Any

import pytest

from tests.functions.api_client import Answer, Api, api

__all__ = ["api"]


def change(api: Api, tag: str | None = None, **changes: Any) -> Answer:
    tag = tag or api.call("GET", "/v1/settings").headers["ETag"]
    return api.call("PATCH", "/v1/settings", changes, headers={"If-Match": tag})


def log(api: Api) -> list[tuple[str, str, Any]]:
    return [(e["who"], e["what"], e["detail"]) for e in api.tables.tables["activity"].values()]


def test_a_fresh_workspace_shows_its_sender_among_its_masks(api: Api) -> None:
    view = api.call("GET", "/v1/settings").json
    assert (view["name"], view["sender"], view["masks"], view["numbers"]) == ("acme", "Kabar", ["Kabar"], [])
    assert (view["max_digits"], view["missed_after_hours"]) == (14, 5)


def test_what_is_left_out_stays_and_the_log_says_what_it_was(api: Api) -> None:
    answer = change(api, timezone="Europe/Istanbul", numbers=["3774"], email=None)
    assert answer.status == 200
    assert (answer.json["timezone"], answer.json["email"]) == ("Europe/Istanbul", "ops@acme.example")
    assert api.call("GET", "/v1/settings").json == answer.json
    detail = {
        "timezone": {"from": "Pacific/Auckland", "to": "Europe/Istanbul"},
        "numbers": {"from": [], "to": ["3774"]},
    }
    assert log(api) == [("api:key:1", "settings changed", detail)]


@pytest.mark.parametrize(("hours", "status"), [(0, 422), (1, 200), (168, 200), (169, 422)])
def test_how_late_a_campaign_may_start_is_an_hour_to_a_week(api: Api, hours: int, status: int) -> None:
    """[F5]"""
    answer = change(api, missed_after_hours=hours)
    assert answer.status == status
    assert status == 200 or answer.pointers == ["#/missed_after_hours"]
    assert api.call("GET", "/v1/settings").json["missed_after_hours"] == (hours if status == 200 else 5)


def test_a_default_sender_is_one_of_the_workspace_s(api: Api) -> None:
    assert change(api, sender="3774").pointers == ["#/sender"]
    assert change(api, masks=[]).pointers == ["#/sender"]
    assert change(api, sender="3774", numbers=["3774"], masks=[]).status == 200
    created = api.call("POST", "/v1/campaigns", api.campaign())
    assert created.json["sender"] == "3774"


def test_nobody_overwrites_what_they_have_not_seen(api: Api) -> None:
    tag = api.call("GET", "/v1/settings").headers["ETag"]
    answer = api.call("PATCH", "/v1/settings", {"max_digits": 15})
    assert (answer.status, answer.json["code"]) == (428, "precondition_required")
    first = change(api, tag, max_digits=15)
    assert first.headers["ETag"] != tag
    stale = change(api, tag, max_digits=12)
    assert (stale.status, stale.json["code"]) == (412, "precondition_failed")
    assert change(api, f'"x", {first.headers["ETag"]}', max_digits=12).status == 200
    assert len(log(api)) == 2


@pytest.mark.parametrize("tags", ["*", " * ", '"x", *'])
def test_whoever_says_so_changes_what_is_there_now(api: Api, tags: str) -> None:
    assert change(api, tags, max_digits=12).status == 200


@pytest.mark.parametrize("tags", ["", ",", '""', 'W/"x"', "x"])
def test_what_names_no_state_of_it_changes_nothing(api: Api, tags: str) -> None:
    answer = api.call("PATCH", "/v1/settings", {"max_digits": 12}, headers={"If-Match": tags})
    assert answer.status == 412


def test_a_weak_tag_is_no_match(api: Api) -> None:
    """RFC 9110: If-Match compares strongly."""
    tag = api.call("GET", "/v1/settings").headers["ETag"]
    assert change(api, f"W/{tag}", max_digits=12).status == 412


def test_of_two_who_change_at_once_one_is_told(api: Api) -> None:
    tag = api.call("GET", "/v1/settings").headers["ETag"]

    def meanwhile() -> None:
        change(api, tag, max_digits=13)

    api.tables.before.append(meanwhile)
    assert change(api, tag, max_digits=12).status == 412
    assert api.call("GET", "/v1/settings").json["max_digits"] == 13
    assert len(log(api)) == 1


def test_the_same_again_changes_nothing_and_is_not_logged(api: Api) -> None:
    assert change(api, max_digits=14, masks=["Kabar"]).status == 200
    assert change(api).status == 200
    assert log(api) == []


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"timezone": "Mars/Olympus"}, "#/timezone"),
        ({"timezone": "Europe"}, "#/timezone"),
        ({"timezone": "../etc/passwd"}, "#/timezone"),
        ({"masks": ["twelve chars"]}, "#/masks/0"),
        ({"masks": ["abcdefghijkl"]}, "#/masks/0"),
        ({"masks": ["Kabar", "Kabar"]}, "#/masks"),
        ({"masks": ["Käbar"]}, "#/masks/0"),
        ({"numbers": ["+"]}, "#/numbers/0"),
        ({"numbers": ["3774", "abc"]}, "#/numbers/1"),
        ({"max_digits": 16}, "#/max_digits"),
        ({"max_digits": 6}, "#/max_digits"),
        ({"max_digits": "14"}, "#/max_digits"),
        ({"name": "other"}, "#/name"),
    ],
)
def test_a_bad_field_is_named(api: Api, changes: dict[str, Any], pointer: str) -> None:
    answer = change(api, **changes)
    assert (answer.status, answer.pointers) == (422, [pointer])


@pytest.mark.parametrize("email", ["ops", "a@b", "ops@acme.example,x@y.example", 3])
def test_a_notice_goes_to_one_address_or_nowhere(api: Api, email: Any) -> None:
    assert change(api, email=email).status == 422
    assert change(api, email="").json["email"] == ""

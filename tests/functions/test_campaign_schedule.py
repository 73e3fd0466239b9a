"""`schedule` of a new campaign: now, or a slot on the wall clock of a zone [F3]."""

from typing import Any

import pytest

from tests.functions.api_client import Api, api

__all__ = ["api"]

FAR = {"at": "2030-07-01T09:03", "timezone": "Europe/Istanbul"}


def test_a_time_is_rounded_up_to_its_slot_and_the_answer_says_so(api: Api) -> None:
    view = api.call("POST", "/v1/campaigns", api.campaign(schedule=FAR)).json
    assert view["status"] == "scheduled"
    assert view["scheduled_at"] == "2030-07-01T06:10:00.000Z"
    assert view["schedule"] == {"at": "2030-07-01T09:10", "timezone": "Europe/Istanbul", "rounded": True}


def test_a_campaign_sent_now_has_no_schedule(api: Api) -> None:
    assert api.call("POST", "/v1/campaigns", api.campaign()).json["schedule"] is None


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ({"at": "2020-01-01T09:00", "timezone": "UTC"}, "has passed"),
        ({"at": "2030-01-01T09:00", "timezone": "Mars/Phobos"}, "no IANA time zone"),
        ({"at": "2030-02-30T09:00", "timezone": "UTC"}, "no date and time"),
        ({"at": "9999-12-31T23:59", "timezone": "UTC"}, "at: "),
        ({"at": "2030-01-01T09:00Z", "timezone": "UTC"}, ""),
        ({"at": "2030-01-01T09:00"}, "timezone: "),
        ({"at": "2030-01-01T09:00", "timezone": "UTC", "weekly": True}, ""),
        ("tomorrow", "now"),
    ],
)
def test_a_schedule_that_can_not_be_is_refused_by_name(api: Api, schedule: Any, says: str) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign(schedule=schedule))
    assert answer.status == 422
    assert answer.pointers == ["#/schedule"]
    assert says in answer.json["errors"][0]["detail"]

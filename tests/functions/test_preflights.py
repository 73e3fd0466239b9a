"""The exact pre-flight: every recipient judged as the run will judge them, and nothing sent [F6]."""

import json
from typing import Any

import pytest

from kabar.storage import keys
from local import paths
from tests.functions.api_client import Api, api
from tests.functions.loading import load
from tests.functions.test_previews import preview, seed_members, set_prices

__all__ = ["api"]

PREFLIGHTS = "/v1/preflights"


class Checks:
    """The API with a list, and check_recipients beside it."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = api
        self.module = load("check_recipients", monkeypatch, **vars(api.clients))
        api.tables.seed("workspaces", keys.carrier("acme", "infobip"), rate=10, slice=100)

    def ask(self, **body: Any) -> Any:
        answer = self.api.call("POST", PREFLIGHTS, body)
        assert answer.status == 202, answer.text
        assert answer.headers["Location"] == f"{PREFLIGHTS}/{answer.json['id']}"
        return answer.json

    def told(self, number: int) -> Any:
        return self.api.clients.started[str(number)]

    def run(self, number: int, groups: list[list[int]] | None = None, *, end: bool = True) -> None:
        told = self.told(number)
        for shards in told["groups"] if groups is None else groups:
            self.send(workspace=told["workspace"], preflight=told["preflight"], shards=shards)
        if end:
            self.send(workspace=told["workspace"], preflight=told["preflight"])

    def send(self, **event: Any) -> str:
        return str(self.module.handler(event, None)["outcome"])

    def shown(self, number: int, **how: Any) -> Any:
        return self.api.call("GET", f"{PREFLIGHTS}/{number}", **how).json

    def done(self, **body: Any) -> Any:
        number = self.ask(**body)["id"]
        self.run(number)
        return self.shown(number)


@pytest.fixture
def checks(api: Api, monkeypatch: pytest.MonkeyPatch) -> Checks:
    return Checks(api, monkeypatch)


def standing(api: Api, mobile: str, **marks: Any) -> None:
    api.tables.seed("people", keys.standing("acme", mobile), **marks)


def reasons(shown: Any) -> dict[str, int]:
    return {each["reason"]: each["recipients"] for each in shown["not_sent"] if each["recipients"]}


MARK = {"at": 1, "by": "api:key:1"}


def test_everybody_is_counted_once_with_the_rule_that_they_meet(checks: Checks) -> None:
    seed_members(
        checks.api,
        ("+905321234567", ["Amy"]),
        ("+905321234568", ["b" * 160]),
        ("+905321234569", []),  # nothing would be left of the text
        ("+905321234570", ["x"]),
        ("+905321234571", ["x"]),
        ("+905321234572", ["x"]),
        ("+905321234573", ["x"]),
        ("+90532123456789012", ["x"]),  # more digits than the settings allow
    )
    seed_members(checks.api, ("+905321234574", ["x"]), deleted=5)
    standing(checks.api, "+905321234570", blacklisted=MARK)
    standing(checks.api, "+905321234571", lists={"7": MARK})
    standing(checks.api, "+905321234572", everything=MARK)
    standing(checks.api, "+905321234573", lists={"8": MARK})  # another list
    set_prices(checks.api, {"currency": "EUR", "countries": [{"country": "TR", "price": "0.01"}]})
    shown = checks.done(list_id=7, text="%%1%%")
    assert (shown["state"], shown["progress"], shown["error"]) == ("done", 1, None)
    assert (shown["members"], shown["recipients"], shown["segments"]) == (8, 3, 3)
    assert reasons(shown) == {"invalid": 1, "empty": 1, "opted_out": 2, "blacklisted": 1}
    assert all(each["rule"] for each in shown["not_sent"])
    assert shown["cost"]["amount"] == "0.03"
    assert shown["by_segments"] == [{"segments": 1, "recipients": 3}]
    seen = preview(checks.api, list_id=7, text="%%1%%")["list_preview"]
    same = ("recipients", "segments", "by_segments", "by_alphabet", "cost")
    assert {name: seen[name] for name in same} == {name: shown[name] for name in same}
    assert (seen["looked_at"], reasons(seen)) == (shown["members"], reasons(shown))


def test_segments_cost_and_replacements_are_those_of_the_recipients(checks: Checks) -> None:
    seed_members(checks.api, ("+905321234567", ["“Amy”"]), ("+905321234568", ["😀", ""]), ("+6421555666", []))
    shown = checks.done(list_id=7, text="Hi %%1%% %%2%%" + "x" * 70, smart=True)
    assert shown["by_segments"] == [{"segments": 1, "recipients": 2}, {"segments": 2, "recipients": 1}]
    assert [each["alphabet"] for each in shown["by_alphabet"]] == ["gsm7", "ucs2"]
    assert {each["character"]: each["by"] for each in shown["replaced"]} == {"“": '"', "”": '"'}
    assert shown["outside"] == [{"character": "😀", "times": 1}]
    missing = {each["placeholder"]: (each["recipients"], each["mobiles"]) for each in shown["missing"]}
    assert missing[1] == (1, ["+6421555666"])
    assert missing[2][0] == 3
    assert shown["cost"] is None


def test_begin_and_end_follow_the_rate_and_the_sending_hours(checks: Checks) -> None:
    seed_members(checks.api, *((f"+9053212345{number:02d}", []) for number in range(20)))
    shown = checks.done(list_id=7, text="Hi")
    begins, ends = (moment(shown[name]) for name in ("starts_at", "ends_at"))
    assert ends - begins == 2.0  # seconds: 20 segments at 10 a second
    settings = checks.api.tables.find("workspaces", keys.settings("acme"))
    assert settings is not None
    every = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    settings["sending_hours"] = {
        "enabled": True,
        "from": "00:00",
        "to": "00:01",
        "weekdays": every,
        "restricted_dates": [],
        "covers": ["campaigns"],
    }
    held = checks.done(list_id=7, text="Hi")
    assert moment(held["ends_at"]) - moment(held["starts_at"]) == 2.0
    assert held["starts_at"][14:16] == "00"  # Auckland's midnight is a full hour in UTC


def moment(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def test_a_large_list_is_looked_at_shard_by_shard_and_shows_how_far_it_is(checks: Checks) -> None:
    head = checks.api.tables.find("workspaces", keys.list_head("acme", 7))
    assert head is not None
    head["members"] = 20_001
    seed_members(checks.api, *((f"+9053212{number:05d}", []) for number in range(64)))
    number = checks.ask(list_id=7, text="Hi")["id"]
    groups = checks.told(number)["groups"]
    assert groups == [[shard] for shard in range(16)]
    assert (checks.shown(number)["progress"], checks.shown(number)["members"]) == (0, 0)
    checks.run(number, groups[:8], end=False)
    half = checks.shown(number)
    assert (half["state"], half["progress"]) == ("running", 0.5)
    assert 0 < half["members"] < 64
    checks.run(number, groups[8:])
    assert (checks.shown(number)["state"], checks.shown(number)["members"]) == ("done", 64)


def test_a_shard_that_is_looked_at_again_changes_nothing(checks: Checks) -> None:
    seed_members(checks.api, *((f"+9053212{number:05d}", []) for number in range(40)))
    number = checks.ask(list_id=7, text="Hi")["id"]
    checks.run(number, [[3]], end=False)
    seed_members(checks.api, *((f"+9053213{number:05d}", []) for number in range(40)))
    checks.run(number, [[3]], end=False)  # its answer was lost: what was found first stands
    checks.run(number)
    before = checks.shown(number)
    checks.run(number)
    assert checks.shown(number) == before
    assert checks.send(workspace="acme", preflight=number, error={"Error": "late"}) == "failed"
    assert checks.shown(number) == before


def test_a_pre_flight_that_came_to_nothing_says_why(checks: Checks) -> None:
    number = checks.ask(list_id=7, text="Hi")["id"]
    assert checks.send(workspace="acme", preflight=number) == "failed"  # no shard was looked at
    shown = checks.shown(number)
    assert (shown["state"], shown["error"]["code"]) == ("failed", "preflight_interrupted")
    gone = checks.ask(list_id=7, text="Hi")["id"]
    checks.run(gone, end=False)
    del checks.api.tables.tables["workspaces"][tuple(keys.list_head("acme", 7).values())]  # type: ignore[arg-type]
    assert checks.send(workspace="acme", preflight=gone) == "failed"
    assert checks.shown(gone)["error"]["code"] == "list_gone"


def test_a_campaign_is_looked_at_with_its_own_text_encoding_speed_and_time(checks: Checks) -> None:
    seed_members(checks.api, ("+905321234567", ["ş" * 50]))
    at = {"at": "2031-12-01T09:00", "timezone": "Pacific/Auckland"}
    body = checks.api.campaign(text="ş%%1%%" * 3, encoding="turkish_locking", schedule=at)
    campaign = checks.api.call("POST", "/v1/campaigns", body).json
    head = checks.api.tables.find("workspaces", keys.campaign_head("acme", campaign["id"]))
    assert head is not None
    head["speed"] = 0.5
    shown = checks.done(campaign_id=campaign["id"])
    assert (shown["campaign_id"], shown["encoding"], shown["segments"]) == (
        campaign["id"],
        "turkish_locking",
        1,
    )
    assert (shown["starts_at"], shown["ends_at"]) == ("2031-11-30T20:00:00.000Z", "2031-11-30T20:00:02.000Z")
    report = checks.api.call("GET", f"/v1/campaigns/{campaign['id']}/report").json
    assert report["preflight"] == shown


def test_the_report_shows_the_newest_pre_flight_that_is_done(checks: Checks) -> None:
    body = checks.api.campaign(schedule={"at": "2031-12-01T09:00", "timezone": "UTC"})
    campaign = checks.api.call("POST", "/v1/campaigns", body).json["id"]
    report = f"/v1/campaigns/{campaign}/report"
    assert checks.api.call("GET", report).json["preflight"] is None
    first, second = (checks.ask(campaign_id=campaign)["id"] for _ in range(2))
    checks.run(second)
    checks.run(first)
    checks.ask(campaign_id=campaign)
    assert checks.api.call("GET", report).json["preflight"]["id"] == second


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/list_id"),
        ({"list_id": 8, "text": "Hi"}, "#/list_id"),
        ({"list_id": 7}, "#/text"),
        ({"list_id": 7, "text": "Hi", "encoding": "ucs2"}, "#/encoding"),
        ({"campaign_id": 9}, "#/campaign_id"),
        ({"campaign_id": 9, "text": "Hi"}, "#/campaign_id"),
    ],
)
def test_what_could_not_run_is_not_looked_at(checks: Checks, body: Any, pointer: str) -> None:
    answer = checks.api.call("POST", PREFLIGHTS, body)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_a_campaign_with_settled_recipients_has_a_report_instead(checks: Checks) -> None:
    campaign = checks.api.call("POST", "/v1/campaigns", checks.api.campaign()).json["id"]
    head = checks.api.tables.find("workspaces", keys.campaign_head("acme", campaign))
    assert head is not None
    head["plan"] = {"recipients": 0, "chunks": 0}
    answer = checks.api.call("POST", PREFLIGHTS, {"campaign_id": campaign})
    assert (answer.status, answer.json["code"]) == (409, "status_conflict")


def test_a_list_that_is_being_imported_is_looked_at_when_that_is_done(checks: Checks) -> None:
    campaign = checks.api.call("POST", "/v1/campaigns", checks.api.campaign()).json["id"]
    head = checks.api.tables.find("workspaces", keys.list_head("acme", 7))
    of = checks.api.tables.find("workspaces", keys.campaign_head("acme", campaign))
    assert head is not None
    assert of is not None
    head["loading"] = {"import"}
    for body in ({"list_id": 7, "text": "Hi"}, {"campaign_id": campaign}):
        answer = checks.api.call("POST", PREFLIGHTS, body)
        assert (answer.status, answer.json["code"]) == (409, "list_loading")
    del head["loading"]
    assert checks.api.call("POST", PREFLIGHTS, {"campaign_id": campaign}).status == 202
    del of["list_id"]  # a quick campaign before its file is in
    answer = checks.api.call("POST", PREFLIGHTS, {"campaign_id": campaign})
    assert (answer.status, answer.json["code"]) == (409, "list_loading")


def test_another_workspace_sees_no_pre_flight(checks: Checks) -> None:
    number = checks.ask(list_id=7, text="Hi")["id"]
    assert checks.api.call("GET", f"{PREFLIGHTS}/{number}", workspace="rival").status == 404


@pytest.mark.parametrize("name", ["check_recipients_shards", "check_recipients_end"])
def test_the_sample_events_are_what_the_machine_sends(name: str) -> None:
    event = json.loads((paths.ROOT / "events" / f"{name}.json").read_text())
    assert {"workspace", "preflight"} <= set(event) <= {"workspace", "preflight", "shards"}

"""Replies become a file, however often its writing is cut [I1]."""

import csv
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kabar.domain.inbox_csv import HEADER
from kabar.files import export
from kabar.storage import keys, work
from tests.functions.api_client import Api, api
from tests.functions.loading import load, sample
from tests.functions.test_exports import Uploads
from tests.functions.test_inbox import AMY, AT, BEA, seed_reply

__all__ = ["api"]

TIME = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
HURRY = SimpleNamespace(get_remaining_time_in_millis=lambda: 1_000)
HERE = "/v1/inbox/exports"


class World:
    """The API and export_inbox over the same tables."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = api
        self.uploads = Uploads()
        monkeypatch.setenv("WORK_BUCKET", "work")
        self.uploads.generate_presigned_url = api.clients.s3.generate_presigned_url
        self.module = load("export_inbox", monkeypatch, **vars(api.clients) | {"s3": self.uploads})

    def begin(self, **wanted: Any) -> dict[str, Any]:
        answer = self.api.call("POST", HERE, wanted)
        assert answer.status == 202, answer.text
        assert answer.headers["Location"] == f"{HERE}/{answer.json['id']}"
        started: dict[str, Any] = self.api.clients.started[str(answer.json["id"])]
        return started

    def run(self, told: dict[str, Any], context: Any = TIME) -> str:
        return str(self.module.handler(told, context)["outcome"])

    def shown(self, told: dict[str, Any]) -> Any:
        return self.api.call("GET", f"{HERE}/{told['export_id']}").json

    def rows(self, told: dict[str, Any]) -> list[dict[str, str]]:
        text = self.uploads.objects[work.exported_list(told["export_id"])].decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def world(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    work.client.cache_clear()
    yield World(api, monkeypatch)
    work.client.cache_clear()


def test_the_event_is_what_the_execution_gets(world: World) -> None:
    assert set(world.begin()) == set(sample("export_inbox_begin"))


def test_replies_become_rows_newest_first(world: World) -> None:
    api = world.api
    tied: dict[str, Any] = {
        "list": 7,
        "list_name": "Gym, downtown",
        "batch": "Q4",
        "message": 5001,
        "campaign": 4000,
    }
    first = seed_reply(api, AMY, "=cmd|' /C calc'!A0", AT, **tied, read_at=1)
    second = seed_reply(api, BEA, 'line one\n"two"', AT + 1, command="opt_out", left="blacklist")
    api.tables.seed("members", keys.member(7, AMY), params=["Amy", "Scott"], at=1)
    api.tables.seed("people", keys.standing("acme", AMY), everything={"at": 1, "by": "api:k"})
    api.tables.seed("people", keys.standing("acme", BEA), blacklisted={"at": 1, "by": "reply:1"})
    told = world.begin()
    assert world.run(told) == "done"
    bea, amy = world.rows(told)
    assert tuple(bea) == HEADER
    assert (bea["reply_id"], amy["reply_id"]) == (str(second), str(first))
    assert amy["content"] == "'=cmd|' /C calc'!A0"  # no spreadsheet runs it
    assert bea["content"] == 'line one\n"two"'
    assert (amy["mobile"], amy["received"]) == (AMY, "2026-03-01T23:05:00.000+13:00")
    assert (amy["list_name"], amy["batch"], amy["campaign_id"], amy["reply_to"]) == (
        "Gym, downtown",
        "Q4",
        "4000",
        "5001",
    )
    assert (amy["param1"], amy["param2"], amy["param3"]) == ("Amy", "Scott", "")
    assert (amy["opted_out"], amy["blacklisted"], amy["read"]) == ("yes", "no", "yes")
    assert (bea["opted_out"], bea["blacklisted"], bea["left"], bea["read"]) == (
        "no",
        "yes",
        "blacklist",
        "no",
    )
    shown = world.shown(told)
    assert (shown["state"], shown["rows"]) == ("done", 2)
    assert shown["file"].startswith("https://work/exports/")


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 30),
        ({"content": "N 2"}, 11),
        ({"mobile": "+64215550"}, 30),
        ({"mobile": "+6421555007"}, 1),
        ({"opted_out": True}, 1),
        ({"opted_out": False}, 29),
        ({"from": "2026-03-01T10:05:00.010Z"}, 20),
        ({"to": "2026-03-01T10:05:00.010Z"}, 10),
    ],
)
def test_a_file_holds_what_the_search_finds(world: World, wanted: dict[str, Any], count: int) -> None:
    for n in range(30):
        seed_reply(world.api, f"+6421555{n:03d}", f"n {n}.", AT + n)
    world.api.tables.seed("people", keys.standing("acme", "+6421555007"), everything={"at": 1, "by": "api:k"})
    told = world.begin(**wanted)
    assert world.run(told) == "done"
    assert len(world.rows(told)) == count


def test_a_file_is_written_in_parts_and_goes_on_where_time_ran_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [seed_reply(world.api, f"+64215{n:05d}", "x" * 50, AT + n) for n in range(350)]
    monkeypatch.setattr(export, "PART_BYTES", 9_000)
    told = world.begin()
    assert world.run(told, HURRY) == "more"
    late = seed_reply(world.api, AMY, "late", AT + 10**12)
    assert world.run(told) == "done"
    assert world.run(told) == "done"
    assert [row["reply_id"] for row in world.rows(told)] == [str(each) for each in reversed(ids)]
    assert str(late) not in {row["reply_id"] for row in world.rows(told)}
    assert len(world.uploads.sizes) > 1


def test_a_failed_execution_is_told(world: World) -> None:
    told = world.begin()
    assert world.run({**told, "error": {"Error": "States.Timeout"}}) == "failed"
    assert world.shown(told)["error"]["code"] == "export_interrupted"


@pytest.mark.parametrize("body", [{"from": "yesterday"}, {"mobile": "abc"}, {"content": ""}, {"unknown": 1}])
def test_a_search_that_makes_no_sense_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert api.call("POST", HERE, body).status == 422

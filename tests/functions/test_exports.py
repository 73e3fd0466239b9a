"""A list becomes a file, once, whatever is repeated or dies on the way [C5]."""

import csv
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kabar.domain import list_csv
from kabar.files import export
from kabar.storage import keys, work
from kabar.storage.exports import Superseded
from tests.functions.api_client import Api, api
from tests.functions.fake_dynamo import client_error
from tests.functions.loading import load, sample

__all__ = ["api"]

HERE = "/v1/lists/7/exports"
TIME = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
Rows = dict[str, list[str]]


class Uploads:
    """S3's multipart uploads; `objects` are those put together."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.open: dict[str, dict[int, bytes]] = {}
        self.begun = 0
        self.sizes: list[int] = []
        self.generate_presigned_url: Any = None
        self.generate_presigned_post: Any = None

    def create_multipart_upload(self, **how: Any) -> dict[str, str]:
        assert how["Bucket"] == "work"
        assert how["ContentType"] == "text/csv; charset=utf-8"
        self.begun += 1
        self.open[f"upload-{self.begun}"] = {}
        return {"UploadId": f"upload-{self.begun}"}

    def upload_part(self, **how: Any) -> dict[str, str]:
        self._parts(how)[how["PartNumber"]] = how["Body"]
        self.sizes.append(len(how["Body"]))
        return {"ETag": str(hash(how["Body"]))}

    def complete_multipart_upload(self, **how: Any) -> None:
        parts = self._parts(how)
        for part in how["MultipartUpload"]["Parts"]:
            if str(hash(parts[part["PartNumber"]])) != part["ETag"]:
                raise client_error("InvalidPart")
        numbers = [part["PartNumber"] for part in how["MultipartUpload"]["Parts"]]
        assert numbers == list(range(1, len(parts) + 1))
        self.objects[how["Key"]] = b"".join(parts[number] for number in numbers)
        del self.open[how["UploadId"]]

    def _parts(self, how: dict[str, Any]) -> dict[int, bytes]:
        if how["UploadId"] not in self.open:
            raise client_error("NoSuchUpload")
        return self.open[how["UploadId"]]


class World:
    """The API with list 7 of 300 members, some of whom left, and export_list beside it."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = api
        self.uploads = Uploads()
        monkeypatch.setenv("WORK_BUCKET", "work")
        self.uploads.generate_presigned_url = api.clients.s3.generate_presigned_url
        self.module = load("export_list", monkeypatch, **vars(api.clients) | {"s3": self.uploads})
        self.members: Rows = {f"+90532{number:07d}": ["=Ayşe", str(number)] for number in range(300)}
        for mobile, params in self.members.items():
            api.tables.seed("members", keys.member(7, mobile), params=params, at=1)
        for mobile, mark in (("+905320000007", "deleted"), ("+905320000008", "opted_out")):
            api.tables.seed("members", keys.member(7, mobile), params=["x"], at=1, **{mark: 5})
            del self.members[mobile]
        head = api.tables.find("workspaces", keys.list_head("acme", 7)) or {}
        head |= {"members": 299, "opted_out": 1, "deleted": 1}

    def begin(self, **how: Any) -> dict[str, Any]:
        answer = self.api.call("POST", HERE, **how)
        assert answer.status == 202, answer.text
        assert answer.headers["Location"] == f"{HERE}/{answer.json['id']}"
        started: dict[str, Any] = self.api.clients.started[str(answer.json["id"])]
        return started

    def run(self, told: dict[str, Any], context: Any = TIME) -> str:
        return str(self.module.handler(told, context)["outcome"])

    def shown(self, told: dict[str, Any]) -> Any:
        return self.api.call("GET", f"{HERE}/{told['export_id']}").json

    def file(self, told: dict[str, Any]) -> Rows:
        content = self.uploads.objects[work.exported_list(told["export_id"])].decode("utf-8-sig")
        header, *rows = csv.reader(io.StringIO(content, newline=""), strict=True)
        assert header == list_csv.HEADER
        found = {row[0]: [*map(list_csv.unquoted, row[1:])] for row in rows}
        assert len(found) == len(rows)
        return found


@pytest.fixture
def world(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    work.client.cache_clear()
    yield World(api, monkeypatch)
    work.client.cache_clear()


def test_a_list_is_written_without_those_who_left_and_the_link_works_for_15_minutes(world: World) -> None:
    told = world.begin()
    running = world.shown(told)
    assert (running["state"], running["rows"], running["rows_expected"]) == ("running", 0, 298)
    assert (running["progress"], running["file"]) == (0, None)
    assert world.run(told) == "done"
    done = world.shown(told)
    assert (done["state"], done["rows"], done["progress"]) == ("done", 298, 1)
    assert done["file"] == f"https://work/exports/{told['export_id']}.csv?900"
    assert done["finished_at"]
    assert world.file(told) == world.members


def test_the_log_says_who_downloaded_which_list(world: World) -> None:
    told = world.begin()
    (entry,) = world.api.tables.tables["activity"].values()
    assert (entry["who"], entry["what"], entry["about"]) == ("api:key:1", "list exported", "list:7")
    assert entry["detail"] == {"export": told["export_id"]}


def test_the_same_request_again_is_one_download(world: World) -> None:
    first = world.begin(headers={"Idempotency-Key": "a"})
    assert world.begin(headers={"Idempotency-Key": "a"}) == first
    assert len(world.api.clients.started) == 1
    assert world.begin() != first


def test_every_run_goes_on_where_the_last_one_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PART_BYTES", 2_000)
    told = world.begin()
    left = iter([900_000, 900_000, 0])
    assert world.run(told, SimpleNamespace(get_remaining_time_in_millis=lambda: next(left))) == "more"
    going = world.shown(told)
    assert 0 < going["rows"] < 298
    assert 0 < going["progress"] < 1
    assert world.run(told) == "done"
    assert world.file(told) == world.members
    assert (world.uploads.begun, len(world.uploads.sizes) > 3) == (1, True)
    assert world.run(told) == "done"
    assert world.uploads.begun == 1


def cut(world: World, monkeypatch: pytest.MonkeyPatch, death: int) -> None:
    """Whoever makes the write number `death` dies behind it: what it did is done, but nobody learned of it."""
    calls = 0

    def dying(call: Any) -> Any:
        def counted(*arguments: Any, **how: Any) -> Any:
            nonlocal calls
            answer = call(*arguments, **how)
            calls += 1
            if calls == death:
                raise SystemExit
            return answer

        return counted

    for owner, name in (
        (world.uploads, "create_multipart_upload"),
        (world.uploads, "upload_part"),
        (world.uploads, "complete_multipart_upload"),
        (world.api.tables, "update_item"),
        (world.api.tables, "transact_write_items"),
    ):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


def ended(world: World, told: dict[str, Any]) -> str:
    """How it ends after as many tries as an execution makes of one step."""
    for _ in range(7):
        try:
            return world.run(told)
        except (SystemExit, work.UploadGone):
            continue
    return "never"


@pytest.mark.parametrize("death", range(1, 14))
def test_whenever_a_worker_dies_the_next_one_ends_with_the_same_file(
    world: World, monkeypatch: pytest.MonkeyPatch, death: int
) -> None:
    monkeypatch.setattr(export, "PART_BYTES", 4_000)
    told = world.begin()
    cut(world, monkeypatch, death)
    assert ended(world, told) == "done"
    assert world.file(told) == world.members
    assert world.shown(told)["rows"] == 298


def test_of_two_runs_at_once_one_is_told_and_the_file_is_whole(world: World) -> None:
    told = world.begin()
    world.api.tables.before += [lambda: None, lambda: None]
    world.api.tables.before[1] = lambda: _ignored(world.run(told))
    with pytest.raises(Superseded):
        world.run(told)
    assert world.run(told) == "done"
    assert world.file(told) == world.members


def _ignored(_: Any) -> None:
    pass


def test_a_list_that_goes_meanwhile_fails_and_says_so(world: World) -> None:
    told = world.begin()
    assert world.api.call("DELETE", "/v1/lists/7").status == 204
    assert world.run(told) == "failed"
    failed = world.shown(told)
    assert (failed["state"], failed["error"]["code"], failed["file"]) == ("failed", "list_gone", None)
    assert world.run(told) == "failed"
    assert world.uploads.objects == {}


def test_a_failed_execution_is_told_and_never_undoes_what_is_done(world: World) -> None:
    told = world.begin()
    error = {"error": {"Error": "States.Timeout", "Cause": ""}}
    assert world.run(told | error) == "failed"
    assert world.shown(told)["error"]["code"] == "export_interrupted"
    other = world.begin()
    assert world.run(other) == "done"
    assert world.run(other | error) == "done"


def test_an_empty_list_is_a_header(world: World) -> None:
    world.api.tables.tables["members"].clear()
    told = world.begin()
    assert world.run(told) == "done"
    assert world.file(told) == {}


def test_a_download_is_forgotten_with_its_file_and_belongs_to_one_list_and_workspace(world: World) -> None:
    told = world.begin()
    where = f"{HERE}/{told['export_id']}"
    assert world.api.call("GET", where, workspace="rival").status == 404
    assert world.api.call("GET", where.replace("/7/", "/8/")).status == 404
    assert world.api.call("POST", "/v1/lists/8/exports").status == 404
    (head,) = [
        row
        for place, row in world.api.tables.tables["workspaces"].items()
        if "export#" in place[1] and place[0] != "open"
    ]
    head["expires_at"] = 1
    assert world.api.call("GET", where).status == 404


def test_the_sample_event_names_a_download() -> None:
    assert set(sample("export_list_begin")) == {"workspace", "list_id", "export_id"}

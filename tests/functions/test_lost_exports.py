"""An export whose execution is lost goes on or says that it failed, wherever the cut came [C5]."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kabar.files import export
from kabar.files.repair import RESTARTS, SILENCE, repair_exports
from kabar.storage import executions, keys, work
from kabar.storage.dynamo import Table
from kabar.storage.exports import Exports, Superseded
from tests.functions.api_client import Api, api
from tests.functions.test_exports import HERE, TIME, World, cut, ended

__all__ = ["api"]


class Lost(World):
    """An export and the sweep; `running` names the executions that are under way."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(api, monkeypatch)
        self.now = time.time_ns() // 1_000_000 + 60_000  # the API has a clock of its own
        monkeypatch.setattr(export, "PART_BYTES", 4_000)
        monkeypatch.setattr(export, "_now", lambda: self.now)
        self.running: set[str] = set()
        self.begun: dict[str, Any] = {}
        self.exports = Exports(Table("workspaces", api.tables))

    def start(self, name: str, told: dict[str, Any]) -> bool:
        new = name not in self.begun
        self.begun.setdefault(name, told)
        return new

    def sweep(self, after: int = SILENCE) -> list[int]:
        return repair_exports(self.exports, self.running.__contains__, self.start, self.now + after)

    def marks(self) -> list[str]:
        return [sk for pk, sk in self.api.tables.tables["workspaces"] if pk == "open" and "export" in sk]


@pytest.fixture
def world(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lost]:
    work.client.cache_clear()
    yield Lost(api, monkeypatch)
    work.client.cache_clear()


def test_one_that_nobody_came_to_start_is_started(world: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    def dying(*_: Any) -> bool:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(executions, "start", dying)
        with pytest.raises(SystemExit):
            world.api.call("POST", HERE)
    (mark,) = world.exports.every_open()
    told = {"workspace": "acme", "list_id": 7, "export_id": mark["export"]}
    assert world.sweep(0) == []  # whoever asked may still be about to start it
    assert world.sweep() == [mark["export"]]
    assert world.begun == {str(mark["export"]): told}
    assert world.run(told) == "done"
    assert world.file(told) == world.members


@pytest.mark.parametrize("death", range(1, 8))
def test_one_whose_execution_is_lost_goes_on_in_another(
    world: Lost, monkeypatch: pytest.MonkeyPatch, death: int
) -> None:
    told = world.begin()
    world.begun[str(told["export_id"])] = told
    cut(world, monkeypatch, death)
    with pytest.raises(SystemExit):
        world.run(told)
    assert world.sweep() == [told["export_id"]]
    name = f"{told['export_id']}-1"
    assert {key: value for key, value in told.items() if key != "arn"} == world.begun[name]
    assert ended(world, told) == "done"
    assert world.file(told) == world.members
    assert (world.shown(told)["rows"], world.marks(), world.sweep()) == (298, [], [])


def test_the_run_that_was_given_up_writes_no_more(world: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    told = world.begin()
    world.begun[str(told["export_id"])] = told
    put = world.uploads.upload_part

    def stuck(**how: Any) -> Any:
        world.sweep()
        return put(**how)

    monkeypatch.setattr(world.uploads, "upload_part", stuck)
    with pytest.raises(Superseded):
        world.run(told)
    monkeypatch.setattr(world.uploads, "upload_part", put)
    assert world.run(told) == "done"
    assert world.file(told) == world.members


def test_one_that_is_lost_again_and_again_fails_with_its_reason(world: Lost) -> None:
    told = world.begin()
    world.begun[str(told["export_id"])] = told
    for at in range(RESTARTS + 1):
        assert world.sweep((at + 1) * SILENCE) == [told["export_id"]]
    failed = world.shown(told)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "export_interrupted")
    assert len(world.begun) == RESTARTS + 1
    assert (world.marks(), world.run(told)) == ([], "failed")


def test_one_that_is_worked_on_or_has_just_moved_is_left_alone(world: Lost) -> None:
    told = world.begin()
    world.running.add(str(told["export_id"]))
    assert (world.sweep(2 * SILENCE), world.begun) == ([], {})
    world.running.clear()
    assert world.sweep(0) == []


def test_what_is_left_of_one_that_has_expired_is_forgotten(world: Lost) -> None:
    told = world.begin()
    head = keys.export_head("acme", 7, told["export_id"])
    del world.api.tables.tables["workspaces"][head["pk"], head["sk"]]
    assert (world.sweep(), world.marks()) == ([], [])


def test_rows_are_counted_while_the_first_part_is_still_written(
    world: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PART_BYTES", 1_000_000)
    ticks = iter(range(world.now, world.now + 10**9, 500))
    monkeypatch.setattr(export, "_now", lambda: next(ticks))
    told, seen = world.begin(), []
    query = world.api.tables.query

    def watched(**how: Any) -> Any:
        seen.append((world.shown(told)["rows"], world.uploads.sizes[:]))
        return query(**how)

    monkeypatch.setattr(world.api.tables, "query", watched)
    assert world.run(told, TIME) == "done"
    counts = [rows for rows, sizes in seen if not sizes]
    assert counts == sorted(counts)
    assert len(set(counts)) > 3
    assert world.shown(told)["rows"] == 298


def test_time_is_up_before_the_first_row(world: Lost) -> None:
    told = world.begin()
    assert world.run(told, SimpleNamespace(get_remaining_time_in_millis=lambda: 1)) == "more"
    assert world.run(told) == "done"

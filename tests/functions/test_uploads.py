"""A dropped object starts one import of that very version, however often it is told of [D1] [D8]."""

from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.fake_dynamo import client_error
from tests.functions.import_rig import FILE, KEY, World, event, world
from tests.functions.loading import sample

__all__ = ["world"]


def test_a_dropped_file_starts_one_import_of_that_very_version(world: World) -> None:
    world.call("receive_upload", sample("receive_upload_csv_drop"))
    ((name, started),) = world.steps.started.items()
    key = "acme/lists/Gym Üyeleri/kasım 2026.csv"
    source = {"bucket": "kabar-uploads", "key": key, "version": "v1"}
    told = {"workspace": "acme", "import_id": name, "request_id": "4442587FB7D0A2F9"}
    assert started == {"arn": "arn:import", **told, **source}
    head = world.head(started)
    assert (head["state"], head["list_name"], head["bytes_total"]) == ("validating", "Gym Üyeleri", 123)
    pointer = world.dynamo.find("workspaces", keys.import_object("acme", key))
    assert pointer
    assert pointer["import_id"] == name
    assert len(world.open()) == 1


def test_without_the_id_of_s3s_request_its_own_id_finds_the_imports_log_lines(world: World) -> None:
    started = world.drop(FILE)
    assert started["request_id"] == started["import_id"] == world.head(started)["request_id"]


def test_f28_f29_the_same_event_twice_is_one_import_and_a_replaced_object_another(world: World) -> None:
    for version in ("v1", "v1", "v2", "v1"):
        world.call("receive_upload", event(KEY, version))
    assert len(world.steps.started) == 2


def test_f28_an_event_that_comes_again_after_the_end_starts_nothing(world: World) -> None:
    world.run(world.drop(FILE))
    world.steps.started.clear()  # AWS forgets a name after 90 days
    world.call("receive_upload", event(KEY))
    assert not world.steps.started


@pytest.mark.parametrize(
    "key",
    [
        "nobody/lists/Gym/a.csv",
        "acme/lists/a.csv",
        "acme/Gym/a.csv",
        "a.csv",
        "acme/lists/Gym/",
        "/lists/a/b",
    ],
)
def test_a_file_that_belongs_to_nobody_is_ignored_and_not_tried_again(world: World, key: str) -> None:
    world.call("receive_upload", event(key))
    assert not world.steps.started


def test_an_object_that_cannot_be_noted_holds_up_none_of_its_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = {"Records": [event(f"acme/lists/Gym {n}/a.csv", f"v{n}")["Records"][0] for n in range(3)]}
    started = world.steps.start_execution

    def broken_once(**how: Any) -> None:
        monkeypatch.setattr(world.steps, "start_execution", started)
        raise client_error("ServiceUnavailable")

    monkeypatch.setattr(world.steps, "start_execution", broken_once)
    with pytest.raises(ExceptionGroup):
        world.call("receive_upload", batch)
    assert len(world.steps.started) == 2
    world.call("receive_upload", batch)
    assert len(world.steps.started) == 3


def test_test_events_and_removals_are_nothing(world: World) -> None:
    world.call("receive_upload", sample("receive_upload_s3_test_event"))
    world.call("receive_upload", event(KEY, kind="ObjectRemoved:Delete"))
    assert not world.steps.started

"""A file that is split becomes lists of exact counts, or none [D7]."""

from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.import_rig import World, counted, world

__all__ = ["world"]


def split(world: World, rows: int, records: int, out: int = 0) -> dict[str, Any]:
    """The input of the execution for a file of so many rows, of which the first `out` have opted out."""
    numbers = [f"+6421{n:07d}" for n in range(rows)]
    for mobile in numbers[:out]:
        world.dynamo.seed("people", keys.standing("acme", mobile), blacklisted={"at": 1, "by": "api:1"})
    started = world.drop("".join(f"{mobile},{n}\n" for n, mobile in enumerate(numbers)))
    world.head(started)["split"] = {"records": records}
    return started


@pytest.mark.parametrize("times", [1, 2], ids=["once", "every step twice"])
@pytest.mark.parametrize(
    ("rows", "out", "records", "expected"),
    [
        (10, 0, 4, [4, 4, 2]),
        (10, 1, 3, [3, 3, 3]),
        (5_100, 3, 2_600, [2_600, 2_497]),
        (3, 0, 9, [3]),
        (2, 2, 9, [0]),
    ],
)
def test_a_file_is_split_into_lists_of_exact_counts_in_its_order(
    world: World, rows: int, out: int, records: int, expected: list[int], times: int
) -> None:
    started = split(world, rows, records, out)
    head = world.run(started, times)
    assert (head["state"], head["opted_out"], head["added"]) == ("done", out, rows - out)
    counted(head)
    count = len(expected)
    assert [(each["name"], each["records"]) for each in head["lists"]] == [
        (f"Gym ({n}/{count})", size) for n, size in enumerate(expected, 1)
    ]
    first = out
    members = world.dynamo.tables["members"]
    for each in head["lists"]:
        found = world.list_head(each["list_id"])
        assert (found["name"], found["members"], "loading" in found) == (each["name"], each["records"], False)
        wanted = [f"+6421{n:07d}" for n in range(first, first + each["records"])]
        pks = {keys.member(each["list_id"], mobile)["pk"] for mobile in wanted}
        assert sorted(mobile for pk, mobile in members if pk in pks) == wanted
        first += each["records"]
    assert len(members) == rows - out
    assert not world.open()


@pytest.mark.parametrize("times", [1, 2])
def test_a_split_whose_names_are_taken_fails_before_anything_is_written(world: World, times: int) -> None:
    started = split(world, 10, 4)
    world.dynamo.seed("workspaces", keys.list_name("acme", "Gym (3/3)"), list_id=77)
    head = world.run(started, times)
    assert (head["state"], head["error"]["code"]) == ("failed", "list_name_taken")
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]
    assert not world.open()


def test_a_name_that_is_taken_in_the_last_moment_leaves_no_list_of_the_split(world: World) -> None:
    started = split(world, 10, 4)
    valid = world.call("validate_list", started)
    world.each("check_suppressions", started, valid, 1)
    rival = keys.list_name("acme", "Gym (3/3)")
    applied = world.dynamo.transact_write_items

    def appear(**request: Any) -> Any:
        world.dynamo.transact_write_items = applied  # type: ignore[method-assign]
        world.dynamo.seed("workspaces", rival, list_id=77)
        return applied(**request)

    world.dynamo.transact_write_items = appear  # type: ignore[method-assign, assignment]
    assert world.call("split_list", started) == {"outcome": "failed"}
    assert world.head(started)["error"]["code"] == "list_name_taken"
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]
    assert world.dynamo.find("workspaces", rival)


def test_more_lists_than_anybody_wants_are_refused(world: World) -> None:
    assert world.run(split(world, 501, 1))["error"]["code"] == "too_many_lists"


def test_a_split_that_broke_in_the_middle_counts_what_was_loaded(world: World) -> None:
    started = split(world, 10, 4)
    valid = world.call("validate_list", started)
    world.each("check_suppressions", started, valid, 1)
    valid = world.call("split_list", started)
    told = {name: valid[name] for name in ("list_id", "list_is_new", "parts_per_list")}
    world.call("load_members", {**started, **told, "part": 2})
    for _ in range(2):
        world.call("finish_import", {**started, "outcome": "failed", "error": {"Error": "x", "Cause": "y"}})
    heads = [world.list_head(each["list_id"]) for each in world.head(started)["lists"]]
    assert [(head["members"], "loading" in head) for head in heads] == [(0, False), (4, False), (0, False)]

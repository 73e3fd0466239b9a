"""A dropped file becomes members of a list, once, whatever is repeated or dies on the way [D1]-[D8]."""

from typing import Any

import pytest

from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.opt_outs import OptOuts
from tests.functions.import_rig import FILE, World, counted, world

__all__ = ["world"]


@pytest.mark.parametrize("times", [1, 2], ids=["once", "every step twice"])
def test_a_file_becomes_a_new_list_of_its_members(world: World, times: int) -> None:
    started = world.drop(FILE)
    head = world.run(started, times)
    assert head["state"] == "done"
    assert counted(head) == (1, 1, 1, 0, 1)
    assert (head["added"], head["readded"], head["updated"]) == (2, 0, 0)
    assert head["header"] == ["mobile", "name"]
    assert head["codes"] == {"letters": 1}
    assert {mobile: item["params"] for mobile, item in world.members().items()} == {
        "+64211111111": ["Amy"],
        "+64211111112": ["Budi"],
    }
    list_head = world.list_head(head["list_id"])
    assert (list_head["name"], list_head["members"], "loading" in list_head) == ("Gym", 2, False)
    assert not world.open()
    assert "+6421x,Çağlar" in world.s3.text(head["rejected_key"])
    assert "line 2" in world.s3.text(head["duplicates_key"])


def test_the_next_file_goes_to_the_list_of_that_name_or_id(world: World) -> None:
    first = world.run(world.drop(FILE))
    named = world.run(world.drop("+64211111113", "acme/lists/Gym/b.csv"))
    numbered = world.run(world.drop("+64211111114", f"acme/lists/{first['list_id']}/c.csv"))
    assert first["list_id"] == named["list_id"] == numbered["list_id"]
    assert numbered["list_name"] == "Gym"
    assert world.list_head(first["list_id"])["members"] == 4
    other = world.run(world.drop("+64211111113", "acme/lists/gym/b.csv"))
    assert other["list_id"] != first["list_id"]


def test_an_append_keeps_opt_outs_and_makes_deleted_numbers_members_again(world: World) -> None:
    list_id = world.run(world.drop("+64211111111,a\n+64211111112,b\n+64211111113,c"))["list_id"]
    members = world.members()
    members["+64211111111"] |= {"opted_out": 5}
    members["+64211111112"] |= {"deleted": 6, "opted_out": 7}
    world.list_head(list_id).update(members=2, deleted=1, opted_out=1)
    head = world.run(world.drop("+64211111111,A\n+64211111112,B\n+64211111114,D", version="v2"), times=2)
    assert (head["added"], head["readded"], head["updated"]) == (1, 1, 1)
    members = world.members()
    assert (members["+64211111111"]["opted_out"], members["+64211111111"]["params"]) == (5, ["A"])
    assert (members["+64211111112"]["opted_out"], "deleted" in members["+64211111112"]) == (7, False)
    list_head = world.list_head(list_id)
    assert (list_head["members"], list_head["deleted"], list_head["opted_out"]) == (4, 0, 2)


def test_a_part_that_died_in_the_middle_counts_the_same_when_loaded_again(world: World) -> None:
    rows = "".join(f"+642{n:08d},{n}\n" for n in range(60))
    started = world.drop(rows)
    valid = world.call("validate_list", started)
    part = {**started, "list_id": valid["list_id"], "parts_per_list": 0, "part": 1}
    world.call("check_suppressions", part)

    def die() -> None:
        raise ConnectionError

    world.dynamo.before = [lambda: None, die]  # the second of three BatchWrites
    with pytest.raises(ConnectionError):
        world.call("load_members", part)
    assert len(world.members()) == 25
    world.call("load_members", part)
    world.call("finish_import", {**started, "outcome": "loaded"})
    assert world.head(started)["added"] == 60
    assert world.list_head(valid["list_id"])["members"] == 60


@pytest.mark.parametrize("remove", [True, False])
def test_who_left_earlier_campaigns_is_dropped_unless_told_otherwise(world: World, remove: bool) -> None:
    mark = {"at": 1, "by": "reply:1"}
    world.dynamo.seed("people", keys.standing("acme", "+64211111111"), lists={"7": mark})
    world.dynamo.seed("people", keys.standing("acme", "+64211111112"), blacklisted=mark)
    world.dynamo.seed("people", keys.standing("other", "+64211111113"), blacklisted=mark)
    started = world.drop("+64211111111\n021 111 1112\n+64211111113\n")
    world.head(started)["remove_opt_outs"] = remove
    head = world.run(started)
    assert counted(head) == ((1, 0, 0, 2, 0) if remove else (2, 1, 0, 0, 0))
    assert len(world.members()) == (1 if remove else 3)


def test_who_left_this_very_list_is_loaded_opted_out_when_all_are_wanted(world: World) -> None:
    list_id = world.run(world.drop("+64211111119"))["list_id"]
    left = {str(list_id): {"at": 5, "by": "reply:1"}}
    world.dynamo.seed("people", keys.standing("acme", "+64211111111"), lists=left)
    world.dynamo.seed("people", keys.standing("acme", "+64211111112"), lists={"999": {"at": 5, "by": "api"}})
    started = world.drop("+64211111111,Amy\n021 111 1112\n", version="v2")
    world.head(started)["remove_opt_outs"] = False
    head = world.run(started, times=2)
    assert counted(head) == (1, 1, 0, 0, 0)
    members = world.members()
    assert (members["+64211111111"]["opted_out"], members["+64211111111"]["params"]) == (5, ["Amy"])
    assert "opted_out" not in members["+64211111112"]
    list_head = world.list_head(list_id)
    assert (list_head["members"], list_head["opted_out"]) == (3, 1)


def test_a_second_import_waits_until_the_first_has_written_the_list(world: World) -> None:
    first = world.drop("+64211111111,a")
    valid = world.call("validate_list", first)
    second = world.drop("+64211111111,b\n+64211111112,c", "acme/lists/Gym/b.csv")
    assert [world.call("validate_list", second) for _ in range(2)] == [{"outcome": "busy"}] * 2
    waiting = world.head(second)
    assert (waiting["state"], waiting["phase"], waiting["rows_read"]) == ("validating", "waiting_for_list", 2)
    world.s3.objects["uploads", second["key"], "v1"] = b""  # it isn't read again
    for task in ("check_suppressions", "load_members"):
        world.each(task, first, valid, 1)
    world.call("finish_import", {**first, "outcome": "loaded"})
    head = world.run(second, times=2)
    assert (head["state"], head["added"], head["updated"]) == ("done", 1, 1)
    assert world.list_head(head["list_id"])["members"] == 2


def test_who_waits_too_long_for_its_list_is_told(world: World) -> None:
    world.call("validate_list", world.drop("+64211111111,a"))
    second = world.drop("+64211111112", "acme/lists/Gym/b.csv")
    assert world.call("validate_list", second)["outcome"] == "busy"
    world.head(second)["updated_at"] -= 3 * 3_600_000
    head = world.run(second)
    assert (head["state"], head["error"]["code"], head["rows_read"]) == ("failed", "list_busy", 1)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_new_list_whose_name_was_taken_meanwhile_is_not_mixed_with_the_other(
    world: World, dry_run: bool
) -> None:
    other = world.run(world.drop("+64211111119"))["list_id"]
    started = world.drop("+64211111111", version="v2")
    world.head(started).update(purpose="new_list", dry_run=dry_run)
    head = world.run(started, times=2)
    assert (head["state"], head["error"]["code"], head["rows_read"]) == ("failed", "list_name_taken", 1)
    assert world.list_head(other)["members"] == 1


def test_an_opt_out_while_a_part_is_loaded_is_marked_and_counted_at_the_end(world: World) -> None:
    list_id = world.run(world.drop("+64211111111,a"))["list_id"]
    started = world.drop("+64211111111,b", version="v2")
    valid = world.call("validate_list", started)
    world.each("check_suppressions", started, valid, 1)
    module = world.function("load_members")
    tables = [Table(name, world.dynamo) for name in ("people", "members", "workspaces")]

    def leave() -> None:
        world.dynamo.before = []
        OptOuts(*tables).leave("acme", "+64211111111", list_id, "reply:1", lambda: 5)

    world.dynamo.before = [leave]
    module.handler({**started, "list_id": list_id, "parts_per_list": 0, "part": 1}, None)
    assert "opted_out" not in world.members()["+64211111111"]
    for _ in range(2):
        world.call("finish_import", {**started, "outcome": "loaded"})
    member, list_head = world.members()["+64211111111"], world.list_head(list_id)
    assert (member["opted_out"], member["params"], list_head["opted_out"]) == (5, ["b"], 1)


def test_a_lost_answer_to_the_lists_creation_makes_no_second_list(world: World) -> None:
    started = world.drop(FILE)
    applied = world.dynamo.transact_write_items

    def lose(**request: Any) -> Any:
        world.dynamo.transact_write_items = applied  # type: ignore[method-assign]
        applied(**request)
        raise ConnectionError

    world.dynamo.transact_write_items = lose  # type: ignore[method-assign, assignment]
    with pytest.raises(ConnectionError):
        world.call("validate_list", started)
    head = world.run(started)
    assert head["state"] == "done"
    assert sum(sk.startswith("list#") for _, sk in world.dynamo.tables["workspaces"]) == 1


def test_a_list_that_appears_meanwhile_is_the_one_that_is_loaded(world: World) -> None:
    started = world.drop(FILE)
    rival = keys.list_head("acme", 77)

    def appear() -> None:
        world.dynamo.seed("workspaces", rival, id=77, name="Gym", members=0, opted_out=0, deleted=0)
        world.dynamo.seed("workspaces", keys.list_name("acme", "Gym"), list_id=77)

    world.dynamo.before = [lambda: None, appear]  # after the id was reserved
    assert world.run(started)["list_id"] == 77

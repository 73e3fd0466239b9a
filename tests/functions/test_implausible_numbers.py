"""Implausible numbers are imported and counted, or rejected row by row where that is wanted [B3]."""

import pytest

from kabar.storage import keys
from tests.functions.import_rig import World, counted, world

__all__ = ["world"]

# the samples of the source: the first two exist nowhere, though it uses them; its bad number does exist
SAMPLES = "+6427123456,a\n+642912345,b\n+6421000000,c\n+99912345678,d\n"


@pytest.mark.parametrize("times", [1, 2], ids=["once", "every step twice"])
def test_implausible_numbers_are_imported_and_counted_unless_told_otherwise(world: World, times: int) -> None:
    head = world.run(world.drop(SAMPLES), times)
    assert (counted(head), head["implausible"]) == ((4, 0, 0, 0, 0), 3)
    assert len(world.members()) == 4


def test_a_list_may_ask_for_strict_validation_of_every_import(world: World) -> None:
    list_id = world.run(world.drop("+64211111111"))["list_id"]
    world.list_head(list_id)["strict"] = True
    head = world.run(world.drop("+6427123456\n+64211111112", version="v2"), times=2)
    assert (counted(head), head["strict"], head["codes"]) == ((1, 0, 0, 0, 1), True, {"implausible": 1})
    other = world.run(world.drop("+6427123456\n+64211111112", "acme/lists/Other/a.csv"))
    assert (counted(other), other["strict"]) == ((2, 0, 0, 0, 0), False)


def test_strict_validation_rejects_implausible_numbers_row_by_row(world: World) -> None:
    started = world.drop("mobile,name\n" + SAMPLES + "021 000 000,again\n027 123 456\n\n+64210x,letters\n")
    world.head(started)["strict"] = True
    world.dynamo.seed("workspaces", keys.prefix_map("acme", "027"), prefix="027", replacement="6427")
    head = world.run(started, 2)
    assert (counted(head), head["implausible"]) == ((1, 0, 1, 0, 5), 0)
    assert head["codes"] == {"implausible": 4, "letters": 1}
    rejected = world.s3.text(head["rejected_key"]).splitlines()
    assert [row.split(",")[0] for row in rejected[1:]] == ["2", "3", "5", "7", "9"]
    assert rejected[1].startswith('2,implausible,"Column 1: No country has a number like this. ')
    assert rejected[1].endswith(",+6427123456,a")

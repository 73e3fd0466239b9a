"""A dry run tells everything that an import would come to, and writes no list."""

import pytest

from kabar.storage import keys
from tests.functions.import_rig import FILE, World, counted, world

__all__ = ["world"]


@pytest.mark.parametrize("times", [1, 2], ids=["once", "every step twice"])
def test_a_dry_run_counts_every_bucket_shows_the_first_rows_and_writes_no_list(
    world: World, times: int
) -> None:
    world.dynamo.seed(
        "people", keys.standing("acme", "+64211111111"), lists={"7": {"at": 1, "by": "reply:1"}}
    )
    rows = "".join(f"021 222 {n:04d},{n}\n" for n in range(3_000))
    started = world.drop(FILE + rows)
    world.head(started)["dry_run"] = True
    head = world.run(started, times)
    assert (head["state"], head["phase"]) == ("done", "dry_run")
    assert counted(head) == (0, 3_001, 1, 1, 1)
    assert len(head["first_rows"]) == 20
    assert head["first_rows"][:2] == [
        {"mobile": "+64211111111", "params": ["Amy"], "changes": []},
        {
            "mobile": "+64211111112",
            "params": ["Budi"],
            "changes": ["separators_removed", "prefix_mapped", "plus_added"],
        },
    ]
    assert "+6421x" in world.s3.text(head["rejected_key"])
    assert not world.dynamo.tables["members"]
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]
    assert not world.open()


def test_a_dry_run_for_a_list_that_is_gone_fails_as_the_import_would(world: World) -> None:
    started = world.drop(FILE)
    world.head(started).update(dry_run=True, target=99)
    assert world.run(started)["error"]["code"] == "list_gone"

"""Heads of lists, and the pointer from a name to its list [C1]. [P7]

A head: {id, name, batch?, email?, reply_response?, opt_out_response?, response_encoding?, strict?, members, opted_out,
deleted, created_at, loading?, version?}. `members` counts those who aren't deleted, `opted_out` those among
them who left this list, `loading` holds the import that is writing it, `version` counts the edits by hand.
"""

from typing import Any

from kabar.storage import keys
from kabar.storage.dynamo import Item, Table, put_in, update_in

MAX_NAME = 50

Write = dict[str, Any]


def find(workspaces: Table, workspace: str, target: str) -> Item | None:
    """The list that `target` means: its id, else its exact name; None when there is none yet [D1]."""
    if target.isascii() and target.isdigit() and len(target) <= 16:
        head = workspaces.get(keys.list_head(workspace, int(target)), consistent=True)
        if head:
            return head
    return named(workspaces, workspace, target)


def named(workspaces: Table, workspace: str, name: str) -> Item | None:
    """The list of exactly this name, or None."""
    pointer = workspaces.get(keys.list_name(workspace, name), consistent=True)
    return workspaces.get(keys.list_head(workspace, pointer["list_id"]), consistent=True) if pointer else None


def creation(
    workspaces: Table, workspace: str, list_id: int, name: str, import_id: str, now: int
) -> list[Write]:
    """For `transact`: a new, empty list that an import is about to fill. Fails if the name leads to a list."""
    head = keys.list_head(workspace, list_id) | {
        "id": list_id,
        "name": name,
        "members": 0,
        "opted_out": 0,
        "deleted": 0,
        "created_at": now,
        "loading": {import_id},
    }
    pointer = keys.list_name(workspace, name) | {"list_id": list_id}
    return [
        put_in(workspaces, head, "attribute_not_exists(pk)"),
        put_in(workspaces, pointer, "attribute_not_exists(pk)"),
    ]


def loading(workspaces: Table, workspace: str, list_id: int, import_id: str) -> Write:
    """For `transact`: an import begins to write the list. Fails if the list is gone, or another one writes it."""
    return update_in(
        workspaces,
        keys.list_head(workspace, list_id),
        "SET loading = :import",
        "attribute_exists(pk) AND (attribute_not_exists(loading) OR loading = :import)",
        values={":import": {import_id}},
    )


def loaded(workspaces: Table, workspace: str, list_id: int, import_id: str, results: dict[str, int]) -> Write:
    """For `transact`: an import is over, its results (see members.py) count. Fails if it was over before."""
    values = {
        ":members": results["added"] + results["readded"] - results["deleted"],
        ":opted_out": results["opted_out"] - results["left"],
        ":deleted": results["deleted"] - results["readded"],
        ":imports": {import_id},
        ":import": import_id,
    }
    return update_in(
        workspaces,
        keys.list_head(workspace, list_id),
        "ADD members :members, opted_out :opted_out, deleted :deleted DELETE loading :imports",
        "contains(loading, :import)",
        values=values,
    )


def is_busy(head: Item, import_id: str) -> bool:
    """Whether another import is writing the list of this head."""
    return bool(head.get("loading", set()) - {import_id})


def is_loading(workspaces: Table, workspace: str, list_id: int) -> bool:
    """Whether any import is writing the list."""
    head = workspaces.get(keys.list_head(workspace, list_id), consistent=True)
    return bool(head and head.get("loading"))

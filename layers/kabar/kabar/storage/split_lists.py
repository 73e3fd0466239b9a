"""The lists that one import is split into: named and numbered once, made one by one, counted once [D7]. [P58]

Their ids follow each other. The import's head says which they are: {list_id, name, records} each.
"""

from collections.abc import Mapping
from typing import Any

from kabar.storage import ids, keys, lists
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, transact
from kabar.storage.import_heads import Contended
from kabar.storage.import_parts import LOADED


class NameTaken(Exception):
    """A list of one of these names is there already."""


def begin(
    workspaces: Table, workspace: str, head: Item, names: list[str], sizes: list[int], now: int
) -> list[Item]:
    """Settle which lists these are, and make them, empty; again gives the same. Raises NameTaken, Contended."""
    key = keys.import_head(workspace, head["id"])
    current = workspaces.get(key, consistent=True) or head
    if "lists" not in current:
        if workspaces.batch_get([keys.list_name(workspace, name) for name in names], consistent=True):
            raise NameTaken(names[0])
        first = ids.reserve(workspaces, len(names))
        planned = [
            {"list_id": first + at, "name": name, "records": size}
            for at, (name, size) in enumerate(zip(names, sizes, strict=True))
        ]
        try:
            current = workspaces.update(
                key,
                "SET lists = :lists, #state = :loading, phase = :loading, updated_at = :now",
                condition="#state = :validating AND attribute_not_exists(lists)",
                names={"#state": "state"},
                values={":lists": planned, ":loading": "loading", ":validating": "validating", ":now": now},
            )
        except ConditionFailed:
            raise Contended(f"another run splits the import {head['id']}, or it has ended") from None
    try:
        for each in current["lists"]:
            _make(workspaces, workspace, each, head["id"], now)
    except NameTaken:  # since they were looked up
        for each in current["lists"]:
            _unmake(workspaces, workspace, each, head["id"])
        raise
    return list(current["lists"])


def _make(workspaces: Table, workspace: str, planned: Item, import_id: str, now: int) -> None:
    try:
        transact(lists.creation(workspaces, workspace, planned["list_id"], planned["name"], import_id, now))
    except ConditionFailed:
        if workspaces.get(keys.list_head(workspace, planned["list_id"]), consistent=True) is None:
            raise NameTaken(planned["name"]) from None


def _unmake(workspaces: Table, workspace: str, planned: Item, import_id: str) -> None:
    ours: dict[str, Any] = {"condition": "contains(loading, :import)", "values": {":import": import_id}}
    named: dict[str, Any] = {"condition": "list_id = :list", "values": {":list": planned["list_id"]}}
    try:
        transact(
            [
                delete_in(workspaces, keys.list_head(workspace, planned["list_id"]), **ours),
                delete_in(workspaces, keys.list_name(workspace, planned["name"]), **named),
            ]
        )
    except ConditionFailed:
        return  # was not made


def count(workspaces: Table, workspace: str, head: Item, results: Mapping[int, dict[str, int]]) -> None:
    """The results of each list, by its position, count once; a list that was deleted meanwhile stays so."""
    for at, each in enumerate(head["lists"]):
        result = results.get(at) or dict.fromkeys(LOADED, 0)
        try:
            transact([lists.loaded(workspaces, workspace, each["list_id"], head["id"], result)])
        except ConditionFailed:
            continue  # counted before, or deleted

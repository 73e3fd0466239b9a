"""Templates: texts with a name, to choose for a message [E5]. [P50]

A template: {id, name, text, version, created_at, updated_at}. A campaign made from one keeps the text as it was.
"""

from collections.abc import Mapping
from typing import Any

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact, update_in


class Stale(Exception):
    """The template was edited meanwhile, or is gone; nothing was written."""


def create(
    table: Table, log: Table, workspace: str, number: int, name: str, text: str, *, by: str, now: int
) -> Item:
    """A new template under the id `number`; again under the same id it is the same."""
    key = keys.template(workspace, number)
    new = {"id": number, "name": name, "text": text, "version": 1, "created_at": now, "updated_at": now}
    note = _note(log, workspace, now, by, "template created", number, {"name": name})
    try:
        transact([put_in(table, key | new, "attribute_not_exists(pk)"), note])
    except ConditionFailed:
        return table.get(key, consistent=True) or key | new
    return key | new


def get(table: Table, workspace: str, number: int) -> Item | None:
    return table.get(keys.template(workspace, number), consistent=True)


def page(
    table: Table, workspace: str, limit: int, before: str | None = None
) -> tuple[list[Item], str | None]:
    """Templates, newest first, and where the next page starts."""
    pk = keys.workspace_pk(workspace)
    start = {"pk": pk, "sk": before} if before else None
    found = table.query(pk, prefix="template#", reverse=True, limit=limit + 1, start=start).items
    return found[:limit], found[limit - 1]["sk"] if len(found) > limit else None


def edit(
    table: Table, log: Table, workspace: str, seen: Item, changes: Mapping[str, Any], *, by: str, now: int
) -> Item:
    """Set the {name, text} of the template that was `seen`; as it is now. Raises Stale."""
    sets = {**changes, "version": seen["version"] + 1, "updated_at": now}
    update = update_in(
        table,
        keys.template(workspace, seen["id"]),
        "SET " + ", ".join(f"#{name} = :{name}" for name in sets),
        "version = :seen",
        names={f"#{name}": name for name in sets},
        values={f":{name}": value for name, value in sets.items()} | {":seen": seen["version"]},
    )
    detail = {"changed": sorted(changes)}
    try:
        transact([update, _note(log, workspace, now, by, "template edited", seen["id"], detail)])
    except ConditionFailed as error:
        raise Stale from error
    return {**seen, **sets}


def delete(table: Table, log: Table, workspace: str, number: int, *, by: str, now: int) -> bool:
    """It is gone; False when it was not there."""
    gone = delete_in(table, keys.template(workspace, number), "attribute_exists(pk)")
    try:
        transact([gone, _note(log, workspace, now, by, "template deleted", number, {})])
    except ConditionFailed:
        return False
    return True


def _note(
    log: Table, workspace: str, now: int, by: str, what: str, number: int, detail: Mapping[str, Any]
) -> dict[str, Any]:
    return activity.entry(log, workspace, now, by, what, f"template/{number}", detail)

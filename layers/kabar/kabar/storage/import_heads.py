"""Heads of imports: which there are, and how one is named, changed and logged [D5] [D8]. [P9]

An import is named after its object version, so the same event twice is one import; one that the API announced
has its name before its file. Its life is (waiting_for_file ->) validating -> loading -> done, or failed from
either; a final state never changes. Where a person has to decide it is needs_decision in between.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from kabar.storage import activity, keys
from kabar.storage.dynamo import Item, Table, update_in
from kabar.storage.import_parts import LOADED

FINAL = ("done", "failed")
BUCKETS = ("accepted", "corrected", "duplicates", "opted_out", "rejected")
CONFIRM, DELETING, DRY_RUN, OPENING = "confirm_deletion", "deleting", "dry_run", "waiting_for_list"  # phases
WAITING = "waiting_for_file"


class Contended(Exception):
    """What a write depends on kept changing; nothing was written, the same may be tried again."""


class ListGone(Exception):
    """The list of an import was deleted meanwhile; nothing was written."""


def import_id(bucket: str, key: str, version: str, decision: int = 0) -> str:
    """The import of an object version; `decision` counts what the user was asked about it."""
    told = "\0".join((bucket, key, version, str(decision)))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def execution(workspace: str, head: Item) -> tuple[str, Item]:
    """(name, input) of the execution that runs an import from its present decision on, for `request_id`."""
    source = {name: head[name] for name in ("bucket", "key", "version")}
    told = source | {"workspace": workspace, "import_id": head["id"]}
    told["request_id"] = head.get("request_id", head["id"])
    decision = int(head.get("decision", 0))
    # an announced import had its name before there was a version
    name = import_id(**source, decision=decision) if decision else head["id"]
    if head.get("phase") != DELETING:
        return name, told
    told["confirmed"] = True
    told["validated"] = {"list_id": head["list_id"], "parts": [*range(1, head["parts"] + 1)]}
    return f"{name}-confirmed", told


class Heads:
    """Those of all workspaces, whose changes the log tells [M4]."""

    def __init__(self, workspaces: Table, log: Table) -> None:
        self._workspaces = workspaces
        self._log = log

    def every_open(self) -> Iterator[Item]:
        """[P9] {workspace, import_id} of every import that isn't over, in all workspaces."""
        yield from self._workspaces.every("open", prefix="import#")

    def get(self, workspace: str, import_id: str) -> Item | None:
        return self._workspaces.get(keys.import_head(workspace, import_id), consistent=True)

    def _entry(
        self, workspace: str, at: int, who: str, what: str, told: Item, **detail: Any
    ) -> dict[str, Any]:
        """For `transact`: the log's entry, with the counts of a final state."""
        detail |= {name: told[name] for name in ("purpose", "list_id", "list_name") if told.get(name)}
        if what in FINAL:
            detail |= {name: told[name] for name in ("rows_read", *BUCKETS, *LOADED) if name in told}
        if "error" in told:
            detail["error"] = told["error"]["code"]
        about = f"import/{told['id']}"
        return activity.entry(self._log, workspace, at, who, f"import {what}", about, detail)

    def _setting(self, workspace: str, import_id: str, values: Item, *states: str) -> dict[str, Any]:
        """For `transact`: set `values` while the import is in one of `states`."""
        condition, how = change(values, states)
        expression = how.pop("expression")
        return update_in(
            self._workspaces, keys.import_head(workspace, import_id), expression, condition, **how
        )


def change(values: Item, states: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """(condition, expression with its names and values) to set `values` in one of `states`."""
    how = {
        "expression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "names": {f"#{name}": name for name in (*values, "state")},
        "values": {f":{name}": value for name, value in values.items()} | {f":in_{s}": s for s in states},
    }
    return " OR ".join(f"#state = :in_{state}" for state in states), how

"""Downloads of lists: how far each is, and where it goes on [C5]. [P46]

A head: {id, list_id, list_name, state: running|done|failed, rows, total, part, shard, after?, upload?, tags,
error?: {code, message}, created_at, updated_at, finished_at?, expires_at}. `part` counts the parts of the file
that are kept, `tags` names them; the next one begins in `shard` behind the number `after`.
"""

from typing import Any

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, put_in, transact

RUNNING, DONE, FAILED = "running", "done", "failed"
KEPT_SECONDS = 7 * 86_400  # as the bucket keeps the files
ERRORS = {
    "list_gone": "The list was deleted while it was written to a file.",
    "export_interrupted": "Something went wrong on our side. Ask for the download again.",
}


class Superseded(Exception):
    """Another run of the same export was faster; nothing was written. It goes on from there."""


class Exports:
    """Downloads of all workspaces."""

    def __init__(self, workspaces: Table) -> None:
        self._workspaces = workspaces

    def get(self, workspace: str, list_id: int, export_id: int) -> Item | None:
        """A download's head; None when there is none or it has expired."""
        return self._workspaces.get(keys.export_head(workspace, list_id, export_id), consistent=True)

    def begin(self, log: Table, workspace: str, export_id: int, of: Item, *, by: str, now: int) -> Item:
        """The head of a new download of the list whose head is `of`, noted in the log; again it is the same."""
        key = keys.export_head(workspace, of["id"], export_id)
        head = key | {
            "id": export_id,
            "list_id": of["id"],
            "list_name": of["name"],
            "state": RUNNING,
            "rows": 0,
            "total": max(of.get("members", 0) - of.get("opted_out", 0), 0),
            "part": 0,
            "shard": 0,
            "tags": [],
            "created_at": now,
            "updated_at": now,
            "expires_at": now // 1000 + KEPT_SECONDS,
        }
        about = f"list:{of['id']}"
        note = activity.entry(log, workspace, now, by, "list exported", about, {"export": export_id})
        try:
            transact([put_in(self._workspaces, head, "attribute_not_exists(pk)"), note])
        except ConditionFailed:
            return self._workspaces.get(key, consistent=True) or head
        return head

    def keep(self, workspace: str, seen: Item, changes: Item, now: int) -> Item:
        """The head that was `seen` with these changes. Raises Superseded when it is further already."""
        values = changes | {"updated_at": now}
        condition = "#state = :running AND #part = :part AND "
        condition += "upload = :upload" if "upload" in seen else "attribute_not_exists(upload)"
        told: dict[str, Any] = {":running": RUNNING, ":part": seen["part"]}
        told |= {":upload": seen["upload"]} if "upload" in seen else {}
        names = {f"#{name}": name for name in values} | {"#state": "state", "#part": "part"}
        try:
            self._workspaces.update(
                keys.export_head(workspace, seen["list_id"], seen["id"]),
                "SET " + ", ".join(f"#{name} = :new_{name}" for name in values),
                condition=condition,
                names=names,
                values=told | {f":new_{name}": value for name, value in values.items()},
            )
        except ConditionFailed as error:
            raise Superseded(f"the export {seen['id']}") from error
        return {**seen, **values}

    def restart(self, seen: Item, now: int) -> None:
        """Begin again: what was kept of the file is gone. Raises Superseded."""
        fresh = {name: value for name, value in seen.items() if name not in {"upload", "after"}}
        fresh |= {"part": 0, "shard": 0, "tags": [], "rows": 0, "updated_at": now}
        try:
            self._workspaces.put(fresh, condition="upload = :upload", values={":upload": seen["upload"]})
        except ConditionFailed as error:
            raise Superseded(f"the export {seen['id']}") from error

    def fail(self, workspace: str, seen: Item, code: str, now: int) -> None:
        """Say why it came to nothing, unless it is over. `code` is one of ERRORS."""
        error = {"code": code, "message": ERRORS[code]}
        try:
            self.keep(workspace, seen, {"state": FAILED, "error": error, "finished_at": now}, now)
        except Superseded:
            return

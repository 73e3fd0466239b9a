"""Downloads, of a list, of a campaign's recipients in one status or of replies: how far each is [C5] [M1]. [P46]

A head: {id, about, subject, name, state: running|done|failed, rows, kept, total, part, place, whole, upload?, tags,
restarts, error?: {code, message}, created_at, updated_at, finished_at?, expires_at}. `subject` is the id of the list
or campaign, `rows` counts what is written and `kept` what of it is in the parts of the file that are kept; `part`
counts those, `tags` names them; the next one begins at `place`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact, update_in

RUNNING, DONE, FAILED = "running", "done", "failed"
SUBJECTS = {"list": "list:{}", "campaign": "campaign/{}", "inbox": "inbox"}  # as the log names them
KEPT_SECONDS = 7 * 86_400  # as the bucket keeps the files
ERRORS = {
    "list_gone": "The list was deleted while it was written to a file.",
    "export_interrupted": "Something went wrong on our side. Ask for the download again.",
}


class Superseded(Exception):
    """Another run of the same export was faster; nothing was written. It goes on from there."""


class Batch(NamedTuple):
    """The next rows of a file as they stand in it, how many, and the place behind them."""

    text: str
    rows: int
    place: Item


class Sheet(Protocol):
    """What a file is written from."""

    @property
    def header(self) -> str:
        """The first line, with its end."""

    def batches(self, place: Item) -> Iterator[Batch]:
        """The rows from a place on, {} being the beginning."""


def execution(workspace: str, head: Item) -> tuple[str, Item]:
    """(name, input) of the execution that writes the file, after `restarts` that came to nothing."""
    told: Item = {"workspace": workspace, "export_id": head["id"]}
    told |= {"inbox": True} if head["about"] == "inbox" else {f"{head['about']}_id": head["subject"]}
    return f"{head['id']}-{head['restarts']}" if head["restarts"] else str(head["id"]), told


class Exports:
    """Downloads of all workspaces."""

    def __init__(self, workspaces: Table) -> None:
        self._workspaces = workspaces

    def every_open(self) -> Iterator[Item]:
        """[P46] {workspace, subject, export} of every export that isn't over, in all workspaces."""
        yield from self._workspaces.every("open", prefix="export#")

    def get(self, workspace: str, subject: int, export_id: int) -> Item | None:
        """A download's head; None when there is none or it has expired."""
        return self._workspaces.get(keys.export_head(workspace, subject, export_id), consistent=True)

    def begin(
        self, log: Table, workspace: str, export_id: int, about: str, of: Item, *, by: str, now: int
    ) -> Item:
        """The head of a new download, noted in the log; again it is the same, and its `execution` is to be started.

        `about` is one of SUBJECTS; `of` has {subject, name, total} and what else its writer needs.
        """
        key = keys.export_head(workspace, of["subject"], export_id)
        head = key | of | {"id": export_id, "about": about, "state": RUNNING, "tags": [], "place": {}}
        head |= dict.fromkeys(("rows", "kept", "part", "restarts"), 0) | {"whole": False}
        head |= {"created_at": now, "updated_at": now, "expires_at": now // 1000 + KEPT_SECONDS}
        told = {"export": export_id} | ({"status": of["status"]} if "status" in of else {})
        what, where = f"{about} exported", SUBJECTS[about].format(of["subject"])
        note = activity.entry(log, workspace, now, by, what, where, told)
        known = {"workspace": workspace, "subject": of["subject"], "export": export_id}
        mark = keys.open_export(workspace, export_id) | known
        new = put_in(self._workspaces, head, "attribute_not_exists(pk)")
        try:
            # the mark needs no condition: it goes with the head
            transact([new, put_in(self._workspaces, mark), note])
        except ConditionFailed:
            return self._workspaces.get(key, consistent=True) or head
        return head

    def keep(self, workspace: str, seen: Item, changes: Item, now: int) -> Item:
        """The head that was `seen` with these changes. Raises Superseded when it is further already."""
        key, how = _changing(workspace, seen, changes | {"updated_at": now})
        try:
            self._workspaces.update(key, **how)
        except ConditionFailed as error:
            raise Superseded(f"the export {seen['id']}") from error
        return {**seen, **changes, "updated_at": now}

    def progress(self, workspace: str, seen: Item, rows: int, now: int) -> None:
        """Say how many rows there are, also of a part that isn't kept yet. Raises Superseded."""
        self.keep(workspace, seen, {"rows": rows}, now)

    def restart(self, seen: Item, now: int) -> None:
        """Begin again: what was kept of the file is gone. Raises Superseded."""
        fresh = {name: value for name, value in seen.items() if name != "upload"}
        fresh |= {"part": 0, "place": {}, "whole": False, "tags": [], "rows": 0, "kept": 0, "updated_at": now}
        try:
            self._workspaces.put(fresh, condition="upload = :upload", values={":upload": seen["upload"]})
        except ConditionFailed as error:
            raise Superseded(f"the export {seen['id']}") from error

    def finish(self, workspace: str, seen: Item, now: int) -> None:
        """The file is there. Raises Superseded."""
        self._end(workspace, seen, {"state": DONE}, now)

    def fail(self, workspace: str, seen: Item, code: str, now: int) -> None:
        """Say why it came to nothing, unless it is over. `code` is one of ERRORS."""
        try:
            self._end(
                workspace, seen, {"state": FAILED, "error": {"code": code, "message": ERRORS[code]}}, now
            )
        except Superseded:
            return

    def forget(self, mark: Item) -> None:
        """Of an export that has expired."""
        # no condition: its head is gone for good
        self._workspaces.delete({"pk": mark["pk"], "sk": mark["sk"]})

    def _end(self, workspace: str, seen: Item, changes: Item, now: int) -> None:
        key, how = _changing(workspace, seen, changes | {"updated_at": now, "finished_at": now})
        mark = delete_in(self._workspaces, keys.open_export(workspace, seen["id"]))
        try:
            transact([update_in(self._workspaces, key, **how), mark])
        except ConditionFailed as error:
            raise Superseded(f"the export {seen['id']}") from error


def _changing(workspace: str, seen: Item, values: Item) -> tuple[dict[str, str], dict[str, Any]]:
    """(key, expression with its condition) to set `values` in a running head that is no further than `seen`."""
    condition = "#state = :running AND #part = :part AND restarts = :restarts AND "
    condition += "upload = :upload" if "upload" in seen else "attribute_not_exists(upload)"
    told: dict[str, Any] = {":running": RUNNING, ":part": seen["part"], ":restarts": seen["restarts"]}
    told |= {":upload": seen["upload"]} if "upload" in seen else {}
    return keys.export_head(workspace, seen["subject"], seen["id"]), {
        "expression": "SET " + ", ".join(f"#{name} = :new_{name}" for name in values),
        "condition": condition,
        "names": {f"#{name}": name for name in values} | {"#state": "state", "#part": "part"},
        "values": told | {f":new_{name}": value for name, value in values.items()},
    }

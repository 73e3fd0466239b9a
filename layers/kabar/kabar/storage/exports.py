"""Downloads, of a list, of a campaign's recipients in one status or of replies: how far each is [C5] [M1]. [P46]

A head: {id, subject, name, state: running|done|failed, rows, total, part, place, whole, upload?, tags,
error?: {code, message}, created_at, updated_at, finished_at?, expires_at}. `subject` is the id of the list or
campaign, `part` counts the parts of the file that are kept, `tags` names them; the next one begins at `place`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, put_in, transact
from kabar.storage.work import LargeFile, UploadGone

RUNNING, DONE, FAILED = "running", "done", "failed"
SUBJECTS = {"list": "list:{}", "campaign": "campaign/{}", "inbox": "inbox"}  # as the log names them
KEPT_SECONDS = 7 * 86_400  # as the bucket keeps the files
ERRORS = {
    "list_gone": "The list was deleted while it was written to a file.",
    "export_interrupted": "Something went wrong on our side. Ask for the download again.",
}


class Superseded(Exception):
    """Another run of the same export was faster; nothing was written. It goes on from there."""


class Part(NamedTuple):
    """The next part of a file, how many rows it has, and where the one after it begins; None: it was the last."""

    content: bytes
    rows: int
    place: Item | None


class Exports:
    """Downloads of all workspaces."""

    def __init__(self, workspaces: Table) -> None:
        self._workspaces = workspaces

    def get(self, workspace: str, subject: int, export_id: int) -> Item | None:
        """A download's head; None when there is none or it has expired."""
        return self._workspaces.get(keys.export_head(workspace, subject, export_id), consistent=True)

    def begin(
        self, log: Table, workspace: str, export_id: int, about: str, of: Item, *, by: str, now: int
    ) -> Item:
        """The head of a new download, noted in the log; again it is the same.

        `about` is one of SUBJECTS; `of` has {subject, name, total} and what else its writer needs.
        """
        key = keys.export_head(workspace, of["subject"], export_id)
        head = (
            key
            | of
            | {
                "id": export_id,
                "state": RUNNING,
                "rows": 0,
                "part": 0,
                "place": {},
                "whole": False,
                "tags": [],
                "created_at": now,
                "updated_at": now,
                "expires_at": now // 1000 + KEPT_SECONDS,
            }
        )
        told = {"export": export_id} | ({"status": of["status"]} if "status" in of else {})
        what, where = f"{about} exported", SUBJECTS[about].format(of["subject"])
        note = activity.entry(log, workspace, now, by, what, where, told)
        try:
            transact([put_in(self._workspaces, head, "attribute_not_exists(pk)"), note])
        except ConditionFailed:
            return self._workspaces.get(key, consistent=True) or head
        return head

    def write(
        self,
        workspace: str,
        head: Item,
        file: LargeFile,
        part: Callable[[Item, int], Part],
        *,
        hurry: Callable[[], bool],
        gone: Callable[[], str | None],
        clock: Callable[[], int],
    ) -> str:
        """Write the file from where `head` says on; "done", "failed", or "more" when it must `hurry`.

        `part(place, number)` makes a part, counted from 0; all but the last have 5 MiB or more. `gone()` is the
        code of why the whole file is no good after all. Raises Superseded; UploadGone, then it begins again.
        """
        if "upload" not in head:
            head = self.keep(workspace, head, {"upload": file.begin()}, clock())
        try:
            while not head["whole"]:
                if hurry():
                    return "more"
                made = part(head["place"], head["part"])
                number = head["part"] + 1
                tags = [*head["tags"], file.put(head["upload"], number, made.content)]
                written = {"part": number, "tags": tags, "rows": head["rows"] + made.rows}
                written |= {"place": made.place or {}, "whole": made.place is None}
                head = self.keep(workspace, head, written, clock())
            if why := gone():
                self.fail(workspace, head, why, clock())
                return FAILED
            file.finish(head["upload"], head["tags"])
        except UploadGone:
            self.restart(head, clock())
            raise  # the execution tries again, so often and no more
        self.keep(workspace, head, {"state": DONE, "finished_at": clock()}, clock())
        return DONE

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
                keys.export_head(workspace, seen["subject"], seen["id"]),
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
        fresh = {name: value for name, value in seen.items() if name != "upload"}
        fresh |= {"part": 0, "place": {}, "whole": False, "tags": [], "rows": 0, "updated_at": now}
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

"""One run of an export: the file is written from where its head says on, to the end or until time is short. [P46]

The head keeps where the next part begins, so a run that dies costs one part, and two at once can't mix.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from kabar.log import logger
from kabar.storage import work
from kabar.storage.dynamo import Item, Table
from kabar.storage.exports import DONE, FAILED, RUNNING, Exports, Sheet
from kabar.storage.work import LargeFile, UploadGone

PART_BYTES = 6 * 1024 * 1024  # S3 takes 5 MiB or more, and 10,000 parts
LEFT_MS = 120_000  # what a part may take, many times over
TELL_MS = 1_000  # between two words on how many rows there are


def run(
    workspaces: Table,
    bucket: str,
    event: Mapping[str, Any],
    context: Any,
    subject: int,
    sheet: Callable[[Item], Sheet],
    gone: Callable[[], str | None] = lambda: None,
) -> dict[str, Any]:
    """{"outcome": "done" | "failed" | "more"}: more when time ran out, and the next call goes on.

    With an `error` of the execution it only says that the export failed. `sheet` makes, of the head, what is written;
    `gone()` is the code of why the whole file is no good after all. Raises Superseded, LookupError; UploadGone, then it
    begins again.
    """
    exports, workspace = Exports(workspaces), event["workspace"]
    head = exports.get(workspace, subject, event["export_id"])
    if head is None:
        raise LookupError(f"there is no export {event['export_id']}")
    outcome = head["state"]
    if outcome == RUNNING and "error" in event:
        exports.fail(workspace, head, "export_interrupted", _now())
        outcome = FAILED
    elif outcome == RUNNING:
        file = LargeFile(bucket, work.exported_list(head["id"]))
        writing = _Writing(exports, workspace, file, sheet(head))
        outcome = writing.run(head, lambda: context.get_remaining_time_in_millis() < LEFT_MS, gone)
    logger.info("exported", workspace=workspace, subject=subject, export_id=head["id"], outcome=outcome)
    return {"outcome": outcome}


class _Writing:
    """What does not change while one file is written."""

    def __init__(self, exports: Exports, workspace: str, file: LargeFile, sheet: Sheet) -> None:
        self._exports = exports
        self._workspace = workspace
        self._file = file
        self._sheet = sheet

    def run(self, head: Item, hurry: Callable[[], bool], gone: Callable[[], str | None]) -> str:
        """How it ended: done, failed, or more when it must `hurry`."""
        if "upload" not in head:
            head = self._exports.keep(self._workspace, head, {"upload": self._file.begin()}, _now())
        try:
            while not head["whole"]:
                if hurry():
                    return "more"
                head = self._part(head)
            if why := gone():
                self._exports.fail(self._workspace, head, why, _now())
                return FAILED
            self._file.finish(head["upload"], head["tags"])
        except UploadGone:
            self._exports.restart(head, _now())
            raise  # the execution tries again, so often and no more
        self._exports.finish(self._workspace, head, _now())
        return DONE

    def _part(self, head: Item) -> Item:
        """The head once one more part is kept."""
        content = bytearray(b"" if head["part"] else self._sheet.header.encode())
        rows, place, told = head["kept"], head["place"], _now()
        for batch in self._sheet.batches(place):
            content += batch.text.encode()
            rows, place = rows + batch.rows, batch.place
            if len(content) >= PART_BYTES:
                break
            if _now() - told >= TELL_MS:
                told = _now()
                self._exports.progress(self._workspace, head, rows, told)
        else:
            place = {}
        kept: Item = {"rows": rows, "kept": rows, "place": place, "whole": not place}
        if content:  # nothing is left when the rows end where a part does
            number = head["part"] + 1
            tag = self._file.put(head["upload"], number, bytes(content))
            kept |= {"part": number, "tags": [*head["tags"], tag]}
        return self._exports.keep(self._workspace, head, kept, _now())


def _now() -> int:
    return time.time_ns() // 1_000_000

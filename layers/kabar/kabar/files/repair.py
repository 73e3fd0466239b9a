"""Sweep: an import or export that a crash left without anybody in charge is started again, or ended with its reason."""

from collections.abc import Callable

from kabar.storage import exports, import_heads
from kabar.storage.dynamo import Item
from kabar.storage.exports import RUNNING, Exports, Superseded
from kabar.storage.import_heads import Heads

SILENCE = 20 * 60_000  # ms without progress after which an execution is looked for
UNDECIDED = 7 * 86_400_000  # ms after which a question to a person is given up
RESTARTS = 2  # of an export; its execution tries every step seven times

IsRunning = Callable[[str], bool]
Start = Callable[[str, Item], bool]
"""(an execution's name, its input) -> whether it had not begun before"""


def repair_imports(
    found: Heads, is_running: IsRunning, start: Start, end: Callable[[str, str, str], None], now: int
) -> list[str]:
    """End every import whose execution is gone, so that its list is free again, and every one that nobody decides.

    One whose execution never began, as whoever was to start it died, is started. Answers their ids. `end` takes a
    workspace, an import and how it ends.
    """
    repaired = []
    for mark in found.every_open():
        workspace, name = mark["workspace"], mark["import_id"]
        head = found.get(workspace, name) or {"state": "gone"}
        silent = now - head.get("updated_at", now)
        if head["state"] == "needs_decision" and silent >= UNDECIDED:
            end(workspace, name, "expired")
            repaired.append(name)
        elif head["state"] in ("validating", "loading") and silent >= SILENCE:
            run = import_heads.execution(workspace, head)
            if is_running(run[0]):
                continue
            if not start(*run):
                end(workspace, name, "failed")
            repaired.append(name)
    return repaired


def repair_exports(found: Exports, is_running: IsRunning, start: Start, now: int) -> list[int]:
    """Go on with every export whose execution is gone, and give up one that was lost again and again; their ids."""
    repaired = []
    for mark in found.every_open():
        workspace = mark["workspace"]
        head = found.get(workspace, mark["subject"], mark["export"])
        if head is None or head["state"] != RUNNING:
            found.forget(mark)
            continue
        run = exports.execution(workspace, head)
        if now - head["updated_at"] < SILENCE or is_running(run[0]):
            continue
        if not start(*run):
            _again(found, workspace, head, start, now)
        repaired.append(head["id"])
    return repaired


def _again(found: Exports, workspace: str, head: Item, start: Start, now: int) -> None:
    """Of an execution that began and is gone."""
    if head["restarts"] == RESTARTS:
        found.fail(workspace, head, "export_interrupted", now)
        return
    try:
        head = found.keep(workspace, head, {"restarts": head["restarts"] + 1}, now)
    except Superseded:
        return  # somebody works on it after all
    start(*exports.execution(workspace, head))

"""One object version -> rows in parts, rejected rows in a file, counts in the import's head [D2] [D3]."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain import import_codes as codes
from kabar.domain.encodings import EncodingUnsupported, FileRefused
from kabar.domain.import_files import Undecided, validate_file
from kabar.domain.imports import Totals
from kabar.domain.numbers import Numbers
from kabar.domain.plausibility import implausible
from kabar.log import logger
from kabar.storage import lists, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.import_files import MAX_FILE, ImportFiles, ObjectMissing
from kabar.storage.import_heads import DRY_RUN, OPENING, ListGone
from kabar.storage.import_lists import ListBusy, ListTaken, Targets
from kabar.storage.import_questions import Questions
from kabar.storage.imports import Imports, counts
from kabar.storage.lists import MAX_NAME
from kabar.storage.work import Work

PROGRESS_SECONDS = 1.0
PATIENCE_MS = 2 * 3_600_000  # that an import waits for the one which writes its list


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    activity_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
LOG = Table(SETTINGS.activity_table)
IMPORTS = Imports(WORKSPACES, LOG)
QUESTIONS = Questions(WORKSPACES, LOG)
TARGETS = Targets(WORKSPACES, LOG)
WORK = Work(SETTINGS.work_bucket)


class Refused(Exception):
    """The import fails by a code of import_codes.py, and keeps what was found until then."""

    def __init__(self, code: str, line: int = 0, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.line = line
        self.values = values


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """{"outcome", "list_id", "list_is_new"?, "parts": [1, 2, …], "parts_per_list": 0}, or {"outcome"} alone.

    Then it is failed, needs_decision or busy: another import writes the list, call again later. Else it is valid (for
    members of a list), to_try (the same in a dry run, list 0), to_split (for several lists to come), to_delete
    (members of one) or to_blacklist (list 0). Running it again from the start gives the same.
    """
    logger.set_correlation_id(event.get("request_id"))
    workspace = event["workspace"]
    head = IMPORTS.get(workspace, event["import_id"])
    if head is None:
        raise LookupError(f"there is no import {event['import_id']}")
    if head["state"] in {"failed", "needs_decision"}:
        return {"outcome": head["state"]}
    try:
        answer = _answer(workspace, head)
    except Refused as refused:
        answer = _failed(workspace, head, refused)
    except Undecided as question:
        QUESTIONS.ask(workspace, head, question.preview, _now())
        answer = {"outcome": "needs_decision"}
    told = {name: value for name, value in answer.items() if name != "parts"}
    logger.info("list validated", workspace=workspace, import_id=head["id"], **told)
    return answer


def _answer(workspace: str, head: Item) -> dict[str, Any]:
    """Raises Refused, Undecided."""
    if head.get("phase") == OPENING or (head["state"] == "loading" and head.get("list_id")):
        return _opened(workspace, head)
    name = head.get("list_name", "blacklist")  # which has none
    if not name.strip() or len(name) > MAX_NAME:
        raise Refused(codes.LIST_NAME_INVALID)
    if head["bytes_total"] > MAX_FILE:
        raise Refused(codes.FILE_TOO_LARGE)
    totals, files = _read(workspace, head)
    found = files | counts(totals)
    if totals.problem:
        raise Refused(totals.problem if files["bytes_read"] else codes.FILE_EMPTY, **found)
    try:
        outcome, list_id, values = _target(workspace, head)
    except ListTaken:
        raise Refused(codes.LIST_NAME_TAKEN, **found) from None
    except ListGone:  # one that was named by its id was there
        raise Refused(codes.LIST_GONE if head.get("target") else codes.NO_SUCH_LIST, **found) from None
    IMPORTS.was_read(workspace, head, found | values, _now())
    return _opened(workspace, head | found) if outcome == "valid" else _parts(outcome, list_id, totals.parts)


def _read(workspace: str, head: Item) -> tuple[Totals, Item]:
    """What the rows came to, and where the reports are. Raises Refused, Undecided."""
    known = workspaces.settings(WORKSPACES, workspace)
    strict = bool(head.get("strict") or _list_is_strict(workspace, head))
    numbers = Numbers(
        workspaces.prefix_map(WORKSPACES, workspace),
        known.get("max_digits", workspaces.MAX_DIGITS),
        refused=implausible if strict else None,
    )
    tell, language = _telling(workspace, head["id"]), known.get("language", "en")
    try:
        totals, files = validate_file(
            lambda: ImportFiles(WORK, head, tell), numbers, head.get("encoding", ""), language
        )
    except ObjectMissing:
        raise Refused(codes.OBJECT_MISSING) from None
    except FileRefused as error:
        raise Refused(error.code) from None
    except EncodingUnsupported as error:
        raise Refused(codes.ENCODING_UNSUPPORTED, error.line) from None
    return totals, {**files.keep_reports(), "bytes_read": files.bytes_read, "strict": strict}


def _list_is_strict(workspace: str, head: Item) -> bool:
    """Whether the list that the rows are to join asks for plausible numbers only [B3]."""
    if head.get("purpose", "append") != "append":
        return False
    found = lists.find(WORKSPACES, workspace, str(head.get("target") or head["list_name"]))
    return bool(found and found.get("strict"))


def _target(workspace: str, head: Item) -> tuple[str, int, Item]:
    """(outcome, the list that it is about, what the head says from now on). Raises ListGone, ListTaken."""
    purpose = head.get("purpose", "append")
    if purpose == "blacklist":
        return "to_blacklist", 0, {"state": "loading", "phase": "loading"}
    if purpose == "delete_members":
        there = lists.find(WORKSPACES, workspace, str(head.get("target") or head["list_name"]))
        if there is None:
            raise ListGone(f"the list {head['list_name']} of the import {head['id']}")
        names = {"list_id": there["id"], "list_name": there["name"]}
        return "to_delete", there["id"], {"phase": "counting", **names}
    if head.get("dry_run"):
        if not head.get("split"):
            TARGETS.target(workspace, head)
        return "to_try", 0, {"phase": DRY_RUN}
    if head.get("split"):
        return "to_split", 0, {"phase": "splitting"}
    return "valid", 0, {"phase": OPENING}


def _opened(workspace: str, head: Item) -> dict[str, Any]:
    """Of rows that were read and are for one list. Raises Refused."""
    now = _now()
    try:
        list_id, made = TARGETS.open_list(workspace, head, now)
    except ListGone:
        raise Refused(codes.LIST_GONE) from None
    except ListTaken:
        raise Refused(codes.LIST_NAME_TAKEN) from None
    except ListBusy:
        if now - head["updated_at"] > PATIENCE_MS:
            raise Refused(codes.LIST_BUSY) from None
        return {"outcome": "busy"}
    return _parts("valid", list_id, head["parts"]) | {"list_is_new": made}


def _parts(outcome: str, list_id: int, parts: int) -> dict[str, Any]:
    return {"outcome": outcome, "list_id": list_id, "parts": [*range(1, parts + 1)], "parts_per_list": 0}


def _failed(workspace: str, head: Item, refused: Refused) -> dict[str, Any]:
    told = codes.messages(workspaces.settings(WORKSPACES, workspace).get("language", "en"))
    message = told.imports[refused.code].sentence
    if refused.line:
        refused.values["error_line"] = refused.line
        message += " " + told.phrases["unreadable_line"].format(line=refused.line)
    IMPORTS.fail(workspace, head, (refused.code, message), {}, _now(), **refused.values)
    return {"outcome": "failed"}


def _telling(workspace: str, name: str) -> Callable[[Totals, int], None]:
    """Says how far it is, at most once a second."""
    told = time.monotonic()

    def tell(totals: Totals, bytes_read: int) -> None:
        nonlocal told
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            IMPORTS.progress(workspace, name, totals, bytes_read, _now())

    return tell


def _now() -> int:
    return time.time_ns() // 1_000_000

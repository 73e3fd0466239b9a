"""One object version -> rows in parts, rejected rows in a file, counts in the import's head [D2] [D3]."""

import io
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any, TextIO

from botocore.exceptions import ClientError

from kabar import settings
from kabar.domain import import_codes as codes
from kabar.domain.encodings import EncodingUnsupported, FileRefused
from kabar.domain.import_files import Undecided, validate_file
from kabar.domain.imports import Totals
from kabar.domain.numbers import Numbers
from kabar.domain.plausibility import implausible
from kabar.log import logger
from kabar.storage import lists, work, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.imports import DRY_RUN, Imports, ListGone, counts
from kabar.storage.lists import MAX_NAME
from kabar.storage.work import Work

CHUNK = 256 * 1024
IN_MEMORY = 4 * 1024 * 1024  # of a report before it goes to /tmp
PROGRESS_SECONDS = 1.0
GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    activity_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
IMPORTS = Imports(WORKSPACES, Table(SETTINGS.activity_table))
WORK = Work(SETTINGS.work_bucket)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """{"outcome", "list_id", "parts": [1, 2, …], "parts_per_list": 0} or {"outcome": "failed" | "needs_decision"}.

    The outcome is valid (for members of a list), to_try (the same in a dry run, list 0), to_split (for several lists
    to come), to_delete (members of one) or to_blacklist (list 0).

    The head tells why. Running it again from the start gives the same.
    """
    logger.set_correlation_id(event.get("request_id"))
    workspace = event["workspace"]
    head = IMPORTS.get(workspace, event["import_id"])
    if head is None:
        raise LookupError(f"there is no import {event['import_id']}")
    if head["state"] in {"failed", "needs_decision"}:
        return {"outcome": head["state"]}
    with ExitStack() as stack:
        answer = _answer(workspace, head, stack)
    logger.info("list validated", workspace=workspace, import_id=head["id"], **answer["told"])
    return {name: value for name, value in answer.items() if name != "told"}


def _answer(workspace: str, head: Item, stack: ExitStack) -> dict[str, Any]:
    known = workspaces.settings(WORKSPACES, workspace)
    language = known.get("language", "en")
    name = head.get("list_name", "blacklist")  # which has none
    if not name.strip() or len(name) > MAX_NAME:
        return _failed(workspace, head, codes.LIST_NAME_INVALID, language)
    numbers = Numbers(
        workspaces.prefix_map(WORKSPACES, workspace),
        known.get("max_digits", workspaces.MAX_DIGITS),
        refused=implausible if head.get("strict") else None,
    )
    try:
        totals, output = validate_file(
            lambda: Output(workspace, head, stack),
            numbers,
            head.get("encoding", ""),
            known.get("language", "en"),
        )
    except ObjectMissing:
        return _failed(workspace, head, codes.OBJECT_MISSING, language)
    except FileRefused as error:
        return _failed(workspace, head, error.code, language)
    except EncodingUnsupported as error:
        return _failed(workspace, head, codes.ENCODING_UNSUPPORTED, language, line=error.line)
    except Undecided as question:
        IMPORTS.ask(workspace, head, question.preview, _now())
        return {"outcome": "needs_decision", "told": {"encodings": [*question.preview]}}
    files: Item = output.keep_reports()
    problem = totals.problem if output.bytes_read else codes.FILE_EMPTY
    if problem:
        return _failed(
            workspace, head, problem, language, **files, **counts(totals), bytes_read=output.bytes_read
        )
    try:
        outcome, list_id = _accepted(workspace, head, totals, files)
    except ListGone:
        return _failed(workspace, head, codes.LIST_GONE, language, **files, **counts(totals))
    told = {"rows": totals.rows_read, "rejected": totals.rejected, "parts": totals.parts}
    return {
        "outcome": outcome,
        "list_id": list_id,
        "parts": [*range(1, totals.parts + 1)],
        "parts_per_list": 0,
        "told": told,
    }


def _accepted(workspace: str, head: Item, totals: Totals, files: Item) -> tuple[str, int]:
    """The outcome, and the list that it is about. Raises ListGone."""
    purpose = head.get("purpose", "append")
    if head.get("dry_run"):
        if head.get("target") and lists.find(WORKSPACES, workspace, str(head["target"])) is None:
            raise ListGone(f"the list {head['list_name']} of the import {head['id']}")
        IMPORTS.was_read(workspace, head, totals, files, _now(), phase=DRY_RUN)
        return "to_try", 0
    if head.get("split"):
        IMPORTS.was_read(workspace, head, totals, files, _now(), phase="splitting")
        return "to_split", 0
    if purpose == "blacklist":
        IMPORTS.was_read(workspace, head, totals, files, _now(), state="loading", phase="loading")
        return "to_blacklist", 0
    if purpose == "delete_members":
        there = lists.find(WORKSPACES, workspace, str(head.get("target") or head["list_name"]))
        if there is None:
            raise ListGone(f"the list {head['list_name']} of the import {head['id']}")
        names = {"list_id": there["id"], "list_name": there["name"]}
        IMPORTS.was_read(workspace, head, totals, files, _now(), phase="counting", **names)
        return "to_delete", there["id"]
    return "valid", IMPORTS.open_list(workspace, head, totals, files, _now())


def _failed(
    workspace: str, head: Item, code: str, language: str, *, line: int = 0, **values: Any
) -> dict[str, Any]:
    told = codes.messages(language)
    message = told.imports[code].sentence
    if line:
        message += " " + told.phrases["unreadable_line"].format(line=line)
    IMPORTS.fail(workspace, head, (code, message), {}, _now(), **values)
    return {"outcome": "failed", "told": {"failed": code}}


class ObjectMissing(Exception):
    """The object, or that version of it, is gone [D8]."""


class Output:
    """Parts straight into the bucket, reports by way of a file, progress at most once a second."""

    def __init__(self, workspace: str, head: Item, stack: ExitStack) -> None:
        self.bytes_read = 0
        self._workspace = workspace
        self._head = head
        self._import = head["id"]
        self._told = time.monotonic()
        self._files: dict[str, IO[bytes]] = {
            name: stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115  # the stack closes it
            for name in ("rejected", "duplicates")
        }
        self.rejected: TextIO = io.TextIOWrapper(self._files["rejected"], "utf-8", newline="")
        self.duplicates: TextIO = io.TextIOWrapper(self._files["duplicates"], "utf-8", newline="")

    def chunks(self) -> Iterator[bytes]:
        """The bytes of that very version, added up. Raises ObjectMissing."""
        source = {
            "Bucket": self._head["bucket"],
            "Key": self._head["key"],
            "VersionId": self._head["version"],
        }
        try:
            answer = work.client().get_object(**source)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                raise ObjectMissing from None
            raise
        for chunk in answer["Body"].iter_chunks(CHUNK):
            self.bytes_read += len(chunk)
            yield chunk

    def part(self, number: int, rows: str) -> None:
        WORK.put_part(work.import_part(self._import, number), rows)

    def progress(self, totals: Totals) -> None:
        if time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            IMPORTS.progress(self._workspace, self._import, totals, self.bytes_read, _now())

    def keep_reports(self) -> dict[str, str]:
        """Put what was written into the bucket; where it is, as attributes of the head."""
        kept: dict[str, str] = {}
        for name, text, key in (
            ("rejected", self.rejected, work.rejected_rows(self._import)),
            ("duplicates", self.duplicates, work.duplicate_rows(self._import)),
        ):
            text.flush()
            content = self._files[name]
            if content.tell():
                content.seek(0)
                WORK.put_csv(key, content)
                kept[f"{name}_key"] = key
        return kept


def _now() -> int:
    return time.time_ns() // 1_000_000

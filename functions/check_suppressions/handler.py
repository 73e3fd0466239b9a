"""One part of an import -> the same without those who opted out; implausible numbers are counted [D4] [B3]."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.imports import PartRow, has_left, part_rows, part_text
from kabar.domain.plausibility import implausible
from kabar.log import logger
from kabar.storage import keys, work
from kabar.storage.dynamo import Table
from kabar.storage.imports import Parts
from kabar.storage.work import Work


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    people_table: str
    dispatch_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
PARTS = Parts(Table(SETTINGS.dispatch_table))
PEOPLE = Table(SETTINGS.people_table)
WORK = Work(SETTINGS.work_bucket)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Check one part; again it may find more opt-outs, and the last word counts."""
    logger.set_correlation_id(event.get("request_id"))
    workspace, name, part = event["workspace"], event["import_id"], event["part"]
    head = WORKSPACES.get(keys.import_head(workspace, name), consistent=True)
    if head is None:
        raise LookupError(f"there is no import {name}")
    rows = part_rows(WORK.get_part(work.import_part(name, part)))
    stay = _stayed(workspace, rows) if head["remove_opt_outs"] else rows
    WORK.put_part(work.checked_part(name, part), part_text(stay))
    corrected = sum(bool(changes) for _, _, changes in stay)
    result = {
        "opted_out": len(rows) - len(stay),
        "accepted": len(stay) - corrected,
        "corrected": corrected,
        # here, where parts are checked side by side: for every row of a file it would take longer than reading it
        "implausible": sum(implausible(mobile) for mobile, _, _ in stay),
    }
    PARTS.keep_checked(name, part, result, time.time_ns() // 1_000_000)
    logger.info("part checked", workspace=workspace, import_id=name, part=part, result=result)
    return {"part": part}


def _stayed(workspace: str, rows: list[PartRow]) -> list[PartRow]:
    wanted = [keys.standing(workspace, row[0]) for row in rows]
    found = PEOPLE.batch_get(wanted, consistent=True)
    return [
        row for row, key in zip(rows, wanted, strict=True) if not has_left(found.get((key["pk"], key["sk"])))
    ]

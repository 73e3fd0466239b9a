"""One part of an import -> the same without those who opted out; implausible numbers are counted [D4] [B3]."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.imports import PartRow, has_left, part_rows, part_text, with_left
from kabar.domain.plausibility import implausible
from kabar.log import logger
from kabar.storage import keys, work
from kabar.storage.dynamo import Item, Table
from kabar.storage.import_parts import Parts
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
    standings = _standings(workspace, rows)
    stay = [row for row in rows if not (head["remove_opt_outs"] and has_left(standings.get(row[0])))]
    marked = [_marked(row, standings.get(row[0]), str(event["list_id"])) for row in stay]
    WORK.put_part(work.checked_part(name, part), part_text(marked))
    corrected = sum(bool(changes) for _, _, changes in stay)
    result = {
        "opted_out": len(rows) - len(stay),
        "accepted": len(stay) - corrected,
        "corrected": corrected,
        # here, where parts are checked side by side: for every row of a file it takes as long as reading it
        "implausible": sum(implausible(mobile) for mobile, _, _ in stay),
    }
    PARTS.keep_checked(name, part, result, time.time_ns() // 1_000_000)
    logger.info("part checked", workspace=workspace, import_id=name, part=part, result=result)
    return {"part": part}


def _standings(workspace: str, rows: list[PartRow]) -> dict[str, Item]:
    """The standings by mobile, of those who have one."""
    wanted = {keys.standing(workspace, mobile)["pk"]: mobile for mobile, _, _ in rows}
    found = PEOPLE.batch_get([keys.standing(workspace, row[0]) for row in rows], consistent=True)
    return {wanted[pk]: standing for (pk, _), standing in found.items()}


def _marked(row: PartRow, standing: Item | None, list_name: str) -> PartRow:
    """The row with the time its number left the very list it is for."""
    left = (standing or {}).get("lists", {}).get(list_name)
    return with_left(row, left["at"]) if left else row

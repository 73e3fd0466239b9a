"""One part of an import -> the same without those who opted out; implausible numbers are counted [D4] [B3]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.imports import PartRow, has_left, part_text, with_left
from kabar.domain.plausibility import implausible
from kabar.files.parts import Desk, PartSettings
from kabar.storage import keys, work
from kabar.storage.dynamo import Item, Table


@dataclass(frozen=True)
class Settings(PartSettings):
    workspaces_table: str
    people_table: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
PEOPLE = Table(SETTINGS.people_table)
DESK = Desk(SETTINGS)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Check one part; again it may find more opt-outs, and the last word counts."""
    part = DESK.take(event)
    head = WORKSPACES.get(keys.import_head(part.workspace, part.import_id), consistent=True)
    if head is None:
        raise LookupError(f"there is no import {part.import_id}")
    standings = _standings(part.workspace, part.rows)
    stay = [row for row in part.rows if not (head["remove_opt_outs"] and has_left(standings.get(row[0])))]
    marked = [_marked(row, standings.get(row[0]), str(event["list_id"])) for row in stay]
    DESK.work.put_part(work.checked_part(part.import_id, part.number), part_text(marked))
    corrected = sum(bool(changes) for _, _, changes in stay)
    result = {
        "opted_out": len(part.rows) - len(stay),
        "accepted": len(stay) - corrected,
        "corrected": corrected,
        # here, where parts are checked side by side: for every row of a file it takes as long as reading it
        "implausible": sum(implausible(mobile) for mobile, _, _ in stay),
    }
    return DESK.checked(part, result)


def _standings(workspace: str, rows: list[PartRow]) -> dict[str, Item]:
    """The standings by mobile, of those who have one."""
    wanted = {keys.standing(workspace, mobile)["pk"]: mobile for mobile, _, _ in rows}
    found = PEOPLE.batch_get([keys.standing(workspace, row[0]) for row in rows], consistent=True)
    return {wanted[pk]: standing for (pk, _), standing in found.items()}


def _marked(row: PartRow, standing: Item | None, list_name: str) -> PartRow:
    """The row with the time its number left the very list it is for."""
    left = (standing or {}).get("lists", {}).get(list_name)
    return with_left(row, left["at"]) if left else row

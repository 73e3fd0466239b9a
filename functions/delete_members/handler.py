"""One part of an import -> members of the list deleted, or first only counted [C3]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.files.parts import Desk, PartSettings
from kabar.storage import members, work
from kabar.storage.dynamo import Table


@dataclass(frozen=True)
class Settings(PartSettings):
    members_table: str


SETTINGS = settings.read(Settings)
MEMBERS = Table(SETTINGS.members_table)
DESK = Desk(SETTINGS)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Delete one part once that is `confirmed`, else say what would go; again it counts the same."""
    part, list_id = DESK.take(event), event["list_id"]
    if event["confirmed"]:
        return DESK.loaded(part, members.delete(MEMBERS, list_id, part.import_id, part.mobiles, part.now))
    strangers = members.strangers(MEMBERS, list_id, part.mobiles)
    missing = work.missing_part(part.import_id, part.number)
    DESK.work.put_part(missing, "".join(f"{mobile}\r\n" for mobile in strangers))
    return DESK.checked(part, {"to_delete": len(part.rows) - len(strangers), "missing": len(strangers)})

"""One part of an import -> numbers on the workspace's blacklist [I6]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.files.parts import Desk, PartSettings
from kabar.storage import blacklist
from kabar.storage.dynamo import Table


@dataclass(frozen=True)
class Settings(PartSettings):
    people_table: str


SETTINGS = settings.read(Settings)
PEOPLE = Table(SETTINGS.people_table)
DESK = Desk(SETTINGS)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Blacklist one part; again it counts the same, by who put each number there."""
    part = DESK.take(event)
    by = f"import:{part.import_id}"
    entries = [blacklist.add(PEOPLE, part.workspace, mobile, part.now, by)[0] for mobile in part.mobiles]
    return DESK.loaded(part, {"blacklisted": sum(entry.by == by for entry in entries)})

"""One checked part of an import -> members of the list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.imports import left_at
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
    """Load one part; again it counts the same, wherever the first try ended.

    With `parts_per_list` it is a part of a split import, whose first list is `list_id`.
    """
    parts_per_list = event.get("parts_per_list")
    part = DESK.take(event, work.split_part if parts_per_list else work.checked_part)
    list_id = event["list_id"] + ((part.number - 1) // parts_per_list if parts_per_list else 0)
    rows = [(mobile, params) for mobile, params, _ in part.rows]
    left = {row[0]: at for row in part.rows if (at := left_at(row))}
    is_new = event.get("list_is_new", False)
    return DESK.loaded(
        part, members.load(MEMBERS, list_id, part.import_id, rows, part.now, left, is_new=is_new)
    )

"""One checked part of an import -> members of the list."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.imports import left_at, part_rows
from kabar.log import logger
from kabar.storage import members, work
from kabar.storage.dynamo import Table
from kabar.storage.import_parts import Parts
from kabar.storage.work import Work


@dataclass(frozen=True)
class Settings:
    members_table: str
    dispatch_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
MEMBERS = Table(SETTINGS.members_table)
PARTS = Parts(Table(SETTINGS.dispatch_table))
WORK = Work(SETTINGS.work_bucket)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Load one part; again it counts the same, wherever the first try ended.

    With `parts_per_list` it is a part of a split import, whose first list is `list_id`.
    """
    logger.set_correlation_id(event.get("request_id"))
    name, part, now = event["import_id"], event["part"], time.time_ns() // 1_000_000
    list_id, parts_per_list = event["list_id"], event.get("parts_per_list")
    place = work.checked_part
    if parts_per_list:
        place, list_id = work.split_part, list_id + (part - 1) // parts_per_list
    checked = part_rows(WORK.get_part(place(name, part)))
    rows = [(mobile, params) for mobile, params, _ in checked]
    left = {row[0]: at for row in checked if (at := left_at(row))}
    result = members.load(MEMBERS, list_id, name, rows, now, left, is_new=event.get("list_is_new", False))
    PARTS.keep_loaded(name, part, result, now)
    logger.info("part loaded", workspace=event["workspace"], import_id=name, part=part, result=result)
    return {"part": part}

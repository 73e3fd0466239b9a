"""One part of an import -> numbers on the workspace's blacklist [I6]."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.imports import part_rows
from kabar.log import logger
from kabar.storage import blacklist, work
from kabar.storage.dynamo import Table
from kabar.storage.import_parts import Parts
from kabar.storage.work import Work


@dataclass(frozen=True)
class Settings:
    people_table: str
    dispatch_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
PEOPLE = Table(SETTINGS.people_table)
PARTS = Parts(Table(SETTINGS.dispatch_table))
WORK = Work(SETTINGS.work_bucket)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Blacklist one part; again it counts the same, by who put each number there."""
    logger.set_correlation_id(event.get("request_id"))
    workspace, name, part = event["workspace"], event["import_id"], event["part"]
    now, by = time.time_ns() // 1_000_000, f"import:{name}"
    rows = part_rows(WORK.get_part(work.import_part(name, part)))
    entries = [blacklist.add(PEOPLE, workspace, mobile, now, by)[0] for mobile, _, _ in rows]
    result = {"blacklisted": sum(entry.by == by for entry in entries)}
    PARTS.keep_loaded(name, part, result, now)
    logger.info("part blacklisted", workspace=workspace, import_id=name, part=part, result=result)
    return {"part": part}

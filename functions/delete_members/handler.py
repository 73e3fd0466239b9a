"""One part of an import -> members of the list deleted, or first only counted [C3]."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.imports import part_rows
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
    """Delete one part once that is `confirmed`, else say what would go; again it counts the same."""
    logger.set_correlation_id(event.get("request_id"))
    name, part, now = event["import_id"], event["part"], time.time_ns() // 1_000_000
    mobiles = [mobile for mobile, _, _ in part_rows(WORK.get_part(work.import_part(name, part)))]
    if event["confirmed"]:
        result = members.delete(MEMBERS, event["list_id"], name, mobiles, now)
        PARTS.keep_loaded(name, part, result, now)
    else:
        strangers = members.strangers(MEMBERS, event["list_id"], mobiles)
        WORK.put_part(work.missing_part(name, part), "".join(f"{mobile}\r\n" for mobile in strangers))
        result = {"to_delete": len(mobiles) - len(strangers), "missing": len(strangers)}
        PARTS.keep_checked(name, part, result, now)
    logger.info("part deleted", workspace=event["workspace"], import_id=name, part=part, result=result)
    return {"part": part}

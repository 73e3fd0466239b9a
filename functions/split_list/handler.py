"""The checked parts of an import -> parts of which none belongs to two lists, and those lists, empty [D7]."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain import import_codes as codes
from kabar.domain import splits
from kabar.domain.imports import part_rows, part_text
from kabar.log import logger
from kabar.storage import split_lists, work, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.import_parts import Parts
from kabar.storage.imports import Imports
from kabar.storage.work import Work


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    dispatch_table: str
    activity_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
IMPORTS = Imports(WORKSPACES, Table(SETTINGS.activity_table))
PARTS = Parts(Table(SETTINGS.dispatch_table))
WORK = Work(SETTINGS.work_bucket)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """{"outcome": "split", "list_id" (the first), "list_is_new", "parts", "parts_per_list"} or {"outcome": "failed"}.

    Again gives the same lists and parts.
    """
    logger.set_correlation_id(event.get("request_id"))
    workspace, name = event["workspace"], event["import_id"]
    head = IMPORTS.get(workspace, name)
    if head is None:
        raise LookupError(f"there is no import {name}")
    records = head["split"]["records"]
    checked = PARTS.sums(name)[1]
    sizes = splits.sizes(checked["accepted"] + checked["corrected"], records)
    now = time.time_ns() // 1_000_000
    if len(sizes) > splits.MAX_LISTS:
        return _failed(workspace, head, codes.TOO_MANY_LISTS, now)
    try:
        names = splits.names(head["list_name"], len(sizes))
        lists = split_lists.begin(WORKSPACES, workspace, head, names, sizes, now)
    except split_lists.NameTaken:
        return _failed(workspace, head, codes.LIST_NAME_TAKEN, now)
    whole = (part_rows(WORK.get_part(work.checked_part(name, part))) for part in range(1, head["parts"] + 1))
    count = 0
    for count, rows in enumerate(splits.recut(whole, records), 1):
        WORK.put_part(work.split_part(name, count), part_text(rows))
    logger.info("list split", workspace=workspace, import_id=name, lists=len(lists), parts=count)
    return {
        "outcome": "split",
        "list_id": lists[0]["list_id"],
        "list_is_new": True,
        "parts": [*range(1, count + 1)],
        "parts_per_list": splits.parts_per_list(records),
    }


def _failed(workspace: str, head: Item, code: str, now: int) -> dict[str, Any]:
    language = workspaces.settings(WORKSPACES, workspace).get("language", "en")
    IMPORTS.fail(workspace, head, (code, codes.messages(language).imports[code].sentence), {}, now)
    logger.info("list not split", workspace=workspace, import_id=head["id"], failed=code)
    return {"outcome": "failed"}

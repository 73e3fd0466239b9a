"""Receipts from the queue -> facts about the messages they are for."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain import receipts
from kabar.domain.inbound import receipt_of
from kabar.log import logger
from kabar.storage.blocks import Blocks
from kabar.storage.dynamo import Table
from kabar.storage.people import keep_orphans, keep_receipts


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    people_table: str
    dispatch_table: str
    deployment: str


SETTINGS = settings.read(Settings)
PEOPLE = Table(SETTINGS.people_table)
DISPATCH = Table(SETTINGS.dispatch_table)
BLOCKS = Blocks(Table(SETTINGS.workspaces_table))


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Take a batch of queue messages; any failure of a table raises, and the queue brings the batch again."""
    told: list[receipts.Told] = []
    orphans = 0
    unreadable: list[str] = []
    requests: set[str] = set()
    for record in event["Records"]:
        try:
            body = json.loads(record["body"])
            workspace, carrier = str(body["workspace"]), str(body["carrier"])
            received = [receipt_of(raw) for raw in body["receipts"]]
            requests.add(str(body.get("request_id", "")))
        except (KeyError, TypeError, ValueError):
            unreadable.append(record["messageId"])  # again would not help
            continue
        found = receipts.sort(received, workspace, SETTINGS.deployment, BLOCKS.holding)
        told += found.told
        orphans += len(found.orphans)
        keep_orphans(DISPATCH, workspace, carrier, found.orphans, int(time.time() * 1000))
    keep_receipts(PEOPLE, told)
    logger.info(
        "receipts applied",
        facts=len(told),
        orphans=orphans,
        unreadable=unreadable,
        correlation_ids=sorted(requests),  # of the posts that a batch brings together
    )

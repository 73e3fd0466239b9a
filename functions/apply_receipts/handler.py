"""Receipts from the queue -> facts about the messages they are for."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain import receipts
from kabar.domain.inbound import receipt_of
from kabar.domain.messages import Receipt
from kabar.log import logger
from kabar.storage.blocks import Blocks
from kabar.storage.dynamo import Table
from kabar.storage.people import keep_receipts
from kabar.storage.references import References


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
        found, unknown = placed(received, workspace, carrier)
        told += found
        orphans += unknown
    keep_receipts(PEOPLE, told)
    logger.info(
        "receipts applied",
        facts=len(told),
        orphans=orphans,
        unreadable=unreadable,
        correlation_ids=sorted(requests),  # of the posts that a batch brings together
    )


def placed(received: list[Receipt], workspace: str, carrier: str) -> tuple[list[receipts.Told], int]:
    """Receipts with their messages, and how many are kept for 72 hours because nobody knows theirs yet [H2]."""
    found = receipts.sort(received, workspace, SETTINGS.deployment, BLOCKS.holding)
    if not found.orphans:
        return found.told, 0
    references = References(DISPATCH, workspace, carrier)
    named = by_carriers_id(found.orphans, workspace, references)
    if named.orphans:
        references.keep(named.orphans, int(time.time() * 1000))
        # looked up again: whoever noted the id before the receipt was there has not seen it
        late = by_carriers_id(named.orphans, workspace, references)
        named = receipts.Sorted(named.told + late.told, late.orphans)
    return found.told + named.told, len(named.orphans)


def by_carriers_id(unknown: list[Receipt], workspace: str, references: References) -> receipts.Sorted:
    """Receipts that name messages by the carrier's own ids."""
    ours = receipts.by_our_id(unknown, references.named(unknown))
    return receipts.sort(ours, workspace, SETTINGS.deployment, BLOCKS.holding)

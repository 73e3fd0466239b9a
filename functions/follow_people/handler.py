"""The people table's stream -> callbacks queued, then status vectors: what receipts and opt-outs say of each position.

An outbox: the stream has exactly what is stored, and a batch that fails comes again whole, so nothing is told that
isn't stored and nothing stored goes untold.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kabar import settings
from kabar.domain.callbacks import Kind, telling
from kabar.domain.statuses import REPLIED_OPT_OUT, Status, cell, place
from kabar.log import logger
from kabar.storage.callback_settings import Endpoints
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Item, Table, decode_item
from kabar.storage.queues import enqueue


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    dispatch_table: str
    callbacks_queue_url: str


SETTINGS = settings.read(Settings)
CHUNKS = Chunks(Table(SETTINGS.dispatch_table))
ENDPOINTS = Endpoints(Table(SETTINGS.workspaces_table))
TOGETHER = {Kind.RECEIPTS: 20, Kind.REPLIES: 1}  # in one queue message: a reply may be long

Place = tuple[str, str]  # workspace, kind


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Queue what a batch of new items tells the customers, then merge it into the chunks; raises for either."""
    # by campaign or request, and chunk
    changes: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    refused: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    told: defaultdict[Place, list[Item]] = defaultdict(list)
    unreadable: list[str] = []
    for record in event["Records"]:
        try:
            item = decode_item(record["dynamodb"]["NewImage"])
            byte, tells = told_by(item), telling(item, born(record))
            if tells:
                told[tells[0], tells[1]].append(tells[2])
            source = item.get("campaign") or item.get("request")
            if source is None or not byte:
                continue  # no message of ours, or one that says nothing about it
            chunk, position = (int(source), int(item["chunk"])), int(item["pos"])
            changes[chunk].append((position, byte))
            if (
                item["via"] == "call"
            ):  # an answer's own refusal, which costs nothing: its sender may have died
                refused[chunk].append(position)
        except (KeyError, TypeError, ValueError):
            unreadable.append(record.get("eventID", ""))  # again would not help
    queued = outbox(told)
    now = int(time.time() * 1000)
    for of, cells in changes.items():
        CHUNKS.merge(*of, place(cells), now, refused=refused[of])
    logger.info(
        "people followed",
        chunks=len(changes),
        records=len(event["Records"]),
        queued=queued,
        unreadable=unreadable,
    )


def born(record: Mapping[str, Any]) -> int:
    """When the item was stored, in ms: the same however often the stream brings it."""
    return int(record["dynamodb"]["ApproximateCreationDateTime"]) * 1000


def outbox(told: Mapping[Place, list[Item]]) -> int:
    """Queue what is told to workspaces that have an endpoint for it; how many."""
    wanted = ENDPOINTS.among(set(told)) if told else set()
    bodies = [json.dumps(body) for place in sorted(wanted) for body in _bodies(place, told[place])]
    if bodies:
        enqueue(_sqs(), SETTINGS.callbacks_queue_url, bodies)
    return sum(len(told[place]) for place in wanted)


def _bodies(place: Place, told: list[Item]) -> Iterator[Item]:
    workspace, kind = place
    many = TOGETHER[Kind(kind)]
    for at in range(0, len(told), many):
        yield {"workspace": workspace, "kind": kind, "told": told[at : at + many]}


@cache
def _sqs() -> Any:
    import boto3  # where somebody is told, which needn't be

    return boto3.client("sqs")


def told_by(item: Item) -> int:
    """The byte that a fact or a reply adds to its message's position."""
    if item["via"] == "reply":
        return REPLIED_OPT_OUT if item["opt_out"] else 0
    return cell(Status.of(item["sk"].rpartition("#")[2]))

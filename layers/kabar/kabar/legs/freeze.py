"""Freezing a campaign's recipients: chunk objects in the order of the list, valid once the head names them."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kabar.carriers import slice_size
from kabar.domain.campaigns import CHUNK_SIZE
from kabar.domain.composing import composer
from kabar.domain.prices import Prices
from kabar.domain.prices import prices as price_list
from kabar.domain.recipients import Member, Row, Selection
from kabar.legs.desk import Desk
from kabar.storage import ids, keys, prices, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.plans import Plans

WRITERS = 4  # threads that put chunk objects; more gain nothing


def freeze(desk: Desk, head: Item, now: int) -> bool:
    """Write the recipients under an attempt of its own and commit them by one conditional write."""
    attempt = hashlib.sha256(f"{head['leg_execution']}/{now}".encode()).hexdigest()[:16]
    known = price_list(prices.get(desk.workspaces, head["workspace"]))
    selection = selection_of(desk.workspaces, head)
    written = write_chunks(
        desk.plans, head["id"], attempt, members(desk.members, head["list_id"]), selection, known
    )
    return desk.campaigns.commit_plan(head, _plan(desk, head, now, attempt, written, known))


def selection_of(table: Table, head: Item) -> Selection:
    """The rules by which a campaign's recipients are chosen."""
    return Selection(composer(head), workspaces.settings(table, head["workspace"])["max_digits"])


def members(
    table: Table, list_id: int, shards: Iterable[int] = range(keys.MEMBER_SHARDS)
) -> Iterator[Member]:
    """Everybody on the list, shard by shard in the order of their numbers: the frozen order. [P47]"""
    for shard in shards:
        for item in table.every(keys.member_pk(list_id, shard), consistent=True):
            if "deleted" not in item:
                yield item["sk"], item["params"]


@dataclass(frozen=True)
class Written:
    """What chunk objects hold; `cost` in millionths of the currency."""

    recipients: int
    segments: int
    cost: int
    left_out: dict[str, int]


def write_chunks(
    plans: Plans,
    campaign: int,
    folder: str,
    found: Iterable[Member],
    selection: Selection,
    known: Prices | None,
) -> Written:
    """Put the recipients among `found`, CHUNK_SIZE to an object, in constant memory."""
    recipients = segments = cost = 0
    rows = selection.rows(found, known)
    with ThreadPoolExecutor(WRITERS) as pool:
        writing: list[Future[None]] = []
        for number, chunk in enumerate(_chunks(rows)):
            writing.append(pool.submit(plans.write, campaign, folder, number, chunk))
            if len(writing) > 2 * WRITERS:
                writing.pop(0).result()
            recipients += len(chunk)
            segments += sum(row.segments for row in chunk)
            cost += sum(row.cost for row in chunk)
        for future in writing:
            future.result()
    return Written(recipients, segments, cost, {why.value: n for why, n in selection.left_out.items()})


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK_SIZE)):
        yield chunk


def _plan(
    desk: Desk, head: Item, now: int, attempt: str, written: Written, known: Prices | None
) -> dict[str, Any]:
    workspace = head["workspace"]
    account = desk.workspaces.get(keys.carrier(workspace, head["carrier"])) or {}
    first_id = ids.reserve(desk.workspaces, max(written.recipients, 1))
    block = {
        "first": first_id,
        "size": written.recipients,
        "workspace": workspace,
        "campaign": head["id"],
        "list": head["list_id"],
        "chunk_size": CHUNK_SIZE,
    }
    desk.workspaces.put(keys.id_block(first_id) | block)
    return {
        "at": now,
        "attempt": attempt,
        "recipients": written.recipients,
        "chunks": -(-written.recipients // CHUNK_SIZE),
        "chunk_size": CHUNK_SIZE,
        "segments": written.segments,
        "cost": written.cost,
        "left_out": written.left_out,
        "first_id": first_id,
        "slice": slice_size(head["carrier"], account.get("slice", 1)),
        **({"currency": known.currency} if known else {}),
    }

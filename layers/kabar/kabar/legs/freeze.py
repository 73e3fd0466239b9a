"""Freezing a campaign's recipients: chunk objects in the order of the list, valid once the head names them."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from kabar.carriers import slice_size
from kabar.domain.campaigns import CHUNK_SIZE
from kabar.domain.composing import composer
from kabar.domain.prices import Prices
from kabar.domain.prices import prices as price_list
from kabar.domain.recipients import Member, Row, Selection
from kabar.legs.desk import Desk
from kabar.storage import browse, ids, keys, prices, workspaces
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Item, Table
from kabar.storage.plan_parts import PlanParts
from kabar.storage.plans import Plans

LEASE = 900_000  # ms: ten minutes of lanes, and what planning and settling take
SHARDS_TIME = 900_000  # ms that the shards of a large list may take besides
WRITERS = 4  # threads that put chunk objects; more gain nothing


@dataclass(frozen=True)
class ShardTools:
    """What planning one shard works with."""

    campaigns: Campaigns
    members: Table
    plans: Plans
    parts: PlanParts


def freeze(desk: Desk, head: Item, now: int) -> str:
    """Write the recipients under an attempt of its own and commit them by one conditional write.

    "frozen"; "superseded" when another leg is in charge; "shards" when the list is so large that PlanShard has to
    write its shards first.
    """
    known = prices.get(desk.workspaces, head["workspace"])
    of = browse.list_head(desk.workspaces, head["workspace"], head["list_id"]) or {}
    if of.get("members", 0) > desk.shards_above:
        return _freeze_shards(desk, head, known, now)
    attempt = _hash(head["leg_execution"], now)
    selection = Selection(composer(head), _max_digits(desk, head))
    found = members(desk.members, head["list_id"])
    written = write_chunks(desk.plans, head["id"], attempt, found, selection, price_list(known))
    return _commit(desk, head, _plan(desk, head, now, attempt, written, known))


def _freeze_shards(desk: Desk, head: Item, known: Item | None, now: int) -> str:
    """Commit what the shards came to, once all of them are there."""
    attempt = _hash(head["leg_execution"])  # the same when this leg comes back
    parts = desk.parts.shards(head["id"], attempt)
    if len(parts) == keys.MEMBER_SHARDS:
        known = desk.parts.terms(head["id"], attempt)["prices"]
        plan = _plan(desk, head, now, attempt, _sum(parts), known)
        plan["shards"] = [{"folder": part["folder"], "recipients": part["recipients"]} for part in parts]
        return _commit(desk, head, plan)
    terms = {"max_digits": _max_digits(desk, head), "prices": prices.shown(known)}
    desk.parts.begin(head["id"], attempt, terms, now)
    longer = now + LEASE + SHARDS_TIME
    desk.schedules.move(head["workspace"], head["id"], head["leg"] + 1, longer, now)
    return "shards" if desk.campaigns.keep(head, lease_until=longer) else "superseded"


def _commit(desk: Desk, head: Item, plan: Item) -> str:
    return "frozen" if desk.campaigns.commit_plan(head, plan) else "superseded"


def _hash(*of: object) -> str:
    return hashlib.sha256("/".join(map(str, of)).encode()).hexdigest()[:16]


def _max_digits(desk: Desk, head: Item) -> int:
    return int(workspaces.settings(desk.workspaces, head["workspace"])["max_digits"])


def plan_shard(tools: ShardTools, event: Mapping[str, Any], run: str, now: int) -> str:
    """Write one shard's recipients and say what they came to: "planned", or "superseded".

    `event` is {workspace, campaign, leg, execution, shard}. Every `run` has a folder of its own, and the first that
    is done counts: one that was given up for dead and goes on writing changes nothing.
    """
    campaign, shard = event["campaign"], event["shard"]
    head = tools.campaigns.get(event["workspace"], campaign, consistent=True)
    if head is None or (head["leg"], head.get("leg_execution")) != (event["leg"], event["execution"]):
        return "superseded"
    attempt = _hash(event["execution"])
    terms = tools.parts.terms(campaign, attempt)
    selection = Selection(composer(head), terms["max_digits"])
    folder = f"{attempt}/{shard:02d}-{_hash(run)}"
    found = members(tools.members, head["list_id"], [shard])
    written = write_chunks(tools.plans, campaign, folder, found, selection, price_list(terms["prices"]))
    tools.parts.keep(campaign, attempt, shard, {"folder": folder, **asdict(written)}, now)
    return "planned"


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


def _sum(parts: Sequence[Mapping[str, Any]]) -> Written:
    left_out: Counter[str] = Counter()
    for part in parts:
        left_out.update(part["left_out"])
    total = {name: sum(part[name] for part in parts) for name in ("recipients", "segments", "cost")}
    return Written(**total, left_out=dict(left_out))


def _plan(
    desk: Desk, head: Item, now: int, attempt: str, written: Written, known: Mapping[str, Any] | None
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
        **({"currency": known["currency"]} if known else {}),
    }

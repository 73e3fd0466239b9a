"""PlanLeg: takes the leg and the turn, freezes the recipients once, lays out the lanes."""

from typing import Any

from kabar.domain.campaigns import MAX_LANES, Life, hopeless, lanes, speed
from kabar.domain.schedule import MISSED_AFTER_HOURS, is_missed
from kabar.domain.statuses import ACCEPTED, status_of
from kabar.legs.desk import Desk
from kabar.legs.freeze import LEASE, freeze
from kabar.legs.gate import goes_on_at
from kabar.storage import keys, workspaces
from kabar.storage.chunks import chunk_of
from kabar.storage.dynamo import Item
from kabar.storage.import_heads import WAITING
from kabar.storage.reports import report, totals_of

SHARDS = list(range(keys.MEMBER_SHARDS))
MISSED = "it could not start within {} h of its time: resume it to send now, or cancel it"
LIST_GONE = "its list was deleted before it started"
NO_FILE = "its file was never uploaded: make a new one"
UPLOADING = 2 * 3_600_000  # ms: a form takes a file for an hour


def plan_leg(desk: Desk, workspace: str, campaign: int, leg: int, execution: str, now: int) -> dict[str, Any]:
    """What this leg is to do: {"outcome": "send", "lanes": [{first, last, of}, …]} or why not.

    Outcomes: send; shards (PlanShard for each of "shards" first, then PlanLeg again); settle (nothing left to send,
    or paused, missed or cancelled); scheduled (not due yet); queued; waiting_for_import; superseded.
    Doing it again within the same execution gives the same.
    """
    known = desk.campaigns.get(workspace, campaign, consistent=True)
    here = {
        "workspace": workspace,
        "campaign": campaign,
        "leg": leg,
        "execution": execution,
        "request_id": (known or {}).get("request_id", ""),
    }
    if not _may_take(known, leg, execution):
        return here | {"outcome": "superseded"}  # before it arms a switch that nobody would replace
    # dead man's switch first: whatever dies from here on, the next leg starts
    desk.schedules.arm(workspace, campaign, leg + 1, now + LEASE, now)
    head = desk.campaigns.take_leg(workspace, campaign, leg, execution, now + LEASE)
    if head is None:
        return here | {"outcome": "superseded"}
    outcome = "settle" if hopeless(head, now) else _get_ready(desk, head, now)
    if outcome == "scheduled":
        desk.schedules.move(workspace, campaign, leg + 1, head["due_at"], now)
    if outcome in ("queued", "waiting_for_import"):
        desk.schedules.disarm(
            campaign, leg + 1
        )  # whoever it waits for starts the next leg, `sweep` if that dies
    if outcome != "send":
        return here | {"outcome": outcome}
    frozen = "frozen" if "plan" in head else freeze(desk, head, now)
    if frozen != "frozen":
        return here | {"outcome": frozen} | ({"shards": SHARDS} if frozen == "shards" else {})
    ranges = _lanes(desk, head, now)
    return here | {"outcome": "send" if ranges else "settle", "lanes": ranges}


def _may_take(head: Item | None, leg: int, execution: str) -> bool:
    if head is None or "closed_at" in head or head["status"] == Life.DRAFT:
        return False
    if head["leg"] == leg:
        return bool(head.get("leg_execution") == execution and head.get("settled_leg", 0) < leg)
    return bool(head["leg"] < leg)


def _get_ready(desk: Desk, head: Item, now: int) -> str:
    """What this leg is to do; asked again when the campaign was moved meanwhile, by people or by another invocation
    of this very leg.
    """
    while True:
        seen = head["status"]
        outcome = _readiness(desk, head, now)
        if outcome != "moved":
            return outcome
        if head["status"] in (seen, Life.WAITING):
            return "superseded"  # a leg that lets it wait is settled already, this invocation has outlived it


def _readiness(desk: Desk, head: Item, now: int) -> str:
    if head["status"] in (Life.PAUSED, Life.MISSED, Life.CANCELLED):
        return "settle"
    if "import_failed" in head and "plan" not in head:
        return _fail(desk, head, now, head["import_failed"])
    if head["status"] == Life.SCHEDULED and head["due_at"] > now:
        return "settle" if head["edition"] else "scheduled"  # it may have been put off while it had the turn
    missed = _missed(desk, head, now)
    if missed:
        return "settle" if desk.campaigns.advance(head, Life.MISSED, now, status_reason=missed) else "moved"
    never = None if "plan" in head else _never_planned(desk, head, now)
    if never:
        return _fail(desk, head, now, never)
    if "plan" not in head and ("import" in head or _is_loading(desk, head)):
        return _wait_for_import(desk, head, now)
    if desk.opens(head, now) is not None:
        return "settle"  # which lets it wait for the window, without the turn
    if head["status"] != Life.SENDING and not desk.campaigns.advance(head, Life.QUEUED, now, unsettled=0):
        return "moved"
    if not desk.turns.take(head):
        _start(desk, head, desk.turns.handed(head["workspace"]))
        return "queued"
    started = {"started_at": head.get("started_at", now)}
    return "send" if desk.campaigns.advance(head, Life.SENDING, now, **started) else "moved"


def _missed(desk: Desk, head: Item, now: int) -> str | None:
    """Why the campaign asks instead of starting, for its user; queued or waiting it is late for a reason [F5]."""
    if head["status"] != Life.SCHEDULED:
        return None
    settings = workspaces.settings(desk.workspaces, head["workspace"])
    hours = settings.get("missed_after_hours", MISSED_AFTER_HOURS)
    return MISSED.format(hours) if is_missed(head["due_at"], now, hours) else None


def _wait_for_import(desk: Desk, head: Item, now: int) -> str:
    """Without the turn, or the place in the queue, that it may have from before."""
    if not desk.campaigns.advance(head, Life.QUEUED, now, unsettled=0):
        return "moved"
    _start(desk, head, desk.turns.pass_on(head["workspace"], head["id"], head["due_at"], head["leg"]))
    return "waiting_for_import"


def _start(desk: Desk, head: Item, following: tuple[int, int] | None) -> None:
    """Start the (campaign, leg) that the turn went to, if it did."""
    if following:
        desk.start_leg(head["workspace"], *following)


def _never_planned(desk: Desk, head: Item, now: int) -> str | None:
    """Why the campaign has nobody to be sent to, for its user."""
    if "import" in head:
        return NO_FILE if _nothing_came(desk, head, now) else None
    return LIST_GONE if _list_is_gone(desk, head) else None


def _fail(desk: Desk, head: Item, now: int, reason: str) -> str:
    """Close a campaign that has no recipients yet; SettleLeg then passes the turn on."""
    totals = totals_of(report(head, desk.chunks))
    return "settle" if desk.campaigns.close(head, Life.FAILED, now, totals, reason) else "superseded"


def _nothing_came(desk: Desk, head: Item, now: int) -> bool:
    """Whether the file of a quick campaign was never uploaded, and its form takes no more."""
    imported = desk.workspaces.get(keys.import_head(head["workspace"], head["import"]), consistent=True)
    if imported is None:
        return bool(head["created_at"] + UPLOADING < now)
    return bool(imported["state"] == WAITING and imported["created_at"] + UPLOADING < now)


def _list_is_gone(desk: Desk, head: Item) -> bool:
    """Whether the list was deleted; a campaign that has frozen its recipients goes on [C6]."""
    return desk.workspaces.get(keys.list_head(head["workspace"], head["list_id"]), consistent=True) is None


def _is_loading(desk: Desk, head: Item) -> bool:
    """Whether an import is writing the list; then FinishImport finds the note left here."""
    key = keys.list_head(head["workspace"], head["list_id"])
    if not (desk.workspaces.get(key, consistent=True) or {}).get("loading"):
        return False
    note = keys.waiting_for_import(head["workspace"], head["list_id"], head["id"])
    desk.workspaces.put(note | {"campaign": head["id"], "leg": head["leg"] + 1})
    # looked at again: an import that finished before the note was there has not seen it
    return bool((desk.workspaces.get(key, consistent=True) or {}).get("loading"))


def _lanes(desk: Desk, head: Item, now: int) -> list[dict[str, Any]]:
    """What to send, in lanes; while the carrier has accepted nothing of this campaign, its first slice alone [F8]."""
    plan = head["plan"]
    if not plan["chunks"]:
        return []
    idle, proved, gate = set(), False, desk.gate(head)
    for item in desk.chunks.every(head["id"], plan["chunks"]):
        chunk = chunk_of(item)
        proved = proved or any(status_of(byte) in ACCEPTED for byte in set(chunk.vector))
        if (
            chunk.closed or (goes_on_at(gate, chunk, now) or 0) > now
        ):  # to wait for it would keep others from their place in this leg
            idle.add(item["number"])
    account = desk.workspaces.get(keys.carrier(head["workspace"], head["carrier"])) or {}
    open_chunks = [number for number in range(plan["chunks"]) if number not in idle]
    rate = speed(head, account.get("rate", 1))
    # where each call carries one message, rounds of calls share the connections that the account allows
    most = max(1, account["connections"] // plan["slice"]) if "connections" in account else MAX_LANES
    ranges = lanes(open_chunks, plan["segments"] / plan["chunks"], rate, most, head.get("stalled", 0))
    alone = not proved and len(ranges) > 1
    if alone:
        ranges = [ranges[0] | {"of": 1}]
    return [{**each, "proved": proved, "alone": alone} for each in ranges]

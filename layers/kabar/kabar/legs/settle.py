"""SettleLeg: what follows a leg, and carrying it out."""

from typing import Any

from kabar.domain.campaigns import CONTROL_AGE, ChunkState, Decision, Life, Next, after_leg, hopeless
from kabar.domain.charges import Charges, refused_in
from kabar.domain.slices import SETTLED, closing
from kabar.domain.statuses import Status
from kabar.legs.desk import Desk
from kabar.legs.gate import goes_on_at
from kabar.storage import silence
from kabar.storage.chunks import UNKNOWN, chunk_of
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Item, Table
from kabar.storage.reports import report, totals_of

MOST_PATIENCE = (
    300_000  # ms between legs that settle nobody: ten of them outlast clocks that are minutes apart [F53]
)
_NO_END = {Next.RELEASE, Next.HOLD, Next.GO_ON, Next.WAIT}  # nobody knows when it comes


def settle_leg(
    desk: Desk, dispatch: Table, workspace: str, campaign: int, leg: int, execution: str, now: int
) -> dict[str, Any]:
    """Complete, close, release, go on or wait: {"outcome", …}. Doing it again gives the same."""
    head = desk.campaigns.get(workspace, campaign, consistent=True)
    if head is None or (head["leg"], head.get("leg_execution")) != (leg, execution):
        return {"outcome": "superseded"}
    if "closed_at" in head:
        _pass_turn(desk, head)
        return {"outcome": head["status"]}
    touched, zones = _touched(desk, head, now)
    head |= {"zones": zones}
    life = Life(head["status"])
    decision = after_leg(
        life,
        head.get("plan", {}).get("chunks", 1),
        touched,
        now,
        hold=head["due_at"] if life is Life.SCHEDULED else head.get("wake_at", 0),
        progress=head.get("progress", 0),
        stalled=head.get("stalled", 0),
        opening=None if life is Life.SCHEDULED and head["due_at"] > now else desk.opens(head, now),
        doomed=hopeless(head, now),
    )
    if "plan" in head and decision.what in _NO_END:
        # no condition: it is the same all day
        desk.workspaces.put(silence.mark_of_day(workspace, now, campaign=campaign))
    if decision.what is Next.HOLD:
        return _wait_for_window(desk, head, decision, now)
    if decision.what is Next.GO_ON or decision.what is Next.WAIT:
        return _go_on(desk, head, life, decision, now)
    if decision.what is not Next.RELEASE and not _end(desk, dispatch, head, decision, now):
        return {"outcome": "superseded"}
    desk.schedules.disarm(campaign, leg + 1)
    _pass_turn(desk, head)
    return {"outcome": decision.what.value}


def _go_on(desk: Desk, head: Item, life: Life, decision: Decision, now: int) -> dict[str, Any]:
    """The next leg, at once or at its time."""
    workspace, campaign, following = head["workspace"], head["id"], head["leg"] + 1
    if not desk.campaigns.keep(
        head, progress=decision.progress, stalled=decision.stalled, wake_at=decision.at, unsettled=0
    ):
        return {"outcome": "superseded"}
    if decision.what is Next.GO_ON and decision.stalled < 2:
        desk.start_leg(workspace, campaign, following)
    elif decision.what is Next.GO_ON:
        patience = min(MOST_PATIENCE, 5_000 << decision.stalled - 1)
        desk.schedules.move(workspace, campaign, following, now + patience, now)
    else:
        desk.schedules.move(workspace, campaign, following, decision.at, now)
        if life is Life.SCHEDULED:
            _pass_turn(desk, head)  # it was put off when its turn had come
    return {"outcome": decision.what.value, "at": decision.at, "settled": decision.progress}


def _wait_for_window(desk: Desk, head: Item, decision: Decision, now: int) -> dict[str, Any]:
    """Wait without the turn. The hours are looked at again after that is written: whoever edits them then looks
    for who waits, so one of the two sees the other.
    """
    workspace, campaign, leg = head["workspace"], head["id"], head["leg"]
    waits = desk.campaigns.advance(
        head,
        Life.WAITING,
        now,
        progress=decision.progress,
        stalled=decision.stalled,
        wake_at=decision.at,
        zones=head["zones"],
        unsettled=0,
        settled_leg=leg,
    )
    if not waits:
        return {"outcome": "superseded"}
    at = desk.opens(head, now) or now
    desk.schedules.move(workspace, campaign, leg + 1, at, now)
    _pass_turn(desk, head)
    return {"outcome": "waiting_for_window", "at": at, "settled": decision.progress}


def _touched(desk: Desk, head: Item, now: int) -> tuple[list[ChunkState], list[str] | None]:
    """The chunks that were looked at, and the zones of everybody who is left; None while somebody's aren't known, or
    somebody waits for something else.
    """
    gate, chunks = desk.gate(head), head.get("plan", {}).get("chunks", 0)
    states, left, known = [], set[str](), 0
    for item in desk.chunks.every(head["id"], chunks):
        chunk = chunk_of(item)
        settled = sum(byte & 0x0F >= SETTLED for byte in chunk.vector)
        if chunk.zones is not None:
            settled += 1  # to know where its people are is progress too
            left.update(() if chunk.closed else chunk.zones)
        known += chunk.closed or (chunk.zones is not None and (chunk.wake or 0) <= now)
        states.append(ChunkState(item["number"], chunk.closed, goes_on_at(gate, chunk, now), settled))
    return states, sorted(left) if known == chunks else None


def _end(desk: Desk, dispatch: Table, head: Item, decision: Decision, now: int) -> bool:
    """Close the campaign with its totals; what was never handed over is cancelled first."""
    if decision.what is not Next.COMPLETE:
        # senders look at the control once a second: only then has every claim been made that ever will be. Counted
        # from here, as the clock of whoever cancelled may be another
        desk.sleep(2 * CONTROL_AGE / 1000)
        _close_chunks(desk, dispatch, head, now)
    totals = totals_of(report(head, desk.chunks))
    life = {Next.COMPLETE: Life.COMPLETED, Next.CLOSE: Life.CANCELLED, Next.FAIL: Life.FAILED}[decision.what]
    return desk.campaigns.close(head, life, now, totals, decision.reason)


def _close_chunks(desk: Desk, dispatch: Table, head: Item, now: int) -> None:
    """Untouched positions are cancelled, claims without a result uncertain; a late result still outranks both."""
    plan = head.get("plan")
    if plan is None:
        return
    closed = {
        item["number"] for item in desk.chunks.every(head["id"], plan["chunks"]) if chunk_of(item).closed
    }
    for number in range(plan["chunks"]):
        if number in closed:
            continue
        size = min(plan["chunk_size"], plan["recipients"] - number * plan["chunk_size"])
        claims = ChunkLedger(dispatch, head["id"], number).claims()
        vector = closing(claims, size, plan["slice"], Status.CANCELLED)
        charges = UNKNOWN  # and needless, where nothing can have been accepted
        if claims:
            charges = Charges.of_rows(desk.plans.read(head["id"], plan, number))
        desk.chunks.merge(
            head["id"],
            number,
            vector,
            now,
            close=True,
            charges=charges,
            refused=refused_in(vector),
            wake=None,
        )


def _pass_turn(desk: Desk, head: Item) -> None:
    following = desk.turns.pass_on(head["workspace"], head["id"], head["due_at"], head["leg"])
    if following:
        desk.start_leg(head["workspace"], *following)

"""A message request through the send protocol: now, or held until the sending hours open [F9] [G2]."""

import random
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kabar.domain.brakes import NO_RESULTS, REFUSED, SILENT
from kabar.domain.campaigns import CONTROL_AGE
from kabar.domain.charges import Charges, refused_in
from kabar.domain.composing import composer
from kabar.domain.dispatch import Sender
from kabar.domain.hours import Covered
from kabar.domain.requests import MAX_RECIPIENTS, ONLY, Kind
from kabar.domain.slices import Stop, Timing, closing
from kabar.domain.statuses import Status, cell
from kabar.legs.gate import Gate
from kabar.legs.send import SystemClock, left_of, now, slices_of
from kabar.legs.tools import SendTools
from kabar.log import logger
from kabar.storage import accounts, silence
from kabar.storage.accounts import Opened
from kabar.storage.chunks import Chunks
from kabar.storage.circuits import AccountCircuit
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Item, Table
from kabar.storage.facts import ChunkPeople, Origin
from kabar.storage.held import Held
from kabar.storage.openings import Openings
from kabar.storage.pace import SharedPace
from kabar.storage.requests import Requests

SOON = 60_000  # ms; an opening so near is waited for in the queue: nobody releases what is held just then
UNUSABLE = 300_000  # ms between looks at an account that people have to set up
PATIENCE = 2_000  # ms that a request waits for its pace; then it comes back in turn
SPREAD = 5_000  # ms over which requests come back that waited for the same carrier
DOWN = "the carrier takes nothing just now; it is tried again every few minutes, and this goes out once it answers"
MAX_AGE = 60 * 86_400_000  # ms; claims are kept for 90 days, and without them nobody knows who was sent to


@dataclass(frozen=True)
class RequestTools(SendTools):
    """What requests are sent with.

    `enqueue(workspace, request, delay, generation)` queues one again, `delay` in ms; whoever takes it then is told
    the generation.
    """

    requests: Requests
    held: Held
    openings: Openings
    enqueue: Callable[[str, int, int, int], None]


class RequestControl:
    """`kabar.domain.slices.Control`: the sending hours are open, where they count; `reason` is why it doesn't go on."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.reason = DOWN

    def go(self) -> bool:
        while True:
            at = now()
            if self.gate.opens(at) is not None:
                return False
            if now() - at < CONTROL_AGE:
                return True  # the hours were told so fast that they still hold

    def waits(self, mobiles: Sequence[str]) -> Mapping[str, int]:
        return self.gate.waits(mobiles, now())

    def pause(self, reason: str) -> None:
        self.reason = DOWN if reason == SILENT else reason


def run_request(
    tools: RequestTools,
    workspace: str,
    request: int,
    deadline: int,
    generation: int | None = None,
    *,
    returning: bool = False,
) -> dict[str, Any]:
    """Bring a request as far as it goes now, and see that somebody goes on: {"outcome", …} for the log.

    `deadline` is epoch ms; `returning`: it was told to come back now. `generation` is that of who was queued again or
    held; who comes from elsewhere has none, is always heeded, and joins the latest. Of those of one generation that
    come one after the other the first goes on. Two at once do no harm: claims keep them apart. What raises is to be
    tried again.
    """
    head = tools.requests.get(request, consistent=True)
    if head is None or head["workspace"] != workspace:
        return {"outcome": "unknown"}
    latest = head.get("generation", 1)
    if generation is not None and generation < latest:
        return {"outcome": "goes on elsewhere"}  # whoever saw to that died before this message was forgotten
    head["next_generation"] = latest if generation is None else generation + 1
    chunks = Chunks(tools.dispatch)
    known = chunks.read(request, ONLY)
    if known.closed:
        return {"outcome": "done"}
    gate = gate_of(tools.workspaces, head, tools.timing)
    opening = gate.opens(now(), known.zones)
    if opening is not None:
        return _hold(tools, chunks, head, opening, known.zones)
    if head["created_at"] + MAX_AGE < now():
        return _give_up(tools, chunks, head)
    circuit = AccountCircuit(tools.workspaces, workspace, head["carrier"], now)
    closed = circuit.wait()
    if closed is not None:
        return _wait_for_carrier(tools, head, circuit, closed)
    try:
        opened = accounts.open_account(tools.workspaces, workspace, head["carrier"])
    except accounts.Unusable as reason:
        tools.requests.note(request, str(reason))
        _queue_again(tools, head, UNUSABLE)
        return {"outcome": "carrier unusable"}
    pace = _pace(tools, head, opened, in_line=not returning)
    control = RequestControl(gate)
    sender = _sender(tools, head, opened, control, pace, deadline)
    wake, why = _attempt(tools, chunks, head, sender, control, circuit)
    if why == "pace":
        together = min(head["slice"], head["size"])
        wake = pace.line_up(-(-head["segments"] * together // head["size"]))
    if wake is not None:
        _go_on(tools, chunks, head, gate, wake)
    tally = sender.tally
    return {
        "outcome": why,
        "accepted": tally.accepted,
        "suppressed": tally.suppressed,
        "rejected": tally.rejected,
        "doubts": tally.doubts,
    }


def _attempt(
    tools: RequestTools,
    chunks: Chunks,
    head: Item,
    sender: Sender,
    control: RequestControl,
    circuit: AccountCircuit,
) -> tuple[int | None, str]:
    """When (ms) to go on, None when it is done, and what to log; tells the circuit what it met."""
    started = now()
    wake, stop = _send(tools, chunks, head, control.gate, sender)
    why = stop.why if stop else "waits" if wake else "done"
    if why in (NO_RESULTS, REFUSED):
        until = circuit.failed(started, control.reason, at_once=why == REFUSED)
        reason = None if wake is None else control.reason
        if reason != head.get("status_reason"):
            tools.requests.note(head["id"], reason)
        return (None if wake is None else max(wake, until)), why
    if sender.tally.calls:
        circuit.worked(started)
    if "status_reason" in head:
        tools.requests.note(head["id"], None)
    return wake, why


def _wait_for_carrier(tools: RequestTools, head: Item, circuit: AccountCircuit, until: int) -> dict[str, Any]:
    """Come back once somebody may have tried; nothing is sent, nothing fails."""
    if head.get("status_reason") != circuit.seen.reason:
        tools.requests.note(head["id"], circuit.seen.reason)
    spread = random.randint(0, SPREAD)  # noqa: S311  # no secret
    _queue_again(tools, head, until - now() + spread)
    return {"outcome": "the carrier is down", "since": circuit.seen.since}


def gate_of(workspaces: Table, head: Item, timing: Timing) -> Gate:
    """The hours count for API messages; a response or test is expected within seconds by whoever caused it [G1]."""
    kind = Covered.API_MESSAGES if head["kind"] == Kind.API else None
    return Gate(workspaces, head["workspace"], kind, timing, head["timezone"])


def origin_of(head: Item) -> Origin:
    return Origin(
        workspace=head["workspace"],
        request=head["id"],
        list_id=head["list"],
        sender=head["sender"],
        chunk=ONLY,
        first_id=head["first_id"],
        chunk_size=MAX_RECIPIENTS,
        ignores_standing=head["confirms_opt_out"],
    )


def _pace(tools: RequestTools, head: Item, opened: Opened, *, in_line: bool) -> SharedPace:
    return SharedPace(
        tools.workspaces,
        head["workspace"],
        head["carrier"],
        head["sender"],
        rate=opened.rate,
        lanes=int(opened.rate / head["segments"]),  # reserves no more than the request takes
        now=now,
        in_line=in_line,
    )


def _sender(
    tools: RequestTools,
    head: Item,
    opened: Opened,
    control: RequestControl,
    pace: SharedPace,
    deadline: int,
) -> Sender:
    """One that stops at the first call that brings nothing: the circuit says when to go on."""
    return Sender(
        owner=uuid.uuid4().hex,
        handover=tools.handover(head, opened, now, unattended=True),
        control=control,
        pace=pace,
        clock=SystemClock(),
        timing=tools.timing,
        deadline=deadline,
        alarm=tools.alarm,
        proved=False,
        patience=PATIENCE,
    )


def _send(
    tools: RequestTools, chunks: Chunks, head: Item, gate: Gate, sender: Sender
) -> tuple[int | None, Stop | None]:
    """One pass over its slices; when (ms) to go on, None when it is done, and what stopped it."""
    rows, origin = tools.requests.rows(head), origin_of(head)
    slices = slices_of(rows, composer(head), origin, tools.deployment, head["slice"])
    ledger = ChunkLedger(tools.dispatch, head["id"], ONLY)
    result, stop = sender.send_chunk(ledger, ChunkPeople(tools.people, origin, now), slices)
    if result.done:
        _await_receipts(tools, head)
    chunks.merge(
        head["id"],
        ONLY,
        result.vector,
        now(),
        close=result.done,
        charges=Charges.of_rows(rows),
        refused=refused_in(result.vector),
        wake=None,
        zones=gate.zones(left_of(rows, result.vector), now()),
    )
    if result.done:
        return None, stop
    return max(result.wake or 0, (stop and stop.wake) or 0, now()), stop


def _await_receipts(tools: RequestTools, head: Item) -> None:
    """Before it is closed, since nobody comes back then; no condition: again it is one more mark."""
    tools.workspaces.put(silence.mark(head["workspace"], now(), request=head["id"]))


def _go_on(tools: RequestTools, chunks: Chunks, head: Item, gate: Gate, wake: int) -> None:
    zones = chunks.read(head["id"], ONLY).zones
    opening = gate.opens(now(), zones)
    if opening is not None:
        _hold(tools, chunks, head, opening, zones)
    else:
        _queue_again(tools, head, wake - now())


def _queue_again(tools: RequestTools, head: Item, delay: int) -> None:
    tools.enqueue(head["workspace"], head["id"], delay, head["next_generation"])
    _note_generation(tools, head)


def _note_generation(tools: RequestTools, head: Item) -> None:
    """After it is queued or held: somebody of the generation that is noted is there, or has gone on; older ones need
    not. Without the note they would be as good, so a write that fails brings nobody back.
    """
    try:
        tools.requests.note_generation(head["id"], head["next_generation"])
    except (BotoCoreError, ClientError):
        logger.exception("generation not noted", workspace=head["workspace"], request=head["id"])


def _hold(
    tools: RequestTools, chunks: Chunks, head: Item, opening: int, zones: Collection[str] | None
) -> dict[str, Any]:
    """Keep it, visibly, until the hours open; then look at the clock again, in case they just did."""
    workspace, request, at = head["workspace"], head["id"], now()
    chunks.merge(request, ONLY, bytes([cell(Status.HELD)]) * head["size"], at)
    is_held = opening - at > SOON
    if is_held:
        tools.held.put(workspace, opening, request, head["next_generation"], at, zones)
        _note_generation(tools, head)
        tools.openings.ensure(workspace, opening, at)
    # and at the hours: whoever edits them looks for what is held after writing them
    left = (gate_of(tools.workspaces, head, tools.timing).opens(now(), zones) or 0) - now()
    if left <= SOON or not is_held:
        _queue_again(tools, head, min(SOON, max(0, left)))
    return {"outcome": "held", "opening": opening}


def _give_up(tools: RequestTools, chunks: Chunks, head: Item) -> dict[str, Any]:
    """Its time has passed: what was never handed over is *missed*."""
    claims = ChunkLedger(tools.dispatch, head["id"], ONLY).claims()
    vector = closing(claims, head["size"], head["slice"], Status.MISSED)
    _await_receipts(tools, head)
    chunks.merge(head["id"], ONLY, vector, now(), close=True, wake=None)
    return {"outcome": "missed"}

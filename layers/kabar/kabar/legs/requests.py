"""A message request through the send protocol: now, or held until the sending hours open [F9] [G2]."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
from kabar.storage import accounts, silence
from kabar.storage.accounts import Opened
from kabar.storage.chunks import Chunks
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Item, Table
from kabar.storage.facts import ChunkPeople, Origin
from kabar.storage.held import Held
from kabar.storage.openings import Openings
from kabar.storage.pace import SharedPace
from kabar.storage.requests import Requests

SOON = 60_000  # ms; an opening so near is waited for in the queue: nobody releases what is held just then
UNUSABLE = 900_000  # ms between tries of an account that people have to mend
MAX_AGE = 60 * 86_400_000  # ms; claims are kept for 90 days, and without them nobody knows who was sent to


@dataclass(frozen=True)
class RequestTools(SendTools):
    """What requests are sent with; `enqueue(workspace, request, delay)` queues one again, `delay` in ms."""

    requests: Requests
    held: Held
    openings: Openings
    enqueue: Callable[[str, int, int], None]


class RequestControl:
    """`kabar.domain.slices.Control`: the sending hours are open, where they count."""

    def __init__(self, gate: Gate, requests: Requests, request: int) -> None:
        self._gate = gate
        self._requests = requests
        self._request = request

    def go(self) -> bool:
        return self._gate.opens(now()) is None

    def waits(self, mobiles: Sequence[str]) -> Mapping[str, int]:
        return self._gate.waits(mobiles, now())

    def pause(self, reason: str) -> None:
        self._requests.note(self._request, reason)


def run_request(tools: RequestTools, workspace: str, request: int, deadline: int) -> dict[str, Any]:
    """Bring a request as far as it goes now, and see that somebody goes on: {"outcome", …} for the log.

    `deadline` is epoch ms. Two at once do no harm: claims keep them apart. What raises is to be tried again.
    """
    head = tools.requests.get(request, consistent=True)
    if head is None or head["workspace"] != workspace:
        return {"outcome": "unknown"}
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
    try:
        opened = accounts.open_account(tools.workspaces, workspace, head["carrier"])
    except accounts.Unusable as reason:
        tools.requests.note(request, str(reason))
        tools.enqueue(workspace, request, UNUSABLE)
        return {"outcome": "carrier unusable"}
    sender = _sender(tools, head, gate, opened, deadline)
    wake, why = _send(tools, chunks, head, gate, sender)
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


def _sender(tools: RequestTools, head: Item, gate: Gate, opened: Opened, deadline: int) -> Sender:
    pace = SharedPace(
        tools.workspaces,
        head["workspace"],
        head["carrier"],
        head["sender"],
        rate=opened.rate,
        lanes=max(1, int(opened.rate / head["segments"])),  # reserves no more than the request takes
        now=now,
    )
    return Sender(
        owner=uuid.uuid4().hex,
        handover=tools.handover(head, opened, now),
        control=RequestControl(gate, tools.requests, head["id"]),
        pace=pace,
        clock=SystemClock(),
        timing=tools.timing,
        deadline=deadline,
        alarm=tools.alarm,
    )


def _send(
    tools: RequestTools, chunks: Chunks, head: Item, gate: Gate, sender: Sender
) -> tuple[int | None, str]:
    """One pass over its slices; when (ms) to go on, None when it is done, and what to log."""
    rows, origin = tools.requests.rows(head), origin_of(head)
    slices = slices_of(rows, composer(head), origin, tools.deployment, head["slice"])
    ledger = ChunkLedger(tools.dispatch, head["id"], ONLY)
    result, stop = sender.send_chunk(ledger, ChunkPeople(tools.people, origin, now), slices)
    if (
        result.done
    ):  # before it is closed, since nobody comes back then; no condition: again it is one more mark
        tools.workspaces.put(silence.mark(head["workspace"], now(), request=head["id"]))
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
        return None, "done"
    return _wake(result.wake, stop), stop.why if stop else "waits"


def _wake(wake: int | None, stop: Stop | None) -> int:
    if stop and stop.why == "refused":
        return now() + UNUSABLE
    return max(wake or 0, (stop and stop.wake) or 0, now())


def _go_on(tools: RequestTools, chunks: Chunks, head: Item, gate: Gate, wake: int) -> None:
    zones = chunks.read(head["id"], ONLY).zones
    opening = gate.opens(now(), zones)
    if opening is not None:
        _hold(tools, chunks, head, opening, zones)
    else:
        tools.enqueue(head["workspace"], head["id"], wake - now())


def _hold(
    tools: RequestTools, chunks: Chunks, head: Item, opening: int, zones: Collection[str] | None
) -> dict[str, Any]:
    """Keep it, visibly, until the hours open; then look at the clock again, in case they just did."""
    workspace, request, at = head["workspace"], head["id"], now()
    chunks.merge(request, ONLY, bytes([cell(Status.HELD)]) * head["size"], at)
    if opening - at > SOON:
        tools.held.put(workspace, opening, request, at, zones)
        tools.openings.ensure(workspace, opening, at)
    # and at the hours: whoever edits them looks for what is held after writing them
    left = (gate_of(tools.workspaces, head, tools.timing).opens(now(), zones) or 0) - now()
    if left <= SOON:
        tools.enqueue(workspace, request, max(0, left))
    return {"outcome": "held", "opening": opening}


def _give_up(tools: RequestTools, chunks: Chunks, head: Item) -> dict[str, Any]:
    """Its time has passed: what was never handed over is *missed*."""
    claims = ChunkLedger(tools.dispatch, head["id"], ONLY).claims()
    vector = closing(claims, head["size"], head["slice"], Status.MISSED)
    chunks.merge(head["id"], ONLY, vector, now(), close=True, wake=None)
    return {"outcome": "missed"}

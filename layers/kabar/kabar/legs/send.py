"""SendLane: a range of chunks through the send protocol (`kabar.domain.dispatch`)."""

import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kabar.domain.campaigns import CONTROL_AGE, Life
from kabar.domain.charges import Charges, refused_in
from kabar.domain.composing import Composer, composer
from kabar.domain.dispatch import FIRST_SLICE, Sender
from kabar.domain.messages import Message
from kabar.domain.recipients import Row
from kabar.domain.slices import SETTLED, Control, Pace, Recipient, Stop, Tally
from kabar.legs.gate import Gate, campaign_gate
from kabar.legs.tools import SendTools
from kabar.legs.watch import Watch, WatchedControl
from kabar.storage.accounts import Opened
from kabar.storage.campaign_pace import SlowedPace
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks, Contended
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Item
from kabar.storage.facts import ChunkPeople, Origin
from kabar.storage.pace import SharedPace
from kabar.storage.plans import Plans


def now() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """`kabar.domain.slices.Clock`."""

    def now(self) -> int:
        return now()

    def sleep(self, milliseconds: int) -> None:
        time.sleep(milliseconds / 1000)


class LegControl:
    """`kabar.domain.slices.Control`: the campaign is sending, our leg in charge of it, its speed still that, and the
    sending hours are open.
    """

    def __init__(self, campaigns: Campaigns, gate: Gate, head: Item, leg: int, execution: str) -> None:
        self._campaigns = campaigns
        self._gate = gate
        self._head = head
        self._charge = (leg, execution)
        self._looked_at = 0
        self._go = False

    def go(self) -> bool:
        while True:
            at = now()
            if not self._in_charge(at) or self._gate.opens(at) is not None:
                return False
            if now() - at < CONTROL_AGE:
                return True  # what was asked took so little time that it still holds

    def _in_charge(self, at: int) -> bool:
        if at - self._looked_at >= CONTROL_AGE:
            self._looked_at = at
            head = self._campaigns.get(self._head["workspace"], self._head["id"], consistent=True)
            self._go = (
                head is not None
                and (head["leg"], head.get("leg_execution")) == self._charge
                and head["status"] == Life.SENDING
                and head.get("speed_at") == self._head.get("speed_at")
            )
        return self._go

    def waits(self, mobiles: Sequence[str]) -> Mapping[str, int]:
        return self._gate.waits(mobiles, now())

    def pause(self, reason: str) -> None:
        self._campaigns.pause(self._head["workspace"], self._head["id"], reason, now())


@dataclass(frozen=True)
class LaneTools(SendTools):
    """What a lane works with."""

    campaigns: Campaigns
    plans: Plans


@dataclass(frozen=True)
class Worker:
    """One slice at a time; a lane has several of them where its carrier takes one message per call."""

    sender: Sender
    control: Control


class Lane:
    """One lane of one leg."""

    def __init__(self, tools: LaneTools, head: Item, event: Mapping[str, Any], opened: Opened) -> None:
        """`event` is {leg, execution, lane: {first, last, of, proved, alone}}."""
        self._tools = tools
        self._head = head
        self._lane = event["lane"]
        self._charge = event["leg"], event["execution"]
        self._gate = campaign_gate(tools.workspaces, tools.timing, head)
        self._opened = opened
        self._chunks = Chunks(tools.dispatch)
        self._text = composer(head)
        self._watch = Watch(self._chunks, head["id"], opened, now)
        self._handover = tools.handover(head, opened, now)
        wide = self._handover.carrier.batch == 1
        self._workers = (
            max(1, opened.connections // (self._lane["of"] * head["plan"]["slice"])) if wide else 1
        )
        self._shared = SharedPace(
            tools.workspaces,
            head["workspace"],
            head["carrier"],
            head["sender"],
            rate=opened.rate,
            lanes=self._lane["of"],
            now=now,
        )

    def send(self, deadline: int) -> dict[str, Any]:
        """Send every open chunk until done, stopped or `deadline` (ms). Returns what the log line says."""
        first, last = self._lane["first"], self._lane["last"]
        self._watch.begin(first, last, self._head["status_at"])
        numbers = deque(range(first, last + 1))
        # plans of earlier versions say neither
        proved, alone = self._lane.get("proved", True), self._lane.get("alone", False)
        workers = [self._worker(deadline, proved=proved)]
        stop = None
        if not proved and (alone or self._workers > 1):
            stop = self._first_slice(workers[0], numbers)
        if stop is None or (stop.why == FIRST_SLICE and not alone):
            workers += [self._worker(deadline, proved=True) for _ in range(self._workers - 1)]
            stop = self._rest(workers, numbers)
        if stop and stop.wake and stop.wake > now():
            self._tools.campaigns.keep(self._head, wake_at=stop.wake)
        tally = Tally()
        for worker in workers:
            tally.add(worker.sender.tally)
        return {
            "outcome": stop.why if stop else "passed",
            "calls": tally.calls,
            "accepted": tally.accepted,
            "suppressed": tally.suppressed,
            "rejected": tally.rejected,
            "doubts": tally.doubts,
        }

    def _worker(self, deadline: int, *, proved: bool) -> Worker:
        tools, head = self._tools, self._head
        control = WatchedControl(LegControl(tools.campaigns, self._gate, head, *self._charge), self._watch)
        sender = Sender(
            owner=uuid.uuid4().hex,
            handover=self._handover,
            control=control,
            pace=self._pace(),
            clock=SystemClock(),
            timing=tools.timing,
            deadline=deadline,
            alarm=tools.alarm,
            proved=proved,
            most_refused=self._opened.most_failed,
        )
        return Worker(sender, control)

    def _pace(self) -> Pace:
        """That of the sender at the carrier, and the campaign's own when it has one."""
        tools, head = self._tools, self._head
        return SlowedPace(self._shared, tools.workspaces, head, now=now) if "speed" in head else self._shared

    def _first_slice(self, worker: Worker, numbers: deque[int]) -> Stop | None:
        """Until the carrier has accepted something, one slice after the other [F8]."""
        while numbers:
            stop = self._chunk(worker, numbers[0], until_proved=True)
            if stop:
                return stop
            numbers.popleft()
        return None

    def _rest(self, workers: Sequence[Worker], numbers: deque[int]) -> Stop | None:
        """All chunks, each by the worker that comes to it first."""
        if len(workers) == 1:
            return self._drain(workers[0], numbers)
        with ThreadPoolExecutor(len(workers), "slice") as pool:
            stops = [stop for stop in pool.map(lambda worker: self._drain(worker, numbers), workers) if stop]
        return max(stops, key=lambda stop: stop.wake or 0, default=None)

    def _drain(self, worker: Worker, numbers: deque[int]) -> Stop | None:
        while True:
            try:
                number = numbers.popleft()
            except IndexError:
                return None
            stop = self._chunk(worker, number)
            if stop:
                return stop

    def _chunk(self, worker: Worker, number: int, *, until_proved: bool = False) -> Stop | None:
        chunk = self._chunks.read(self._head["id"], number)
        if chunk.closed:
            return None
        if not worker.control.go():
            return Stop("control")
        self._watch.touch(number, chunk.vector)
        return self._send_chunk(worker.sender, number, until_proved=until_proved)

    def _send_chunk(self, sender: Sender, number: int, *, until_proved: bool) -> Stop | None:
        head, plan = self._head, self._head["plan"]
        rows = self._tools.plans.read(head["id"], plan, number)
        origin = Origin(
            workspace=head["workspace"],
            campaign=head["id"],
            list_id=head["list_id"],
            sender=head["sender"],
            chunk=number,
            first_id=plan["first_id"],
            chunk_size=plan["chunk_size"],
        )
        slices = slices_of(rows, self._text, origin, self._tools.deployment, plan["slice"])
        ledger = ChunkLedger(self._tools.dispatch, head["id"], number)
        people = ChunkPeople(self._tools.people, origin, now)
        charges = Charges.of_rows(rows)

        def merge(vector: bytes, **end: Any) -> None:
            refused = refused_in(vector)
            self._chunks.merge(head["id"], number, vector, now(), charges=charges, refused=refused, **end)

        def tell(vector: bytes) -> None:
            with suppress(Contended):  # the next one tells it too
                merge(vector)

        result, stop = sender.send_chunk(ledger, people, slices, until_proved=until_proved, tell=tell)
        zones = self._gate.zones(left_of(rows, result.vector), now())
        merge(result.vector, close=result.done, wake=result.wake, zones=zones)
        return stop


def left_of(rows: Sequence[Row], vector: bytes) -> list[str]:
    """Who of a chunk isn't settled yet; a vector may be shorter."""
    cells = vector + bytes(len(rows) - len(vector))
    return [row.mobile for row, byte in zip(rows, cells, strict=True) if byte & 0x0F < SETTLED]


def slices_of(
    rows: Sequence[Row], text: Composer, origin: Origin, deployment: str, size: int
) -> list[list[Recipient]]:
    """The carrier calls that `rows` take, `size` recipients each."""
    recipients = []
    for position, (mobile, params, segments, _) in enumerate(rows):
        merged = text.text(params)
        message_id = f"{deployment}-{origin.message_id(position)}"
        message = Message(message_id, mobile, merged, segments, text.count(merged).encoding)
        recipients.append(Recipient(position, message))
    return [recipients[at : at + size] for at in range(0, len(recipients), size)]

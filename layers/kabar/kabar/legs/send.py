"""SendLane: a range of chunks through the send protocol (`kabar.domain.dispatch`)."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kabar.carriers.base import Account, Call, Carrier
from kabar.domain.campaigns import CONTROL_AGE, Life
from kabar.domain.composing import Composer, composer
from kabar.domain.dispatch import ChunkResult, Sender
from kabar.domain.handover import Promise, Result
from kabar.domain.messages import Message
from kabar.domain.slices import Pace, Recipient, Stop, Timing
from kabar.domain.statuses import Status, status_of
from kabar.storage.campaign_pace import SlowedPace
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Item, Table
from kabar.storage.facts import ChunkPeople, Origin
from kabar.storage.pace import SharedPace
from kabar.storage.plans import Plans, Row


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
    """`kabar.domain.slices.Control`: the campaign is sending, our leg in charge of it, and its speed still that."""

    def __init__(self, campaigns: Campaigns, head: Item, leg: int, execution: str) -> None:
        self._campaigns = campaigns
        self._head = head
        self._charge = (leg, execution)
        self._looked_at = 0
        self._go = False

    def go(self) -> bool:
        if now() - self._looked_at >= CONTROL_AGE:
            self._looked_at = now()
            head = self._campaigns.get(self._head["workspace"], self._head["id"], consistent=True)
            self._go = (
                head is not None
                and (head["leg"], head.get("leg_execution")) == self._charge
                and head["status"] == Life.SENDING
                and head.get("speed_at") == self._head.get("speed_at")
            )
        return self._go

    def pause(self, reason: str) -> None:
        self._campaigns.pause(self._head["workspace"], self._head["id"], reason, now())


@dataclass(frozen=True)
class CarrierAccount:
    """`kabar.domain.handover.Handover`: one sender at one carrier account."""

    carrier: Carrier
    account: Account
    call: Call
    sender: str

    @property
    def promise(self) -> Promise:
        return self.carrier.promise

    def send(self, messages: Sequence[Message], *, seconds: float) -> Mapping[str, Result]:
        return self.carrier.send(self.account, self.call, self.sender, messages, seconds)

    def ask(self, ids: Sequence[str], *, seconds: float) -> Mapping[str, Result]:
        return self.carrier.ask(self.account, self.call, ids, seconds)


@dataclass(frozen=True)
class LaneTools:
    """What a lane works with. `call` makes one HTTP request; `alarm` tells people about what should never happen."""

    campaigns: Campaigns
    workspaces: Table
    dispatch: Table
    people: Table
    plans: Plans
    deployment: str
    timing: Timing
    call: Call
    alarm: Callable[[str], None]


class Lane:
    """One lane of one leg."""

    def __init__(
        self,
        tools: LaneTools,
        head: Item,
        event: Mapping[str, Any],
        carrier: Carrier,
        account: Account,
        rate: float,
    ) -> None:
        """`event` is {leg, execution, lane: {first, last, of}}, `rate` in segments per second over all lanes."""
        self._tools = tools
        self._head = head
        self._lane = event["lane"]
        self._control = LegControl(tools.campaigns, head, event["leg"], event["execution"])
        self._handover = CarrierAccount(carrier, account, tools.call, head["sender"])
        self._pace = SharedPace(
            tools.workspaces,
            head["workspace"],
            head["carrier"],
            head["sender"],
            rate=rate,
            lanes=self._lane["of"],
            now=now,
        )

    def send(self, deadline: int) -> dict[str, Any]:
        """Send every open chunk until done, stopped or `deadline` (ms). Returns what the log line says."""
        tools, head = self._tools, self._head
        chunks, text = Chunks(tools.dispatch), composer(head)
        sender = Sender(
            owner=uuid.uuid4().hex,
            handover=self._handover,
            control=self._control,
            pace=self._own_pace(deadline),
            clock=SystemClock(),
            timing=tools.timing,
            deadline=deadline,
            alarm=tools.alarm,
        )
        stop: Stop | None = None
        for number in range(self._lane["first"], self._lane["last"] + 1):
            if chunks.read(head["id"], number).closed:
                continue
            if not self._control.go():
                stop = Stop("control")
                break
            stop = self._send_chunk(sender, chunks, text, number)
            if stop:
                break
        if stop and stop.wake and stop.wake > now():
            tools.campaigns.keep(head, wake_at=stop.wake)
        tally = sender.tally
        return {
            "outcome": stop.why if stop else "passed",
            "calls": tally.calls,
            "accepted": tally.accepted,
            "suppressed": tally.suppressed,
            "rejected": tally.rejected,
            "doubts": tally.doubts,
        }

    def _own_pace(self, deadline: int) -> Pace:
        if "speed" not in self._head:
            return self._pace
        horizon = deadline - self._tools.timing.lease
        return SlowedPace(self._pace, self._tools.workspaces, self._head, horizon=horizon, now=now)

    def _send_chunk(self, sender: Sender, chunks: Chunks, text: Composer, number: int) -> Stop | None:
        head, plan = self._head, self._head["plan"]
        rows = self._tools.plans.read(head["id"], plan["attempt"], number)
        origin = Origin(
            workspace=head["workspace"],
            campaign=head["id"],
            list_id=head["list_id"],
            sender=head["sender"],
            chunk=number,
            first_id=plan["first_id"],
            chunk_size=plan["chunk_size"],
        )
        recipients = []
        for position, (mobile, params, size) in enumerate(rows):
            merged = text.text(params)
            message_id = f"{self._tools.deployment}-{origin.message_id(position)}"
            message = Message(message_id, mobile, merged, size, text.count(merged).encoding)
            recipients.append(Recipient(position, message))
        slices = [recipients[at : at + plan["slice"]] for at in range(0, len(recipients), plan["slice"])]
        ledger = ChunkLedger(self._tools.dispatch, head["id"], number)
        result, stop = sender.send_chunk(ledger, ChunkPeople(self._tools.people, origin, now), slices)
        chunks.merge(
            head["id"],
            number,
            result.vector,
            now(),
            close=result.done,
            segments=_charged(result, rows),
            wake=result.wake,
        )
        return stop


def _charged(result: ChunkResult, rows: Sequence[Row]) -> int:
    """Segments of what the carrier accepted."""
    return sum(
        row[2] for row, byte in zip(rows, result.vector, strict=True) if status_of(byte) is Status.SENT
    )

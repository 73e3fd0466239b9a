"""The send protocol: from a frozen chunk to carrier calls, exact whatever dies in between.

A slice is one carrier call, its recipients frozen in the plan. Per slice: claim, standing, facts, call, record; every
write is conditional or repeatable, so that any step may be the last one and the next attempt knows what it may do:

- an attempt notes on its claim that it is about to call, and only while the claim is its own; taking a claim over
  is conditional on that note. So of two owners, which clocks that differ can make, none calls unknown to the other;
- what may have been handed over is *in doubt* (byte SUBMITTED in the claim) and goes on by the carrier's promise;
- what is settled is settled by rank (`statuses.merge`), so late records and receipts only add.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kabar.domain.brakes import Brakes
from kabar.domain.calls import Calls
from kabar.domain.handover import Handover
from kabar.domain.progress import Progress
from kabar.domain.recipient_hours import NEVER
from kabar.domain.slices import (
    DOUBT,
    SETTLED,
    Claim,
    Clock,
    Control,
    Fact,
    Ledger,
    Pace,
    People,
    Recipient,
    Slot,
    Stop,
    Tally,
    Timing,
)
from kabar.domain.statuses import Reason, Status

FIRST_SLICE = "first slice sent"


@dataclass(frozen=True)
class ChunkResult:
    """A chunk after a pass: its vector as far as this lane knows, and the earliest moment (ms) of further work.

    `wake` says nothing of those who wait for the sending hours of their own zones.
    """

    vector: bytes
    done: bool
    wake: int | None


class Sender:
    """Sends chunks of one campaign in one lane. `owner` is unique to this invocation.

    While nothing of the campaign was accepted (not `proved`), one call that brings nothing stops it: its first slice
    goes alone. It stops too once the carrier refuses more than the share `most_refused` of what it was handed, and
    rather than wait more than `patience` ms for its pace.
    """

    def __init__(
        self,
        *,
        owner: str,
        handover: Handover,
        control: Control,
        pace: Pace,
        clock: Clock,
        timing: Timing,
        deadline: int,
        alarm: Callable[[str], None],
        proved: bool = True,
        most_refused: float = 1.0,
        patience: int | None = None,
    ) -> None:
        self._owner = owner
        self._control = control
        self._pace = pace
        self._clock = clock
        self._timing = timing
        self._deadline = deadline
        self._patience = patience
        self.tally = Tally()
        self._brakes = Brakes(
            control=control, clock=clock, tally=self.tally, proved=proved, most_refused=most_refused
        )
        self._calls = Calls(
            handover=handover,
            brakes=self._brakes,
            pace=pace,
            clock=clock,
            timing=timing,
            tally=self.tally,
            alarm=alarm,
        )

    def send_chunk(
        self,
        ledger: Ledger,
        people: People,
        slices: Sequence[Sequence[Recipient]],
        *,
        until_proved: bool = False,
        tell: Callable[[bytes], None] = lambda _: None,
    ) -> tuple[ChunkResult, Stop | None]:
        """Bring every slice as far as it goes now. A Stop comes back beside the result, which stands all the same.

        `until_proved` stops after the first slice of which the carrier accepts anything; `tell` is given the vector
        so far every few seconds, between two slices or while one waits for its pace.
        """
        claims = ledger.claims()
        progress = Progress(self._clock, lambda: _vector(slices, claims), tell)
        wakes: list[int] = []
        stop: Stop | None = None
        for number, recipients in enumerate(slices):
            claim = claims.get(number)
            if stop is None and until_proved and self._brakes.proved:
                stop = Stop(FIRST_SLICE, self._clock.now())
                wakes.append(self._clock.now())
            if stop:
                break
            progress.look()
            try:
                standing, wake = self._attempt(ledger, people, number, recipients, claim, progress)
                if standing:
                    claims[number] = standing
            except Stop as reason:
                stop = reason
                claims = ledger.claims()
                wake = reason.wake
            if wake is not None:
                wakes.append(wake)
        vector = _vector(slices, claims)
        done = all(byte & 0x0F >= SETTLED for byte in vector)
        return ChunkResult(vector, done, min(wakes, default=None)), stop

    def _attempt(
        self,
        ledger: Ledger,
        people: People,
        number: int,
        recipients: Sequence[Recipient],
        before: Claim | None,
        progress: Progress,
    ) -> tuple[Claim | None, int | None]:
        """One attempt at one slice: the claim as it now stands, and when to try again if it isn't done."""
        now = self._clock.now()
        if before and ((before.owner and before.lease > now) or before.not_before > now):
            return before, max(before.lease if before.owner else 0, before.not_before)
        ready = self._ready(recipients, before)
        if not ready:
            return before, None  # untouched until somebody's hours open
        self._wait_for_pace(sum(r.message.segments for r in ready), progress)
        self._check()
        now = self._clock.now()
        claim = Claim(
            owner=self._owner,
            attempt=before.attempt + 1 if before else 1,
            claimed_at=now,
            lease=now + self._timing.lease,
            vector=before.vector if before else bytes(len(recipients)),
            doubt_since=before.doubt_since if before else 0,
            calling=before.calling if before else False,
        )
        if not ledger.take(number, claim, before):
            return before, now + self._timing.lease  # somebody else was faster
        slot = Slot(recipients, people, bytearray(claim.vector), claim.doubt_since)
        return self._work(ledger, number, slot, claim, before)

    def _work(
        self, ledger: Ledger, number: int, slot: Slot, claim: Claim, before: Claim | None
    ) -> tuple[Claim, int | None]:
        """From a fresh claim to its record."""
        if before:
            slot.learn(slot.people.seen(slot.open()), died=before.calling, when=before.claimed_at)
        not_before = self._calls.resolve_doubts(slot)
        if not_before is None:
            self._suppress(slot)
            not_before, held = self._hand_over(ledger, number, slot, claim)
            if not held:
                return claim, self._clock.now() + self._timing.lease
        record = replace(
            claim,
            owner="",
            vector=bytes(slot.vector),
            doubt_since=slot.doubt_since,
            not_before=not_before or 0,
            calling=False,
        )
        recorded = ledger.record(number, record, claim)
        if slot.stop:
            raise slot.stop
        if not recorded:
            return claim, self._clock.now() + self._timing.lease
        idle = not (not_before or self._ready(slot.recipients, record))
        return record, None if idle else max(record.not_before, self._clock.now())

    def _ready(self, recipients: Sequence[Recipient], claim: Claim | None) -> Sequence[Recipient]:
        """Those of a slice that are not settled and don't wait for hours of their own; whoever waits in vain is."""
        vector = claim.vector if claim else bytes(len(recipients))
        left = [r for r, byte in zip(recipients, vector, strict=True) if byte & 0x0F < SETTLED]
        waits = self._control.waits([r.message.mobile for r in left])
        return [r for r in left if waits.get(r.message.mobile, NEVER) == NEVER]

    def _suppress(self, slot: Slot) -> None:
        """Leave out who may not be messaged, as of now, or never in the sending hours; who may already have been
        handed over becomes uncertain.
        """
        open_now = slot.open()
        mobiles = [r.message.mobile for r in open_now]
        never = [mobile for mobile, opening in self._control.waits(mobiles).items() if opening == NEVER]
        reasons = {**dict.fromkeys(never, Reason.NO_COMMON_HOURS), **slot.people.standings(mobiles)}
        for recipient in open_now:
            reason = reasons.get(recipient.message.mobile, Reason.NONE)
            if reason is Reason.NONE:
                continue
            if slot.byte(recipient) == DOUBT:
                slot.settle([recipient], Status.UNCERTAIN)
            else:
                slot.suppress(recipient, reason)
                self.tally.suppressed += 1

    def _hand_over(self, ledger: Ledger, number: int, slot: Slot, claim: Claim) -> tuple[int | None, bool]:
        """Write facts, call once, classify: a time (ms) before which there is nothing more to do, and whether the
        slice is still ours.
        """
        facts = [Fact(r, Status.SUPPRESSED, reason) for r, reason in slot.newly_suppressed]
        waits = self._control.waits([r.message.mobile for r in slot.open()])
        going = [r for r in slot.open() if r.message.mobile not in waits]
        # who isn't in doubt was never handed over: what an earlier attempt wrote is too early
        facts += [Fact(r, Status.SUBMITTED) for r in going if slot.byte(r) != DOUBT]
        slot.people.write(facts)
        if not going:
            return None, True
        if not claim.calling and not ledger.record(number, replace(claim, calling=True), claim):
            return None, False
        turned = self._control.waits([r.message.mobile for r in going])
        if not self._control.go():
            slot.stop = Stop("control")
            return None, True
        now = self._clock.now()
        if turned or now + self._timing.call + self._timing.skew > claim.lease:
            return now, True  # our own reads and writes took too long: released, nothing was handed over
        return self._calls.make(slot, going), True

    def _wait_for_pace(self, segments: int, progress: Progress) -> None:
        """Wait for the slice's share of the rate, looking at control and progress every second."""
        latest, taken = self._deadline - self._timing.lease, False
        if self._patience is not None:
            latest = min(latest, self._clock.now() + self._patience)
        while not taken:
            until, taken = self._pace.reserve(segments)
            while (now := self._clock.now()) < until:
                if until > latest:
                    raise Stop("pace", until)
                if not self._control.go():
                    raise Stop("control")
                progress.look()
                self._clock.sleep(min(1000, until - now))

    def _check(self) -> None:
        if not self._control.go():
            raise Stop("control")
        if self._clock.now() + self._timing.lease > self._deadline:
            raise Stop("out of time", self._clock.now())


def _vector(slices: Sequence[Sequence[Recipient]], claims: Mapping[int, Claim]) -> bytes:
    """What the claims say of everybody in a chunk."""
    return b"".join(
        claims[number].vector if number in claims else bytes(len(recipients))
        for number, recipients in enumerate(slices)
    )

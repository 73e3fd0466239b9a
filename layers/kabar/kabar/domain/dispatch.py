"""The send protocol: from a frozen chunk to carrier calls, exact whatever dies in between.

A slice is one carrier call, its recipients frozen in the plan. Per slice: claim, standing, facts, call, record; every
write is conditional or repeatable, so that any step may be the last one and the next attempt knows what it may do:

- an attempt writes all its facts before its call, so where an open position lacks a `submitted` fact, it made none;
- what may have been handed over is *in doubt* (byte SUBMITTED in the claim) and goes on by the carrier's promise;
- what is settled is settled by rank (`statuses.merge`), so late records and receipts only add.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kabar.domain.handover import (
    AnswerLost,
    CarrierError,
    Handover,
    Outcome,
    Promise,
    RecipientsRefused,
    Refused,
    Result,
    Throttled,
    Unreachable,
)
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
    Seen,
    Slot,
    Stop,
    Timing,
)
from kabar.domain.statuses import Reason, Status

MAX_BACKOFF = 300_000  # ms between tries of a carrier that can't be reached
BREAKER = 3  # calls without any result in a row after which a lane stops trying
UNASKED = 48 * 3_600_000  # ms after which a message that nobody could be asked about is uncertain


@dataclass(slots=True)
class Tally:
    """What a lane did, for its log line."""

    calls: int = 0
    accepted: int = 0
    suppressed: int = 0
    rejected: int = 0
    doubts: int = 0
    alarms: int = 0


@dataclass(frozen=True)
class ChunkResult:
    """A chunk after a pass: its vector as far as this lane knows, and the earliest moment (ms) of further work."""

    vector: bytes
    done: bool
    wake: int | None


class Sender:
    """Sends chunks of one campaign in one lane. `owner` is unique to this invocation."""

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
    ) -> None:
        self._owner = owner
        self._handover = handover
        self._control = control
        self._pace = pace
        self._clock = clock
        self._timing = timing
        self._deadline = deadline
        self._alarm = alarm
        self._fruitless = 0
        self.tally = Tally()

    def send_chunk(
        self, ledger: Ledger, people: People, slices: Sequence[Sequence[Recipient]]
    ) -> tuple[ChunkResult, Stop | None]:
        """Bring every slice as far as it goes now. A Stop comes back beside the result, which stands all the same."""
        claims = ledger.claims()
        wakes: list[int] = []
        stop: Stop | None = None
        for number, recipients in enumerate(slices):
            claim = claims.get(number)
            if claim and claim.done:
                continue
            if stop:
                break
            try:
                standing, wake = self._attempt(ledger, people, number, recipients, claim)
                if standing:
                    claims[number] = standing
            except Stop as reason:
                stop = reason
                claims = ledger.claims()
                wake = reason.wake
            if wake is not None:
                wakes.append(wake)
        vector = b"".join(
            claims[number].vector if number in claims else bytes(len(recipients))
            for number, recipients in enumerate(slices)
        )
        done = all(byte & 0x0F >= SETTLED for byte in vector)
        return ChunkResult(vector, done, min(wakes, default=None)), stop

    def _attempt(
        self,
        ledger: Ledger,
        people: People,
        number: int,
        recipients: Sequence[Recipient],
        before: Claim | None,
    ) -> tuple[Claim | None, int | None]:
        """One attempt at one slice: the claim as it now stands, and when to try again if it isn't done."""
        now = self._clock.now()
        if before and ((before.owner and before.lease > now) or before.not_before > now):
            return before, max(before.lease if before.owner else 0, before.not_before)
        self._wait_for_pace(sum(r.message.segments for r in recipients))
        self._check()
        now = self._clock.now()
        claim = Claim(
            owner=self._owner,
            attempt=before.attempt + 1 if before else 1,
            claimed_at=now,
            lease=now + self._timing.lease,
            vector=before.vector if before else bytes(len(recipients)),
            doubt_since=before.doubt_since if before else 0,
        )
        if not ledger.take(number, claim, before):
            return before, now + self._timing.lease  # somebody else was faster
        slot = Slot(recipients, people, bytearray(claim.vector), claim.doubt_since)
        return self._work(ledger, number, slot, claim, before)

    def _work(
        self, ledger: Ledger, number: int, slot: Slot, claim: Claim, before: Claim | None
    ) -> tuple[Claim, int | None]:
        """From a fresh claim to its record."""
        seen: Mapping[int, Seen] = {}
        if before:
            seen = slot.people.seen(slot.open())
            slot.learn(seen, died=bool(before.owner), when=before.claimed_at)
        not_before = self._resolve_doubts(slot)
        if not_before is None:
            self._suppress(slot)
            not_before = self._hand_over(slot, claim, seen)
        record = replace(
            claim,
            owner="",
            vector=bytes(slot.vector),
            doubt_since=slot.doubt_since,
            not_before=not_before or 0,
        )
        recorded = ledger.record(number, record, claim)
        if slot.stop:
            raise slot.stop
        if not recorded:
            return claim, self._clock.now() + self._timing.lease
        return record, None if record.done else max(record.not_before, self._clock.now())

    def _resolve_doubts(self, slot: Slot) -> int | None:
        """Settle what may have been handed over, by the carrier's promise; a time (ms) when that must wait."""
        doubts = slot.doubts()
        if not doubts:
            return None
        now, promise = self._clock.now(), self._handover.promise
        age = now - slot.doubt_since
        if not promise.resends:
            slot.settle(doubts, Status.UNCERTAIN)
            return None
        if promise is Promise.ASKABLE:
            if age < self._timing.ask_after:
                return slot.doubt_since + self._timing.ask_after
            try:
                known = self._handover.ask([r.message.id for r in doubts], seconds=self._timing.call / 1000)
            except Refused as error:
                return self._refused(slot, error)
            except CarrierError as error:
                if age >= UNASKED:
                    slot.settle(doubts, Status.UNCERTAIN)
                    return None
                return self._no_result(slot, now + max(self._timing.ask_after, _retry_after(error)))
            self._apply(slot, doubts, known, doubted=True)
        if age >= self._timing.give_up:
            slot.settle(slot.doubts(), Status.UNCERTAIN)
        return None

    def _suppress(self, slot: Slot) -> None:
        """Leave out who may not be messaged, as of now; who may already have been handed over becomes uncertain."""
        open_now = slot.open()
        if not open_now:
            return
        standings = slot.people.standings([r.message.mobile for r in open_now])
        for recipient in open_now:
            reason = standings.get(recipient.message.mobile, Reason.NONE)
            if reason is Reason.NONE:
                continue
            if slot.byte(recipient) == DOUBT:
                slot.settle([recipient], Status.UNCERTAIN)
            else:
                slot.suppress(recipient, reason)
                self.tally.suppressed += 1

    def _hand_over(self, slot: Slot, claim: Claim, seen: Mapping[int, Seen]) -> int | None:
        """Write facts, call once, classify; a time (ms) before which there is nothing more to do."""
        facts = [Fact(r, Status.SUPPRESSED, reason) for r, reason in slot.newly_suppressed]
        going = slot.open()
        facts += [
            Fact(r, Status.SUBMITTED)
            for r in going
            if not (r.position in seen and seen[r.position].submitted)
        ]
        slot.people.write(facts)
        if not going:
            return None
        if not self._control.go():
            slot.stop = Stop("control")
            return None
        now = self._clock.now()
        if now + self._timing.call + self._timing.skew > claim.lease:
            return now  # our own reads and writes took too long: released, nothing was handed over
        return self._call(slot, going)

    def _call(self, slot: Slot, going: Sequence[Recipient]) -> int | None:
        started = self._clock.now()
        doubted = {r.message.id for r in going if slot.byte(r) == DOUBT}
        self.tally.calls += 1
        try:
            results = self._handover.send([r.message for r in going], seconds=self._timing.call / 1000)
        except Throttled as error:
            until = self._clock.now() + _retry_after(error)
            self._pace.hold(until)
            return self._no_result(slot, until)
        except Unreachable:
            return self._no_result(slot, self._clock.now())
        except RecipientsRefused as error:
            named = {message: Result(Outcome.REJECTED, code) for message, code in error.rejected.items()}
            self._apply(slot, [r for r in going if r.message.id not in doubted], named, doubted=False)
            return self._clock.now()
        except Refused as error:
            return self._refused(slot, error)
        except AnswerLost:
            wait = self._doubt(slot, going, started)
            until = self._no_result(slot, wait or self._clock.now())
            return wait and until
        self._fruitless = 0
        again = [r for r in going if r.message.id in doubted]
        fresh = [r for r in going if r.message.id not in doubted]
        self._apply(slot, again, results, doubted=True)
        self._apply(slot, fresh, results, doubted=False)
        lost = [r for r in going if r.message.id not in results]
        return self._doubt(slot, lost, started)

    def _no_result(self, slot: Slot, until: int) -> int:
        """A call that brought nothing; several in a row stop the lane, so that no fresh slice meets the same."""
        self._fruitless += 1
        until = max(until, self._clock.now() + min(MAX_BACKOFF, 5_000 << self._fruitless))
        if self._fruitless >= BREAKER:
            slot.stop = Stop("the carrier gives no results", until)
        return until

    def _refused(self, slot: Slot, error: Refused) -> int:
        """The account can't be used: nobody is settled by that, people have to mend it."""
        self._control.pause(str(error))
        slot.stop = Stop("refused")
        return self._clock.now()

    def _doubt(self, slot: Slot, lost: Sequence[Recipient], since: int) -> int | None:
        """No word on these: they may have been handed over."""
        if not lost:
            return None
        if not self._handover.promise.resends:
            slot.settle(lost, Status.UNCERTAIN)
            return None
        self.tally.doubts += len(lost)
        slot.doubt(lost, since)
        return self._clock.now() + self._timing.ask_after

    def _apply(
        self, slot: Slot, recipients: Sequence[Recipient], results: Mapping[str, Result], *, doubted: bool
    ) -> None:
        """Settle by the carrier's word. A duplicate id means accepted only for what was in doubt [F82]."""
        rejected = []
        for recipient in recipients:
            result = results.get(recipient.message.id)
            if result is None:
                continue
            if result.outcome is Outcome.REJECTED:
                rejected.append(Fact(recipient, Status.REJECTED, code=result.code))
                slot.settle([recipient], Status.REJECTED)
                self.tally.rejected += 1
            elif result.outcome is Outcome.DUPLICATE and not doubted:
                slot.settle([recipient], Status.UNCERTAIN)
                self.tally.alarms += 1
                self._alarm(f"the carrier knew message {recipient.message.id} before its first hand-over")
            else:
                slot.settle([recipient], Status.SENT)
                self.tally.accepted += 1
        if rejected:
            slot.people.write(rejected)

    def _wait_for_pace(self, segments: int) -> None:
        """Wait for the slice's share of the rate, looking at the control every second."""
        until = self._pace.reserve(segments)
        while (now := self._clock.now()) < until:
            if until > self._deadline - self._timing.lease:
                raise Stop("pace", until)
            if not self._control.go():
                raise Stop("control")
            self._clock.sleep(min(1000, until - now))

    def _check(self) -> None:
        if not self._control.go():
            raise Stop("control")
        if self._clock.now() + self._timing.lease > self._deadline:
            raise Stop("out of time", self._clock.now())


def _retry_after(error: CarrierError) -> int:
    return int(error.retry_after * 1000) if isinstance(error, Throttled) else 0

"""The send protocol: from a frozen chunk to carrier calls, exact whatever dies in between.

A slice is one carrier call, its recipients frozen in the plan. Per slice: claim, standing, facts, call, record; every
write is conditional or repeatable, so that any step may be the last one and the next attempt knows what it may do:

- an attempt notes on its claim that it is about to call, and only while the claim is its own; taking a claim over
  is conditional on that note. So of two owners, which clocks that differ can make, none calls unknown to the other;
- what may have been handed over is *in doubt* (byte SUBMITTED in the claim) and goes on by the carrier's promise;
- what is settled is settled by rank (`statuses.merge`), so late records and receipts only add.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from kabar.domain.handover import (
    AnswerLost,
    CarrierError,
    Divided,
    Handover,
    NotSent,
    Outcome,
    Promise,
    RecipientsRefused,
    Refused,
    Result,
    Throttled,
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
FIRST_SLICE = "first slice sent"
SAMPLE = 100  # messages with a result before a rate of refusals says anything
SILENT = (
    "the carrier gave no answer to several calls in a row. It can't be asked what became of them, so those "
    "recipients are uncertain and not sent to again: find out what is wrong there, then resume"
)
NOT_SENT = Result(Outcome.NOT_SENT)
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

    def add(self, other: "Tally") -> None:
        """Sum with the tally of a lane that ran beside."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


@dataclass(frozen=True)
class ChunkResult:
    """A chunk after a pass: its vector as far as this lane knows, and the earliest moment (ms) of further work."""

    vector: bytes
    done: bool
    wake: int | None


class Sender:
    """Sends chunks of one campaign in one lane. `owner` is unique to this invocation.

    While nothing of the campaign was accepted (not `proved`), one call that brings nothing stops it: its first slice
    goes alone. It stops too once the carrier refuses more than the share `most_refused` of what it was handed.
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
        self._proved = proved
        self._most_refused = most_refused
        self.tally = Tally()

    @property
    def proved(self) -> bool:
        """Whether the carrier has accepted anything of this campaign."""
        return self._proved or self.tally.accepted > 0

    def send_chunk(
        self,
        ledger: Ledger,
        people: People,
        slices: Sequence[Sequence[Recipient]],
        *,
        until_proved: bool = False,
    ) -> tuple[ChunkResult, Stop | None]:
        """Bring every slice as far as it goes now. A Stop comes back beside the result, which stands all the same.

        `until_proved` stops after the first slice of which the carrier accepts anything.
        """
        claims = ledger.claims()
        wakes: list[int] = []
        stop: Stop | None = None
        for number, recipients in enumerate(slices):
            claim = claims.get(number)
            if claim and claim.done:
                continue
            if stop is None and until_proved and self.proved:
                stop = Stop(FIRST_SLICE, self._clock.now())
                wakes.append(self._clock.now())
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
            calling=before.may_have_called if before else False,
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
            slot.learn(seen, died=before.may_have_called, when=before.claimed_at)
        not_before = self._resolve_doubts(slot)
        if not_before is None:
            self._suppress(slot)
            not_before, held = self._hand_over(ledger, number, slot, claim, seen)
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

    def _hand_over(
        self, ledger: Ledger, number: int, slot: Slot, claim: Claim, seen: Mapping[int, Seen]
    ) -> tuple[int | None, bool]:
        """Write facts, call once, classify: a time (ms) before which there is nothing more to do, and whether the
        slice is still ours.
        """
        facts = [Fact(r, Status.SUPPRESSED, reason) for r, reason in slot.newly_suppressed]
        going = slot.open()
        facts += [
            Fact(r, Status.SUBMITTED)
            for r in going
            if not (r.position in seen and seen[r.position].submitted)
        ]
        slot.people.write(facts)
        if not going:
            return None, True
        if not claim.calling and not ledger.record(number, replace(claim, calling=True), claim):
            return None, False
        if not self._control.go():
            slot.stop = Stop("control")
            return None, True
        now = self._clock.now()
        if now + self._timing.call + self._timing.skew > claim.lease:
            return now, True  # our own reads and writes took too long: released, nothing was handed over
        return self._call(slot, going), True

    def _call(self, slot: Slot, going: Sequence[Recipient]) -> int | None:
        """One call, and what it says of everybody; a time (ms) before which there is nothing more to do."""
        started = self._clock.now()
        self.tally.calls += 1
        doubted = [r for r in going if slot.byte(r) == DOUBT]
        fresh = [r for r in going if slot.byte(r) != DOUBT]
        results: Mapping[str, Result] = {}
        error: CarrierError | None = None
        try:
            results = self._handover.send([r.message for r in going], seconds=self._timing.call / 1000)
        except Divided as divided:
            results, error = divided.results, divided.error
        except RecipientsRefused as refusal:
            # this call's refusal says nothing of an earlier hand-over, and the next one would be refused for the same
            slot.settle([r for r in doubted if r.message.id in refusal.rejected], Status.UNCERTAIN)
            results = dict.fromkeys((r.message.id for r in going), NOT_SENT) | {
                r.message.id: Result(Outcome.REJECTED, refusal.rejected[r.message.id])
                for r in fresh
                if r.message.id in refusal.rejected
            }
        except NotSent as not_sent:
            results, error = dict.fromkeys((r.message.id for r in going), NOT_SENT), not_sent
        except AnswerLost as lost:
            error = lost
        self._apply(slot, doubted, results, doubted=True)
        self._apply(slot, fresh, results, doubted=False)
        wait = self._doubt(slot, [r for r in going if r.message.id not in results], started)
        if wait is None and NOT_SENT in results.values():
            wait = self._clock.now()
        fruitless = error is not None and all(result == NOT_SENT for result in results.values())
        self._fruitless = self._fruitless if fruitless else 0
        if error is not None:
            wait = self._after(slot, error, wait, fruitless=fruitless)
        self._watch(slot)
        return wait

    def _after(self, slot: Slot, error: CarrierError, wait: int | None, *, fruitless: bool) -> int | None:
        """What an error means for the calls to come; a time (ms) before which this slice doesn't go on."""
        if isinstance(error, Refused):
            return self._refused(slot, error)
        if isinstance(error, Throttled):
            held = self._clock.now() + _retry_after(error)
            self._pace.hold(held)
            wait = max(wait or 0, held)
        if not fruitless:
            return wait
        lost_for_good = isinstance(error, AnswerLost) and not self._handover.promise.resends
        until = self._no_result(slot, wait or self._clock.now(), lost_for_good=lost_for_good)
        return until if wait else None

    def _no_result(self, slot: Slot, until: int, *, lost_for_good: bool = False) -> int:
        """A call that brought nothing; several in a row stop the lane, so that no fresh slice meets the same."""
        self._fruitless += 1
        until = max(until, self._clock.now() + min(MAX_BACKOFF, 5_000 << self._fruitless))
        if self._fruitless >= (BREAKER if self.proved else 1):
            slot.stop = Stop("the carrier gives no results", until)
            if lost_for_good:
                self._control.pause(SILENT)
        return until

    def _watch(self, slot: Slot) -> None:
        """Pause when the carrier refuses too many: a wrong sender or a wrong list should not go on."""
        known = self.tally.accepted + self.tally.rejected
        if known >= SAMPLE and self.tally.rejected > self._most_refused * known:
            share = 100 * self.tally.rejected // known
            self._control.pause(f"the carrier refused {share} % of the last {known} messages")
            slot.stop = Stop("too many refused")

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
            if result in (None, NOT_SENT):
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

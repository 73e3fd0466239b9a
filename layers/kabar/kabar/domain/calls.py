"""One carrier call, and what its answer says of everybody in the slice; asking about what got no answer."""

from collections.abc import Callable, Mapping, Sequence

from kabar.domain.brakes import Brakes
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
from kabar.domain.slices import DOUBT, Clock, Fact, Pace, Recipient, Slot, Tally, Timing
from kabar.domain.statuses import Status

NOT_SENT = Result(Outcome.NOT_SENT)
UNASKED = 48 * 3_600_000  # ms after which a message that nobody could be asked about is uncertain


class Calls:
    """Those of one lane to its carrier."""

    def __init__(
        self,
        *,
        handover: Handover,
        brakes: Brakes,
        pace: Pace,
        clock: Clock,
        timing: Timing,
        tally: Tally,
        alarm: Callable[[str], None],
    ) -> None:
        self._handover = handover
        self._brakes = brakes
        self._pace = pace
        self._clock = clock
        self._timing = timing
        self._tally = tally
        self._alarm = alarm

    def resolve_doubts(self, slot: Slot) -> int | None:
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
                return self._brakes.refused(slot, error)
            except CarrierError as error:
                if age >= UNASKED:
                    slot.settle(doubts, Status.UNCERTAIN)
                    return None
                return self._brakes.no_result(slot, now + max(self._timing.ask_after, _retry_after(error)))
            self._apply(slot, doubts, known, doubted=True)
        if age >= self._timing.give_up:
            slot.settle(slot.doubts(), Status.UNCERTAIN)
        return None

    def make(self, slot: Slot, going: Sequence[Recipient]) -> int | None:
        """One call, and what it says of everybody; a time (ms) before which there is nothing more to do."""
        started = self._clock.now()
        self._tally.calls += 1
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
        if not fruitless:
            self._brakes.brought()
        wait = self._after(slot, error, wait, fruitless=fruitless)
        self._brakes.watch(slot)
        return wait

    def _after(
        self, slot: Slot, error: CarrierError | None, wait: int | None, *, fruitless: bool
    ) -> int | None:
        """What an error means for the calls to come; a time (ms) before which this slice doesn't go on."""
        if isinstance(error, Refused):
            return self._brakes.refused(slot, error)
        if isinstance(error, Throttled):
            held = self._clock.now() + _retry_after(error)
            self._pace.hold(held)
            wait = max(wait or 0, held)
        if not fruitless:
            return wait
        lost_for_good = isinstance(error, AnswerLost) and not self._handover.promise.resends
        until = self._brakes.no_result(slot, wait or self._clock.now(), lost_for_good=lost_for_good)
        return until if wait else None

    def _doubt(self, slot: Slot, lost: Sequence[Recipient], since: int) -> int | None:
        """No word on these: they may have been handed over."""
        if not lost:
            return None
        if not self._handover.promise.resends:
            slot.settle(lost, Status.UNCERTAIN)
            return None
        self._tally.doubts += len(lost)
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
                self._tally.rejected += 1
            elif result.outcome is Outcome.DUPLICATE and not doubted:
                slot.settle([recipient], Status.UNCERTAIN)
                self._tally.alarms += 1
                self._alarm(f"the carrier knew message {recipient.message.id} before its first hand-over")
            else:
                slot.settle([recipient], Status.SENT)
                self._tally.accepted += 1
        slot.people.write(rejected)


def _retry_after(error: CarrierError) -> int:
    return int(error.retry_after * 1000) if isinstance(error, Throttled) else 0

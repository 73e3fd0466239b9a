"""All that a sender talks to, in memory and in order; a test says what is there, and looks at what was done."""

from collections.abc import Callable, Mapping, Sequence

from kabar.domain.dispatch import ChunkResult, Sender
from kabar.domain.handover import CarrierError, Outcome, Promise, Result
from kabar.domain.messages import Message
from kabar.domain.slices import Claim, Fact, Place, Recipient, Seen, Stop, Timing
from kabar.domain.statuses import Reason, Status, status_of

NOW = 1_800_000_000_000
TIMING = Timing.of(60, 30, 6 * 3600)
ACCEPTED, REJECTED = Result(Outcome.ACCEPTED), Result(Outcome.REJECTED, "6")
DEAD = Claim(
    owner="dead", attempt=3, claimed_at=NOW - 90_000, lease=NOW - 30_000, vector=bytes(2), calling=True
)


def slices_of(*sizes: int) -> list[list[Recipient]]:
    recipients = [
        Recipient(position, Message(f"x-{position}", f"+64{position}", "Merhaba", 1))
        for position in range(sum(sizes))
    ]
    return [recipients[sum(sizes[:n]) : sum(sizes[: n + 1])] for n in range(len(sizes))]


class Ports:
    """All that a sender talks to; `log` is what it did, `meanwhile` happens once, at the step of that name."""

    def __init__(self, promise: Promise = Promise.DEDUPES) -> None:
        self.promise = promise
        self.time = NOW
        self.log: list[str] = []
        self.stored: dict[int, Claim] = {}
        self.facts: set[tuple[int, Status]] = set()
        self.suppressed: dict[int, Reason] = {}
        self.leaving: dict[str, Reason] = {}
        self.waiting: dict[str, int] = {}
        self.places: list[Place] = []
        self.running = True
        self.paused: list[str] = []
        self.answers: list[Mapping[str, Result] | CarrierError] = []
        self.told: Mapping[str, Result] | CarrierError = {}
        self.meanwhile: dict[str, Callable[[], None]] = {}
        self.step_takes = 0
        self.progress: list[tuple[int, list[str]]] = []

    def _step(self, what: str) -> None:
        self.log.append(what)
        self.time += self.step_takes
        self.meanwhile.pop(what, lambda: None)()

    def claims(self) -> dict[int, Claim]:
        return dict(self.stored)

    def take(self, number: int, claim: Claim, over: Claim | None) -> bool:
        self._step(f"take {number}")
        return self._write(number, claim, over)

    def record(self, number: int, claim: Claim, held: Claim) -> bool:
        self._step("note" if claim.calling else f"record {number}")
        return self._write(number, claim, held)

    def _write(self, number: int, claim: Claim, over: Claim | None) -> bool:
        stored = self.stored.get(number)
        if (stored and (stored.owner, stored.attempt)) != (over and (over.owner, over.attempt)):
            return False
        self.stored[number] = claim
        return True

    def standings(self, mobiles: Sequence[str]) -> Mapping[str, Reason]:
        self._step("standings")
        return {mobile: self.leaving[mobile] for mobile in mobiles if mobile in self.leaving}

    def seen(self, recipients: Sequence[Recipient]) -> Mapping[int, Seen]:
        self._step("seen")
        return {r.position: self._seen(r.position) for r in recipients if self._known(r.position)}

    def _known(self, position: int) -> bool:
        return any(each == position for each, _ in self.facts)

    def _seen(self, position: int) -> Seen:
        return Seen(
            submitted=(position, Status.SUBMITTED) in self.facts,
            suppressed=self.suppressed.get(position, Reason.NONE),
            rejected=(position, Status.REJECTED) in self.facts,
        )

    def write(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self._step(f"{fact.status.word} {fact.recipient.position}")
            self.facts.add((fact.recipient.position, fact.status))
            if fact.reason:
                self.suppressed[fact.recipient.position] = fact.reason

    def go(self) -> bool:
        return self.running

    def waits(self, mobiles: Sequence[str]) -> dict[str, int]:
        return {mobile: self.waiting[mobile] for mobile in mobiles if mobile in self.waiting}

    def pause(self, reason: str) -> None:
        self.paused.append(reason)

    def reserve(self, segments: int) -> Place:
        self.log.append(f"{segments} segments")
        return self.places.pop(0) if self.places else Place(self.time, taken=True)

    def hold(self, until: int) -> None:
        self.log.append(f"hold {until - NOW}")

    def now(self) -> int:
        return self.time

    def sleep(self, milliseconds: int) -> None:
        self.time += milliseconds
        self._step(f"sleep {milliseconds}")

    def send(self, messages: Sequence[Message], *, seconds: float) -> Mapping[str, Result]:
        assert seconds == TIMING.call / 1000
        self._step("call " + " ".join(message.id for message in messages))
        answer = self.answers.pop(0) if self.answers else {message.id: ACCEPTED for message in messages}
        if isinstance(answer, CarrierError):
            raise answer
        return answer

    def ask(self, ids: Sequence[str], *, seconds: float) -> Mapping[str, Result]:
        assert seconds == TIMING.call / 1000
        self._step("ask " + " ".join(ids))
        if isinstance(self.told, CarrierError):
            raise self.told
        return self.told

    # ---- what a test asks for ----

    def send_chunk(
        self,
        *sizes: int,
        until_proved: bool = False,
        proved: bool = True,
        most_refused: float = 1.0,
        deadline: int = NOW + 900_000,
        patience: int | None = None,
    ) -> tuple[ChunkResult, Stop | None]:
        sender = Sender(
            owner="me",
            handover=self,
            control=self,
            pace=self,
            clock=self,
            timing=TIMING,
            deadline=deadline,
            alarm=self.log.append,
            proved=proved,
            most_refused=most_refused,
            patience=patience,
        )
        slices = slices_of(*sizes)
        return sender.send_chunk(self, self, slices, until_proved=until_proved, tell=self._tell)

    def _tell(self, vector: bytes) -> None:
        self.progress.append((self.time - NOW, [status_of(byte).word for byte in vector]))

    def stop_now(self) -> None:
        self.running = False


def statuses(result: ChunkResult) -> list[str]:
    return [status_of(byte).word for byte in result.vector]


def why(stop: Stop | None) -> str | None:
    return stop.why if stop else None

"""What was parked, one endpoint at a time: the task of `retry_callbacks` [J5].

A turn probes a dead endpoint, or works off what is due, oldest first and at a bounded rate, and says when the next
one makes sense. Time is that of the turn: the wall's, or the moment until which the execution has waited, if that is
later; so a wait that the local engine shortens counts as over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar.delivery.desk import Desk, Streak, side_by_side
from kabar.domain import callbacks
from kabar.domain.callbacks import HOUR, SECOND, Outcome, Verdict
from kabar.storage.callbacks import Parked
from kabar.storage.dynamo import Item

PER_SECOND = 50  # callbacks to one endpoint while it catches up
TOGETHER = 8
FAILURES = 5  # in a row, after which an endpoint is dead again
PROBES = 3  # different callbacks that fail before an endpoint counts as dead: one of them may be poisonous
SUSPECTS = 60  # callbacks that probes remember as failed while it is dead
PAGE = 200
WORK_SECONDS = 480  # of one turn
SHORTEST_SLEEP = 10 * SECOND  # so that what fails alone here and there is tried together
TURNS = 1_000  # of one execution, far below its 25,000 events
REPLAYED_TOGETHER = 500

Answer = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """What the execution hands from turn to turn: {workspace, kind, endpoint, run, turn, until}."""

    workspace: str
    kind: str
    endpoint: int
    run: int
    turn: int = 0
    until: int = 0

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Turn":
        return cls(**{name: event[name] for name in cls.__dataclass_fields__ if name in event})

    def answer(self, outcome: str, until: int, seconds: int = 0) -> Answer:
        return {
            "workspace": self.workspace,
            "kind": self.kind,
            "endpoint": self.endpoint,
            "run": self.run,
            "turn": self.turn + 1,
            "until": until,
            "outcome": outcome,
            "seconds": seconds,
        }


class Retry:
    """One turn for one endpoint."""

    def __init__(self, desk: Desk, turn: Turn, endpoint: Item) -> None:
        self._desk = desk
        self._book = desk.book
        self._turn = turn
        self._endpoint = endpoint
        self._id = turn.endpoint
        self._dead = 0
        self.delivered = 0

    def now(self) -> int:
        return max(self._desk.clock(), self._turn.until)

    def take(self) -> Answer:
        """The turn: `done`, `again`, or `wait` with so many seconds."""
        state = self._book.begin_turn(self._id, self._turn.run)
        if state is None:
            return self._turn.answer("done", self._turn.until)  # another execution is in charge
        answer = self._worked(state)
        if self._dead:
            self._desk.given_up(self._endpoint, self._dead)
        return self._renewed(answer)

    def _worked(self, state: Item) -> Answer:
        if "off" in state:
            return self._switched_off(state)
        held = state.get("not_before", 0) - self.now()
        if held > 0:
            self._bury_expired(f"the endpoint asked to wait ({state['last_error']['why']})")
            return self._sleep(min(held, HOUR))
        if "failing" in state:
            failed = self._probe(state)
            if failed is not None:
                return self._still_dead(state, failed)
        return self._recover()

    def _switched_off(self, state: Item) -> Answer:
        self._bury_expired("the endpoint is switched off")
        if self._book.oldest(self._id, 1):
            return self._sleep(HOUR)
        ended = self._book.end(self._id, self._turn.run, state.get("version", 0))
        return self._turn.answer("done" if ended else "again", self._turn.until)

    def _probe(self, state: Item) -> Outcome | None:
        """Try up to three callbacks, each once an outage; None when the endpoint answers one of them."""
        suspects = set(state.get("suspects", ()))
        oldest = self._book.oldest(self._id, SUSPECTS + PROBES)
        fresh = [parked for parked in oldest if parked.callback.id not in suspects]
        if not fresh:
            suspects, fresh = set(), oldest
        worst: Outcome | None = None
        for parked in fresh[:PROBES]:
            outcome = self._desk.send(self._endpoint, parked.callback)
            if outcome.verdict is not Verdict.AGAIN:
                self._apply(parked, outcome, alone=True)
                self._book.in_charge(
                    self._id,
                    self._turn.run,
                    dict.fromkeys(("failing", "failures", "suspects", "not_before", "next_at")),
                )
                return None
            worst = outcome
            if outcome.ailing:
                break
            suspects.add(parked.callback.id)
        if worst:
            self._book.in_charge(self._id, self._turn.run, {"suspects": sorted(suspects)[:SUSPECTS]})
        return worst

    def _still_dead(self, state: Item, failed: Outcome) -> Answer:
        now, failures = self.now(), state.get("failures", 0) + 1
        pause = callbacks.wait(failures, self._desk.chance())
        if failed.not_before:
            pause = max(SECOND, failed.not_before - now)
        self._book.in_charge(
            self._id,
            self._turn.run,
            {
                "failures": failures,
                "next_at": now + pause,
                "not_before": failed.not_before,
                "last_error": {"at": self._desk.clock(), "why": failed.why},
            },
        )
        self._bury_expired(failed.why)
        return self._sleep(min(pause, HOUR))

    def _recover(self) -> Answer:
        """Work off what is due until the turn's time is up, the endpoint fails or nothing is due."""
        end = self._desk.monotonic() + WORK_SECONDS
        while self._desk.monotonic() < end:
            state = self._book.state(self._id)
            if state.get("run") != self._turn.run:
                return self._turn.answer("done", self._turn.until)
            if "off" in state:
                return self._switched_off(state)
            if not self._settings_are_there():
                return self._turn.answer("done", self._turn.until)
            if state.get("replays"):
                self._replay(state)
                continue
            due = self._book.oldest(self._id, PAGE, self.now())
            if not due:
                return self._caught_up(state)
            streak = self._page(due)
            if streak.failing and streak.worst:
                now = self.now()
                dead = {
                    "failing": now,
                    "detour": state.get("detour", now),
                    "suspects": None,
                    "failures": None,
                }
                self._book.in_charge(self._id, self._turn.run, dead)
                return self._still_dead({}, streak.worst)
        return self._turn.answer("again", self._turn.until)

    def _settings_are_there(self) -> bool:
        """Go on with the endpoint's settings as they are now; False when it was removed."""
        found = self._desk.endpoints.get(self._turn.workspace, self._turn.kind)
        if found is None or found["id"] != self._id:
            return False
        self._endpoint = found | {"workspace": self._turn.workspace}
        return True

    def _page(self, due: list[Parked]) -> Streak:
        streak = Streak(FAILURES)

        def attempt(parked: Parked) -> Outcome | None:
            if streak.stopped:
                return None
            outcome = self._desk.send(self._endpoint, parked.callback)
            streak.note(outcome)
            self._apply(parked, outcome, alone=not streak.failing)
            return outcome

        for _ in side_by_side(due, attempt, TOGETHER, Pace(self._desk, PER_SECOND)):
            pass
        streak.end()
        return streak

    def _apply(self, parked: Parked, outcome: Outcome, *, alone: bool) -> None:
        """Note what came of an attempt; `alone`: the endpoint isn't known to be at fault."""
        now = self.now()
        if outcome.verdict is Verdict.DELIVERED:
            self._book.delivered(parked)
            self.delivered += 1
        elif outcome.verdict is Verdict.DEAD:
            self._bury(parked, outcome.why)
        elif outcome.verdict is Verdict.GONE:
            self._desk.switch_off(self._endpoint, "the endpoint answered 410")
        elif now >= parked.until:
            self._bury(parked, f"tried for 120 hours; at last {outcome.why}")
        elif alone and not outcome.ailing:
            due = min(now + callbacks.wait(parked.attempts + 1, self._desk.chance()), parked.until)
            self._book.later(self._id, parked, due)

    def _caught_up(self, state: Item) -> Answer:
        """Nothing is due: end, or sleep until something is, unless more was parked meanwhile."""
        version = state.get("version", 0)
        earliest = self._book.oldest(self._id, 1)
        if earliest:
            return self._sleep(max(earliest[0].due - self.now(), SHORTEST_SLEEP), version)
        ended = self._book.end(self._id, self._turn.run, version)
        return self._turn.answer("done" if ended else "again", self._turn.until)

    def _bury_expired(self, why: str) -> None:
        """Give up what still isn't delivered after its 120 hours."""
        while expired := [p for p in self._book.oldest(self._id, PAGE) if p.until <= self.now()]:
            for parked in expired:
                self._bury(parked, f"not delivered in 120 hours: {why}")

    def _bury(self, parked: Parked, why: str) -> None:
        self._book.bury(self._id, parked, self.now(), why)
        self._dead += 1

    def _sleep(self, pause: int, version: int | None = None) -> Answer:
        until = self.now() + pause
        if not self._book.sleep(self._id, self._turn.run, until, version):
            return self._turn.answer("again", self._turn.until)
        return self._turn.answer("wait", until, -(-pause // SECOND))

    def _replay(self, state: Item) -> None:
        """Carry out the oldest instruction to replay, so many at a time."""
        wanted = state["replays"]
        first = wanted[0]
        found, following = self._book.dead(self._id, REPLAYED_TOGETHER, first["before"], since=first["since"])
        self._book.replay(self._id, found, first["at"])
        rest = [first | {"before": following}, *wanted[1:]] if following else wanted[1:]
        self._book.replayed(self._id, wanted, rest)

    def _renewed(self, answer: Answer) -> Answer:
        """An execution has room for so many turns; the next one begins where it ends."""
        if answer["outcome"] == "done" or answer["turn"] < TURNS:
            return answer
        self._desk.renew(self._endpoint, self._turn.run)
        return answer | {"outcome": "done"}


class Pace:
    """Lets through so many a second."""

    def __init__(self, desk: Desk, per_second: float) -> None:
        self._desk = desk
        self._gap = 1 / per_second
        self._next = desk.monotonic()

    def __call__(self) -> None:
        self._next = max(self._next + self._gap, self._desk.monotonic())
        self._desk.sleep(max(0.0, self._next - self._desk.monotonic()))

"""Delivering over in-memory tables, a customer that is a function, and a clock that only moves when somebody waits.

The state machine is read from statemachines/: its choices and waits are followed as they are written there.
"""

import heapq
import itertools
import json
import random
from collections.abc import Callable
from typing import Any

from kabar.delivery import first
from kabar.delivery.desk import Desk
from kabar.delivery.retry import Retry, Turn
from kabar.domain import callbacks
from kabar.domain.callbacks import Callback, Outcome, Verdict
from kabar.storage import keys
from kabar.storage.callback_settings import Endpoints
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Item, Table
from local import paths
from tests.functions.fake_dynamo import FakeDynamo

MACHINE = json.loads((paths.ROOT / "statemachines" / "retry_callbacks.asl.json").read_text())
START = 1_800_000_000_000
HOUR = 3_600_000
ENDPOINT = {"id": 7000, "workspace": "acme", "kind": "receipts", "url": "https://a.example/", "oauth": None}
Answers = Callable[[str, int], int | Outcome]
"""(webhook id, now) -> the status that the customer answers, or what comes of the call."""


def lost(*, ailing: bool = True) -> Outcome:
    """No connection; or, if not `ailing`, no answer."""
    return Outcome(Verdict.AGAIN, "no connection" if ailing else "no answer", ailing=ailing)


class Rig:
    """`calls` are (when, webhook id, delivered); `mails` how many were given up, `offs` when a mail said that it is
    off; `transitions` as AWS counts them.
    """

    def __init__(self, answers: Answers, seed: int = 1) -> None:
        self.now = START
        self.dynamo = FakeDynamo()
        self.dynamo.seed("workspaces", keys.callback_settings("acme", "receipts"), **ENDPOINT)
        self.book = Book(Table("callbacks", self.dynamo))
        self.answers = answers
        self.calls: list[tuple[int, str, bool]] = []
        self.urls: list[str] = []
        self.mails: list[int] = []
        self.offs: list[int] = []
        self.transitions = 0
        self.runs: list[dict[str, Any]] = []
        self.started = 0
        self.turns: list[dict[str, Any]] = []
        self._events: list[tuple[int, int, Callable[[], object]]] = []
        self._number = itertools.count()
        self.desk = Desk(
            book=self.book,
            endpoints=Endpoints(Table("workspaces", self.dynamo)),
            send=self._send,
            start=self._start,
            given_up=lambda _, many: self.mails.append(many),
            switched_off=lambda _: self.offs.append(self.now),
            clock=lambda: self.now,
            monotonic=lambda: self.now / 1000,
            sleep=lambda seconds: self.advance(self.now + round(1000 * seconds)),
            chance=random.Random(seed).random,  # noqa: S311  # seeded: runs must repeat
        )

    # ---- what happens

    def at(self, when: int, do: Callable[[], object]) -> None:
        """Let something happen at `when` (ms), while somebody waits or works."""
        heapq.heappush(self._events, (when, next(self._number), do))

    def advance(self, to: int) -> None:
        while self._events and self._events[0][0] <= to:
            when, _, do = heapq.heappop(self._events)
            self.now = max(self.now, when)
            do()
        self.now = max(self.now, to)

    def tell(self, *names: str, born: int | None = None) -> first.Done:
        """The queue brings callbacks with these ids."""
        told = [Callback(name, f'{{"MessageId": "{name}"}}', born or self.now) for name in names]
        return first.deliver(self.desk, ENDPOINT, told)

    def run(self, until: int | None = None) -> None:
        """Follow every execution to its end, or to the moment `until` (ms), each when its wait is over."""
        while self.runs or (until and self._events and self._events[0][0] <= until):
            run = min(self.runs, key=lambda each: int(each.get("wake", 0)), default=None)
            wake = int(run.get("wake", 0)) if run else until or 0
            if self._events and self._events[0][0] <= max(wake, self.now):
                self.advance(self._events[0][0])  # which may start another
                continue
            if until is not None and wake > until:
                break
            self.advance(wake)
            if run and self._follow(run):
                self.runs.remove(run)
        if until:
            self.advance(until)

    # ---- what came of it

    def delivered(self) -> list[str]:
        return [name for _, name, delivered in self.calls if delivered]

    def tried(self, name: str) -> list[int]:
        return [when for when, each, _ in self.calls if each == name]

    def dead(self) -> dict[str, str]:
        """Why, by webhook id."""
        items, _ = self.book.dead(ENDPOINT["id"], 100_000)  # type: ignore[arg-type]
        return {item["sk"].partition("#")[2]: item["why"] for item in items}

    def parked(self) -> list[str]:
        return [each.callback.id for each in self.book.oldest(7000, 100_000)]

    def state(self) -> dict[str, Any]:
        return self.book.state(7000)

    # ---- how

    def _send(self, endpoint: Item, callback: Callback) -> Outcome:
        self.urls.append(endpoint["url"])
        made = self.answers(callback.id, self.now)
        outcome = made if isinstance(made, Outcome) else callbacks.read(made, {}, self.now)
        self.calls.append((self.now, callback.id, outcome.verdict is Verdict.DELIVERED))
        return outcome

    def _start(self, endpoint: dict[str, Any], run: int) -> None:
        told = {"workspace": "acme", "kind": "receipts", "endpoint": endpoint["id"], "run": run}
        self.started += 1
        self.runs.append({"state": MACHINE["StartAt"], "input": told})

    def _follow(self, execution: dict[str, Any]) -> bool:
        """State after state; False when it waits."""
        while True:
            state = MACHINE["States"][execution["state"]]
            if state["Type"] == "Wait" and "wake" not in execution:
                execution["wake"] = self.now + 1000 * execution["input"][state["SecondsPath"][2:]]
                return False
            execution.pop("wake", None)
            self.transitions += 1
            if state["Type"] == "Succeed":
                return True
            if state["Type"] == "Task":
                execution["input"] = self._turn(execution["input"])
                execution["state"] = state["Next"]
            elif state["Type"] == "Choice":
                execution["state"] = next(
                    (
                        choice["Next"]
                        for choice in state["Choices"]
                        if execution["input"][choice["Variable"][2:]] == choice["StringEquals"]
                    ),
                    state["Default"],
                )
            else:
                execution["state"] = state["Next"]

    def _turn(self, told: dict[str, Any]) -> dict[str, Any]:
        answer = Retry(self.desk, Turn.of(told), dict(ENDPOINT)).take()
        self.turns.append(answer)
        assert len(json.dumps(answer)) < 1000
        return answer

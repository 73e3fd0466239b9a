"""Message requests of a run: API messages that people submit, and answers to opt-outs [F9] [I9]."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from kabar.domain.requests import Kind, NewRequest
from kabar.legs.outbox import Outbox
from kabar.storage import ids
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Table
from kabar.storage.queues import enqueue
from kabar.storage.requests import Requests
from tests.simulation.system.watch import Item

QUEUE = "MessagesQueue"
ANSWER = "Listeden çıktınız"  # what whoever opts out is told, in runs that answer
TEXT = "Kodunuz %%1%%"
REQUESTED = 0.2  # the share of runs with API messages
ANSWERED = 0.3  # the share with answers to opt-outs


@dataclass(frozen=True)
class Wanted:
    """What somebody submits at `at` (ms after the start)."""

    workspace: str
    mobiles: list[str]
    at: int


def any_requests(random: Random, workspaces: list[str], everybody: list[str]) -> list[Wanted]:
    """None, or one or two, to people of the lists and to others."""
    if random.random() >= REQUESTED:
        return []
    wanted = []
    for number in range(random.choice((1, 1, 2))):
        strangers = [f"+64219{number}{position:04d}" for position in range(random.randint(1, 6))]
        known = random.sample(everybody, random.choice((0, 1, 2)))
        at = random.choice((0, 1_000, 20_000, 90_000))
        wanted.append(Wanted(random.choice(workspaces), strangers + known, at))
    return wanted


@dataclass
class Submitting:
    """The people who submit, and what became of their requests. `cloud` is the run's."""

    cloud: Any
    wanted: list[Wanted]
    _ids: dict[int, int] = field(default_factory=dict)  # of requests, by their number here

    def begin(self) -> None:
        for number, wanted in enumerate(self.wanted):
            self.cloud.kernel.after(wanted.at, partial(self._submit, number, wanted))

    def _submit(self, number: int, wanted: Wanted) -> None:
        at, workspaces = self.cloud.kernel.now, Table("workspaces")
        first = ids.reserve(workspaces, len(wanted.mobiles) + 1)  # as the idempotency record fixes it
        self._ids[number] = first

        def job() -> None:
            outbox = Outbox(workspaces, Table("activity"), stored(), self._enqueue)
            recipients = [(mobile, ["1234"]) for mobile in wanted.mobiles]
            new = NewRequest(first, first + 1, Kind.API, recipients, TEXT, at, "person", "r")
            outbox.submit(wanted.workspace, new)

        self.cloud.person(wanted.workspace, job, again=1000)

    def _enqueue(self, workspace: str, request: int) -> None:
        enqueue(self.cloud.queues, QUEUE, [json.dumps({"workspace": workspace, "request": request})])

    # ---- in the end ----

    @property
    def going(self) -> bool:
        """Whether one was not stored yet, or isn't over."""
        watch = self.cloud.watch
        return (
            any(each not in watch.requests for each in self._of_people())
            or watch.requests.keys() > watch.over
        )

    def _of_people(self) -> list[int]:
        return [self._ids.get(number, 0) for number in range(len(self.wanted))]

    def missing(self) -> Iterator[str]:
        """Requests that never ended, though everything had the time to; answers that were given twice."""
        watch = self.cloud.watch
        for number in self._of_people():
            if number not in watch.requests:
                yield f"request {number} was never stored"
        for number in watch.requests.keys() - watch.over:
            yield f"request {number} never ended"
        answers = Counter(head["by"] for head in watch.requests.values() if head["kind"] == Kind.RESPONSE)
        yield from (f"{by} was answered {times} times" for by, times in answers.items() if times > 1)

    def every(self) -> Iterator[tuple[Item, list[str], bytes]]:
        """Each request with its recipients and its vector, in a form that campaigns have, too."""
        chunks = Chunks(Table("dispatch"))
        for head in self.cloud.watch.requests.values():
            alike = head | {"plan": {"first_id": head["first_id"]}, "status": "completed"}
            mobiles = [row.mobile for row in stored().rows(head)]
            yield alike, mobiles, chunks.read(head["id"], 0).vector


def stored() -> Requests:
    return Requests(Table("workspaces"), Table("dispatch"))

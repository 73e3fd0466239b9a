"""Message requests over tables, queue and scheduler in memory; the clock is the test's."""

from typing import Any

import pytest

from kabar.domain.requests import Kind, NewRequest
from kabar.domain.slices import Timing
from kabar.domain.statuses import Status, status_of
from kabar.legs import requests as running
from kabar.legs import send
from kabar.legs.messages import Outgoing, Outgoings
from kabar.legs.outbox import Outbox
from kabar.legs.requests import RequestTools, run_request
from kabar.storage import accounts, keys
from kabar.storage.accounts import Opened
from kabar.storage.dynamo import Item, Table
from kabar.storage.held import Held
from kabar.storage.openings import Openings
from kabar.storage.requests import Requests
from tests.functions.leg_rig import WORKSPACE, Rig

RUN = 120_000  # ms of one invocation
HOURS = {
    "enabled": True,
    "from": "08:00",
    "to": "11:00",
    "weekdays": ["monday", "tuesday", "wednesday", "thursday"],
    "restricted_dates": [],
    "covers": ["quick_campaigns", "api_messages"],
}
THURSDAY_9 = 1_795_672_800_000  # 2026-11-26T06:00Z, 09:00 in Istanbul
HOUR = 3_600_000
CLOSE = THURSDAY_9 + 2 * HOUR  # 11:00
MONDAY_8 = THURSDAY_9 + 4 * 24 * HOUR - HOUR


class RequestRig:
    """`queue` holds (request, delay in ms, generation) of what was queued, oldest first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.legs = Rig(monkeypatch)
        self.dynamo, self.carrier, self.steps = self.legs.dynamo, self.legs.carrier, self.legs.steps
        self.scheduler = self.legs.scheduler
        self.clock = THURSDAY_9
        monkeypatch.setattr(send, "now", lambda: self.clock)
        monkeypatch.setattr(running, "now", lambda: self.clock)
        monkeypatch.setattr("kabar.legs.send.time.sleep", self._sleep)
        monkeypatch.setattr(accounts, "open_account", self._account)
        self.account: Opened | accounts.Unusable = self.legs.opened
        self.queue: list[tuple[int, int, int | None]] = []
        self.alarms: list[str] = []
        self.workspaces, self.dispatch = self.legs.workspaces, self.legs.dispatch
        self.people, self.activity = Table("people", self.dynamo), Table("activity", self.dynamo)
        self.requests = Requests(self.workspaces, self.dispatch)
        self.tools = RequestTools(
            requests=self.requests,
            held=Held(self.workspaces, self.dispatch),
            openings=Openings("kabar", "open-window", "role"),
            workspaces=self.workspaces,
            dispatch=self.dispatch,
            people=self.people,
            deployment="1a2b3c4d",
            timing=Timing.of(60, 60, 3600),
            call=self.carrier,
            wide=self.carrier,
            each=lambda work, messages: [work(message) for message in messages],
            alarm=self.alarms.append,
            enqueue=self._enqueue,
        )
        self.outbox = Outbox(
            self.workspaces, self.activity, self.requests, lambda _, request: self._enqueue("", request, 0)
        )
        self.settings()

    def _enqueue(self, _: str, request: int, delay: int, generation: int | None = None) -> None:
        self.steps.step()
        self.queue.append((request, delay, generation))

    def _sleep(self, seconds: float) -> None:
        self.clock += round(seconds * 1000)

    def _account(self, *_: Any) -> Opened:
        if isinstance(self.account, accounts.Unusable):
            raise self.account
        return self.account

    # ---- what there is ----

    def settings(self, **hours: Any) -> None:
        """The workspace, with sending hours when any are given."""
        self.dynamo.seed(
            "workspaces",
            keys.settings(WORKSPACE),
            name=WORKSPACE,
            timezone="Europe/Istanbul",
            sender="Kabar",
            carrier="infobip",
            **({"sending_hours": HOURS | hours} if hours else {}),
        )

    def new(self, size: int = 1, number: int = 9000, **changes: Any) -> NewRequest:
        given: dict[str, Any] = {
            "id": number,
            "first_id": number,
            "kind": Kind.API,
            "recipients": [(f"+90555{index:07d}", ["Amy"]) for index in range(size)],
            "text": "Hi %%1%%",
            "created_at": self.clock,
            "by": "api:key:1",
        }
        return NewRequest(**given | changes)

    def submit(self, size: int = 1, number: int = 9000, **changes: Any) -> Item:
        return self.outbox.submit(WORKSPACE, self.new(size, number, **changes))

    def message(self, number: int = 9000) -> Outgoing:
        found = Outgoings(self.requests, self.workspaces, self.dispatch, self.people).get(WORKSPACE, number)
        assert found
        return found

    def statuses(self, request: int = 9000) -> list[str]:
        head = self.requests.get(request)
        assert head
        return [self.message(head["first_id"] + n).status.word for n in range(head["size"])]

    def vector(self, request: int = 9000) -> list[Status]:
        return [status_of(byte) for byte in self.legs.chunks.read(request, 0).vector]

    # ---- what happens ----

    def run(self, request: int = 9000, generation: int | None = None, *, returning: bool = False) -> str:
        deadline = self.clock + RUN
        told = run_request(self.tools, WORKSPACE, request, deadline, generation, returning=returning)
        return str(told["outcome"])

    def drain(self, most: int = 100) -> list[str]:
        """Run what is queued, as its delays end, until the queue is empty."""
        done: list[str] = []
        while self.queue and len(done) < most:
            request, delay, generation = self.queue.pop(0)
            self.clock += delay
            done.append(self.run(request, generation, returning=delay > 0))
        return done

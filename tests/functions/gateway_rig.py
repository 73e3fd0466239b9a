"""Campaigns through gateways of every class, by a clock of their own: what they accept, and what goes wrong."""

import json
from collections import Counter
from typing import Any

import pytest

from kabar.carriers.base import Account, Answer, Request
from kabar.domain.campaigns import Life
from kabar.domain.statuses import Status, status_of
from kabar.legs import send
from kabar.storage import keys
from kabar.storage.accounts import Opened
from tests.functions import leg_rig
from tests.functions.leg_rig import WORKSPACE, Rig

START = 1_800_000_000_000
LEASE = 60_000
EVERY = pytest.mark.parametrize("promise", "ABCD")
GATEWAYS = pytest.mark.parametrize("promise", "ACD")
CLASSES = {"A": "dedupes", "C": "echoes", "D": "nothing"}
SETTINGS = {
    "fields": {"to": "{to}", "text": "{text}", "ref": "{id}"},
    "answer": {
        "path": "status",
        "accepted": ["ok"],
        "rejected": ["bad"],
        "refused": ["poor"],
        "duplicate": ["twice"],
        "id_path": "id",
    },
    "busy": [503],
}
LOST_AFTER = Answer(502)  # the gateway took it and then broke


class Gateway:
    """A `Call`: takes one message at a time; `answers` are given first, by number or (key "") to anybody."""

    def __init__(self, *, dedupes: bool) -> None:
        self.dedupes = dedupes
        self.accepted: Counter[str] = Counter()
        self.calls: list[str] = []
        self.answers: dict[str, list[Answer | Exception]] = {}
        self.outage: Answer | Exception | None = None
        self.ids: dict[str, str] = {}
        self._given = 0
        self.same_id = False

    def __call__(self, request: Request, seconds: float) -> Answer:
        assert seconds > 0
        mobile, ref = "+" + request.body["to"], request.body["ref"]
        self.calls.append(mobile)
        queued = self.answers.get(mobile) or self.answers.get("")
        answer = queued.pop(0) if queued else self.outage
        if isinstance(answer, Exception):
            raise answer
        if answer is not None and answer is not LOST_AFTER:
            return answer
        if self.dedupes and ref in self.ids:
            said = {"status": "ok", "id": self.ids[ref]}
        else:
            self._given += 1
            self.accepted[mobile] += 1
            self.ids[ref] = "g-1" if self.same_id else f"g-{self._given}"
            said = {"status": "ok", "id": self.ids[ref]}
        return answer or Answer(200, {}, json.dumps(said).encode())


class Campaign:
    """Campaign 1, leg after leg, through a gateway of one class (or Infobip: B)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, promise: str, people: int, **settings: Any) -> None:
        self.now = START
        monkeypatch.setattr(send, "now", lambda: self.now)
        monkeypatch.setattr(leg_rig, "clock", lambda: self.now)
        monkeypatch.setattr(send.SystemClock, "now", lambda _: self.now)
        monkeypatch.setattr(send.SystemClock, "sleep", lambda _, milliseconds: self.wait(milliseconds))
        self.rig = Rig(monkeypatch)
        self.gateway = Gateway(dedupes=promise == "A")
        self.mobiles = self.rig.members(people)
        self.rig.campaign(1, due_at=START)
        self.number = 0
        if promise != "B":
            self._use_gateway({**SETTINGS, "promise": CLASSES[promise], **settings})

    def _use_gateway(self, settings: dict[str, Any]) -> None:
        self.rig.opened = Opened(
            carrier="http",
            gateway=settings,
            account=Account("http://127.0.0.1", "key"),
            rate=1e6,
            connections=48,
            most_failed=1.0,
            most_opted_out=1.0,
        )
        self.rig.carrier = self.gateway  # type: ignore[assignment]  # another `Call`
        self.rig.dynamo.seed("workspaces", keys.carrier(WORKSPACE, "http"), rate=1e6, slice=48)
        head = self.rig.dynamo.find("workspaces", keys.campaign_head(WORKSPACE, 1))
        assert head
        head["carrier"] = "http"

    def wait(self, milliseconds: int) -> None:
        self.now += milliseconds

    def leg(self, die_before: int | None = None) -> str:
        """One leg; its lanes may die before one of their steps."""
        self.number += 1
        plan = self.rig.plan(1, self.number, now=self.now)
        if plan["outcome"] == "send":
            with self.rig.steps.dying_before(die_before):
                self.rig.send(1, self.number, plan)
        self.wait(200)
        if plan["outcome"] not in ("send", "settle"):
            return str(plan["outcome"])
        settled = self.rig.settle(1, self.number, now=self.now)
        self.wait(max(0, settled.get("at", 0) - self.now))
        return str(settled["outcome"])

    def run(self, most: int = 80) -> None:
        """Leg after leg to the end."""
        for _ in range(most):
            if "closed_at" in self.rig.head(1):
                return
            self.leg()
        raise AssertionError("it doesn't end")

    @property
    def life(self) -> Life:
        return Life(self.rig.head(1)["status"])

    def statuses(self) -> dict[str, int]:
        """How many recipients have each status."""
        size = self.rig.head(1)["plan"]["recipients"]
        vectors = b"".join(
            self.rig.chunks.read(1, n).vector for n in range(self.rig.head(1)["plan"]["chunks"])
        )
        found = Counter(status_of(byte).word for byte in vectors)
        found[Status.PENDING.word] += size - len(vectors)
        return {word: n for word, n in found.items() if n}


def accepts(campaign: Campaign, promise: str) -> dict[str, int]:
    """How often each number was accepted."""
    if promise == "B":
        found = campaign.rig.carrier.accepted
        return {mobile: found.count(mobile) for mobile in found}
    return dict(campaign.gateway.accepted)

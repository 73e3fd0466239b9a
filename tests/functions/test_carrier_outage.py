"""A campaign whose carrier is out for hours: it waits, nobody is given up, and it goes on where it was."""

from typing import Any

import pytest

from kabar.carriers.base import Answer
from kabar.domain.campaigns import Life
from kabar.domain.handover import AnswerLost, Unreachable
from kabar.legs import send
from kabar.storage.reports import report
from tests.functions import leg_rig
from tests.functions.leg_rig import Rig

HOUR = 3_600_000
OUTAGES: dict[str, Answer | Exception] = {
    "429 with a short Retry-After": Answer(429, {"retry-after": "1"}),
    "429 with an absurd Retry-After": Answer(429, {"retry-after": "9" * 400}),
    "503": Answer(503),
    "no connection": Unreachable("no connection"),
    "no answer": AnswerLost("no answer in time"),
}


class Run:
    """Legs of campaign 1 by a clock of their own, as schedules and executions would start them."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rig = rig
        self.now = 1_700_000_000_000
        self.leg = 1
        monkeypatch.setattr(send, "now", lambda: self.now)
        monkeypatch.setattr(leg_rig, "clock", lambda: self.now)
        monkeypatch.setattr(send.SystemClock, "now", lambda _: self.now)
        monkeypatch.setattr(send.SystemClock, "sleep", lambda _, milliseconds: self._pass(milliseconds))

    def _pass(self, milliseconds: int) -> None:
        self.now += milliseconds

    def until(self, end: float) -> str:
        """The outcome of the last leg that began before `end` (ms)."""
        outcome = ""
        while self.now < end:
            plan = self.rig.plan(1, self.leg, now=self.now)
            if plan["outcome"] == "send":
                self.rig.send(1, self.leg, plan)
            self._pass(200)
            settled = self.rig.settle(1, self.leg, now=self.now)
            outcome = settled["outcome"]
            if outcome not in ("go on", "wait"):
                break
            self.now = max(self.now, settled["at"])
            self.leg += 1
        return outcome


@pytest.mark.parametrize("outage", OUTAGES)
def test_f14_hours_without_a_carrier_neither_fail_the_campaign_nor_give_anybody_up(
    outage: str, monkeypatch: Any
) -> None:
    rig = Rig(monkeypatch)
    mobiles = rig.members(600)
    run = Run(rig, monkeypatch)
    rig.campaign(1, due_at=run.now)
    rig.carrier.outage = OUTAGES[outage]
    assert run.until(run.now + 1.5 * HOUR) == "wait"
    head = rig.head(1)
    assert head["status"] == Life.SENDING.value
    counts = {status.word: n for status, n in report(head, rig.chunks).statuses.items() if n}
    assert set(counts) <= {"pending", "submitted"}
    assert counts.get("submitted", 0) <= 300  # what three calls may have handed over; the others were spared
    rig.carrier.outage = None
    assert run.until(run.now + HOUR) == "complete"
    assert {status.word: n for status, n in report(rig.head(1), rig.chunks).statuses.items() if n} in (
        {"sent": 600},
        {"sent": 600 - counts.get("submitted", 0), "uncertain": counts.get("submitted", 0)},
    )
    assert len(rig.carrier.accepted) == len(set(rig.carrier.accepted))
    assert set(rig.carrier.accepted) <= set(mobiles)


def refusal(*properties: str) -> Answer:
    violations = ", ".join(
        f'{{"property": "{name}", "violation": "must not be empty"}}' for name in properties
    )
    return Answer(400, {}, f'{{"errorCode": "E400", "violations": [{violations}]}}'.encode())


def test_recipients_that_the_carrier_names_are_rejected_and_the_others_sent(monkeypatch: Any) -> None:
    rig = Rig(monkeypatch)
    rig.members(3)
    run = Run(rig, monkeypatch)
    rig.campaign(1, due_at=run.now)
    rig.carrier.answers = [refusal("messages[1].content.text")]
    assert run.until(run.now + HOUR) == "complete"
    assert rig.head(1)["status"] == Life.COMPLETED.value
    totals = {word: n for word, n in rig.head(1)["totals"]["statuses"].items() if n}
    assert totals == {"sent": 2, "rejected": 1}


@pytest.mark.parametrize(
    "properties",
    [
        ["messages[0].sender"],
        ["messages[0].content.text", "messages[1].content.text", "messages[2].content.text"],
        ["messages[1].content.text", "options"],
        ["messages[7].content.text"],
        [],
    ],
)
def test_a_refusal_that_names_nobody_in_particular_rejects_nobody_and_pauses(
    rig_of_three: Rig, properties: list[str]
) -> None:
    rig = rig_of_three
    rig.carrier.answers = [refusal(*properties)]
    assert rig.leg(1, 1) == "release"
    assert rig.head(1)["status"] == Life.PAUSED.value
    assert set(rig.chunks.read(1, 0).vector) == {0}


@pytest.fixture
def rig_of_three(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(monkeypatch)
    rig.members(3)
    rig.campaign(1)
    return rig

"""The real functions over the real boto3 client and the real HTTP client, cut at every crash point, alone and in pairs.

CP1–CP12 and CP19 of docs/proof.md: whatever is cut, everybody gets the message at most once, and in the end each is
in one status or, where the carrier can't tell, uncertain.
"""

import itertools
import json
import time
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from kabar.carriers import http
from kabar.carriers.infobip import Infobip
from kabar.domain.handover import Promise
from kabar.storage import executions, keys
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Table
from kabar.storage.reports import report
from tests.functions.aws_edge import Aws, Died
from tests.functions.loading import load
from tests.simulation.system import machinery

WORKSPACE, LIST, CAMPAIGN, CARRIER = "acme", 3000, 4000, "infobip"
RECIPIENTS, SLICE = 5, 2
START = 1_800_000_000_000
CLASSES = {"A": Promise.DEDUPES, "B": Promise.ASKABLE, "C": Promise.ECHOES, "D": Promise.NOTHING}
Cut = tuple[str, int, str]
PLANNING: dict[str, Cut] = {
    "CP1 before the plan is written": ("PutObject plan", 1, "before"),
    "CP2 after a page of the plan": ("PutObject plan", 1, "after"),
    "CP3 after the creation, before the start": ("StartExecution", 1, "before"),
    "CP4 after the start, before it is written": ("TransactWriteItems campaign", 2, "before"),
    "CP19 with the turn, before anything else": ("UpdateItem turn", 1, "after"),
}
SENDING: dict[str, Cut] = {
    "CP5 before the claim": ("PutItem take", 2, "before"),
    "CP6 claim applied, answer lost": ("PutItem take", 2, "lost"),
    "CP7 after the claim": ("PutItem take", 2, "after"),
    "CP7 after the facts": ("BatchWriteItem out", 2, "after"),
    "CP8 in the call, not accepted": ("carrier", 2, "before"),
    "CP8 in the call, accepted": ("carrier", 2, "after"),
    "CP8 accepted, the carrier's answer lost": ("carrier", 2, "lost"),
    "CP9 before the record": ("PutItem record", 2, "before"),
    "CP10 record applied, answer lost": ("PutItem record", 2, "lost"),
    "CP11 some slices recorded": ("PutItem record", 1, "after"),
    "CP12 recorded, the chunk not told": ("UpdateItem chunk", 1, "before"),
    "CP12 all told, the caller not": ("UpdateItem chunk", 1, "after"),
}


class Cloud:
    """One campaign, its carrier, and whoever starts functions; `skipped` is how far (ms) waits were cut short."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, promise: Promise, cuts: list[Cut]) -> None:
        self.now, self.aws, self.promise = START, Aws(), promise
        self.aws.cuts = {(point, times): how for point, times, how in cuts}
        self.accepted: list[str] = []
        self._known: set[str] = set()
        monkeypatch.setattr(Infobip, "promise", promise)
        monkeypatch.setattr(
            http, "_client", lambda: httpx.Client(transport=httpx.MockTransport(self._carrier))
        )
        monkeypatch.setattr(time, "time_ns", lambda: self.now * 1_000_000)
        monkeypatch.setattr(time, "time", lambda: self.now / 1000)
        monkeypatch.setattr(time, "sleep", self._sleep)
        self.functions = {
            name: self._load(name, monkeypatch) for name in ("PlanLeg", "SendLane", "SettleLeg", "Sweep")
        }
        self.campaigns = Campaigns(Table("workspaces"), Table("activity"))
        self._seed()

    def _load(self, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
        for variable, value in machinery.environment(name).items():
            monkeypatch.setenv(variable, "simulated" if "$" in value else value)
        return load(machinery.folder(name), monkeypatch, **self.aws.clients)

    def _sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)

    def _seed(self) -> None:
        seed = self.aws.dynamo.seed
        account = {"base_url": "https://carrier.example", "rate": 1000, "slice": SLICE, "secret": "s"}
        seed("workspaces", keys.carrier(WORKSPACE, CARRIER), **account)
        seed(
            "workspaces",
            keys.settings(WORKSPACE),
            name=WORKSPACE,
            max_digits=14,
            timezone="Etc/UTC",
            email="",
        )
        seed("workspaces", keys.list_head(WORKSPACE, LIST), id=LIST, members=RECIPIENTS)
        for number in range(RECIPIENTS):
            seed("members", keys.member(LIST, f"+6421000{number:05d}"), params=[])

    def _carrier(self, request: httpx.Request) -> httpx.Response:
        def apply() -> httpx.Response:
            if request.method == "GET":
                asked = request.url.params.get_list("messageId")
                return httpx.Response(
                    200, json={"results": [_told(each) for each in asked if each in self._known]}
                )
            sent = [d for m in json.loads(request.content)["messages"] for d in m["destinations"]]
            return httpx.Response(200, json={"messages": [self._take(each) for each in sent]})

        if request.method == "GET":
            return apply()
        answer: httpx.Response = self.aws.guarded("carrier", apply, lambda: httpx.ReadTimeout("no answer"))
        return answer

    def _take(self, destination: dict[str, str]) -> dict[str, Any]:
        message, repeated = destination["messageId"], destination["messageId"] in self._known
        self._known.add(message)
        if repeated and self.promise is Promise.ASKABLE:
            return _told(message, 23)
        if not (repeated and self.promise is Promise.DEDUPES):
            self.accepted.append(destination["to"])
        return _told(message)

    # ---- what starts functions ----

    def create(self) -> None:
        """As the API does; whoever gets no answer tries again."""
        head = {
            "id": CAMPAIGN,
            "name": "Cut",
            "list_id": LIST,
            "text": "Merhaba",
            "sender": "3774",
            "carrier": CARRIER,
        }
        head |= {"due_at": START, "created_at": START, "request_id": "r"}
        for _ in range(2):
            try:
                self.campaigns.create(WORKSPACE, head, "test")
                executions.start_leg("arn:aws:states:eu-central-1:1:stateMachine:m", WORKSPACE, CAMPAIGN, 1)
            except Died:
                continue
            return

    def run(self) -> None:
        """Legs as they are started or scheduled, and the sweep, until the campaign is over."""
        for _ in range(40):
            if "closed_at" in self.head():
                return
            if (
                self.head()["status"] == "paused"
            ):  # a carrier that can't tell gave no answer: people look, and resume
                assert not self.promise.resends
                head = self.campaigns.control(WORKSPACE, CAMPAIGN, "resume", "test", self.now)
                self.aws.started.append(
                    {"workspace": WORKSPACE, "campaign": CAMPAIGN, "leg": head["leg"] + 1}
                )
            if self.aws.started:
                self._leg(self.aws.started.pop(0))
            elif self.aws.schedules:
                name = min(
                    self.aws.schedules, key=lambda each: str(self.aws.schedules[each]["ScheduleExpression"])
                )
                due = self.aws.schedules.pop(name)
                self.now = max(self.now, _moment(due["ScheduleExpression"]))
                self._leg(json.loads(due["Target"]["Input"]))
            else:
                self.now += 600_000
                self._call("Sweep", {}, 1)
        raise AssertionError("it never ends")

    def _leg(self, event: dict[str, Any]) -> None:
        event = event | {"execution": f"{event['leg']}-{self.now}"}
        plan = self._call("PlanLeg", event, 6)
        for lane in (plan or {}).get("lanes", []):
            self._call("SendLane", plan | {"lane": lane}, 3)
        if plan and plan["outcome"] in ("send", "settle"):
            self._call("SettleLeg", plan, 9)

    def _call(self, function: str, event: dict[str, Any], attempts: int) -> Any:
        """As the state machine does: a function that dies is called again."""
        for _ in range(attempts):
            context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000, aws_request_id="r")
            try:
                return self.functions[function].handler(event, context)
            except Died:
                self.now += 1000
        return None

    def head(self) -> dict[str, Any]:
        return self.campaigns.get(WORKSPACE, CAMPAIGN, consistent=True) or {}

    def statuses(self) -> dict[str, int]:
        counts = report(self.head(), Chunks(Table("dispatch")))
        return {status.word: number for status, number in counts.statuses.items() if number}


def _told(message: str, status: int = 26) -> dict[str, Any]:
    return {"messageId": message, "status": {"groupId": 5 if status == 23 else 1, "id": status}}


def _moment(expression: str) -> int:
    from datetime import UTC, datetime

    return int(datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC).timestamp() * 1000)


def hold(monkeypatch: pytest.MonkeyPatch, letter: str, *cuts: Cut) -> Cloud:
    """Run with these cuts; what must hold whatever was cut."""
    cloud = Cloud(monkeypatch, CLASSES[letter], list(cuts))
    cloud.create()
    cloud.run()
    statuses = cloud.statuses()
    assert cloud.head()["status"] == "completed"
    assert len(cloud.accepted) == len(set(cloud.accepted)), "somebody was sent to twice"
    assert sum(statuses.values()) == RECIPIENTS
    assert set(statuses) <= {"sent", "uncertain"}
    assert statuses.get("sent", 0) <= len(cloud.accepted)
    if letter in "AB":
        assert statuses == {"sent": RECIPIENTS}, "this carrier dedupes or can be asked"
    return cloud


@pytest.mark.parametrize("letter", CLASSES)
@pytest.mark.parametrize("point", [*PLANNING, *SENDING])
def test_a_cut_at_any_crash_point(monkeypatch: pytest.MonkeyPatch, letter: str, point: str) -> None:
    cut = (PLANNING | SENDING)[point]
    cloud = hold(monkeypatch, letter, cut)
    assert not cloud.aws.cuts, "the cut was never met"
    in_the_call = point.startswith(("CP8", "CP9"))
    if not in_the_call:
        assert cloud.statuses() == {"sent": RECIPIENTS} or letter in "CD"


@pytest.mark.parametrize("letter", CLASSES)
@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(SENDING, 2)))
def test_cuts_at_any_two_crash_points_of_the_send(
    monkeypatch: pytest.MonkeyPatch, letter: str, first: str, second: str
) -> None:
    one, (point, times, how) = SENDING[first], SENDING[second]
    other = (point, times + (one[:2] == (point, times)), how)
    hold(monkeypatch, letter, one, other)

"""Legs over tables, bucket and scheduler in memory; every write is a step, and any step may be the last."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kabar.carriers.base import Account, Answer, Request
from kabar.domain.slices import Timing
from kabar.legs.desk import Desk
from kabar.legs.freeze import ShardTools, plan_shard
from kabar.legs.gate import campaign_gate
from kabar.legs.plan import plan_leg
from kabar.legs.send import Lane, LaneTools
from kabar.legs.send import now as clock
from kabar.legs.settle import settle_leg
from kabar.storage import dynamo, keys, plans, schedules
from kabar.storage.accounts import Opened
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Item, Table
from kabar.storage.plan_parts import PlanParts
from kabar.storage.plans import Plans
from kabar.storage.schedules import Schedules
from kabar.storage.turns import Turns
from tests.functions.fake_dynamo import FakeDynamo

WORKSPACE = "acme"
LIST = 3000
TIMING = Timing.of(60, 60, 3600)
Json = dict[str, Any]


class Died(BaseException):
    """The function's process ends before this step."""


class Steps:
    """Counts steps; dies before step `last`."""

    def __init__(self) -> None:
        self.done = 0
        self.last: int | None = None
        self.died = False

    def step(self) -> None:
        if self.done == self.last:
            raise Died
        self.done += 1

    @contextmanager
    def dying_before(self, number: int | None) -> Iterator[None]:
        """Whoever works in it dies before this step; `died` says whether it came so far."""
        self.done, self.last, self.died = 0, number, False
        try:
            yield
        except Died:
            self.died = True
        finally:
            self.done, self.last = 0, None


class SteppedDynamo(FakeDynamo):
    """`echo`: every single write is applied, its answer lost, and the SDK writes again."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps
        self.echo = False

    def _interfere(self, call: str) -> None:
        self._steps.step()
        super()._interfere(call)

    def put_item(self, **request: Any) -> Json:
        if self.echo:
            super().put_item(**request)
        return super().put_item(**request)

    def update_item(self, **request: Any) -> Json:
        if self.echo:
            super().update_item(**request)
        return super().update_item(**request)


class Bucket:
    """S3, as far as plans use it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803  # boto3's names
        self.objects[f"{Bucket}/{Key}"] = Body

    def get_object(self, *, Bucket: str, Key: str) -> Json:  # noqa: N803  # boto3's names
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"])}


class Scheduler:
    """EventBridge Scheduler: one schedule per name."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.schedules: dict[str, Json] = {}

    def create_schedule(self, **request: Any) -> None:
        self._steps.step()
        if request["Name"] in self.schedules:
            raise ClientError({"Error": {"Code": "ConflictException", "Message": ""}}, "CreateSchedule")
        self.schedules[request["Name"]] = request

    def update_schedule(self, **request: Any) -> None:
        self._steps.step()
        self._must_exist(request["Name"])
        self.schedules[request["Name"]] = request

    def delete_schedule(self, *, Name: str) -> None:  # noqa: N803  # boto3's name
        self._steps.step()
        self._must_exist(Name)
        del self.schedules[Name]

    def _must_exist(self, name: str) -> None:
        if name not in self.schedules:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "Schedule")


class FakeInfobip:
    """A `Call`: accepts what it hasn't seen and keeps logs; `answers` are given first, `outage` always, instead."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.answers: list[Answer | Exception] = []
        self.outage: Answer | Exception | None = None
        self._known: set[str] = set()

    def __call__(self, request: Request, seconds: float) -> Answer:
        assert seconds > 0
        if self.answers or self.outage:
            answer = self.answers.pop(0) if self.answers else self.outage
            if isinstance(answer, Exception):
                raise answer
            assert answer
            return answer
        if request.method == "GET":
            known = [value for name, value in request.query if name == "messageId" and value in self._known]
            return _json({"results": [_accepted(each) for each in known]})
        sent = [(d["to"], d["messageId"]) for m in request.body["messages"] for d in m["destinations"]]
        assert not self._known & {each for _, each in sent}, "handed over twice"
        self.accepted += ["+" + to for to, _ in sent]
        self._known |= {each for _, each in sent}
        return _json({"messages": [_accepted(each) for _, each in sent]})


def _accepted(message_id: str) -> Json:
    return {"messageId": message_id, "status": {"groupId": 1, "id": 26}}


def _json(body: Json) -> Answer:
    return Answer(200, {}, json.dumps(body).encode())


class Rig:
    """One workspace's legs; `started` are the legs that were started at once, `alarms` what people were told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = Steps()
        self.dynamo = SteppedDynamo(self.steps)
        self.scheduler, self.bucket, self.carrier = Scheduler(self.steps), Bucket(), FakeInfobip()
        monkeypatch.setattr(dynamo, "client", lambda: self.dynamo)
        monkeypatch.setattr(schedules, "client", lambda: self.scheduler)
        monkeypatch.setattr(plans, "client", lambda: self.bucket)
        self.opened = Opened(
            carrier="infobip",
            gateway=None,
            account=Account("http://127.0.0.1", "key"),
            rate=1e6,
            connections=48,
            most_failed=1.0,
            most_opted_out=1.0,
        )
        self.started: list[tuple[int, int]] = []
        self.alarms: list[str] = []
        self.workspaces = Table("workspaces", self.dynamo)
        self.dispatch = Table("dispatch", self.dynamo)
        self.campaigns = Campaigns(self.workspaces, Table("activity", self.dynamo))
        self.chunks = Chunks(self.dispatch)
        self.slept: list[float] = []
        self.desk = Desk(
            campaigns=self.campaigns,
            turns=Turns(self.workspaces, partial(self.campaigns.get, consistent=True)),
            workspaces=self.workspaces,
            members=Table("members", self.dynamo),
            chunks=self.chunks,
            plans=Plans("work"),
            parts=PlanParts(self.dispatch),
            shards_above=100_000,
            schedules=Schedules("kabar", "machine", "role"),
            start_leg=self._start,
            sleep=self.slept.append,
            gate=partial(campaign_gate, self.workspaces, TIMING),
        )
        self.dynamo.seed("workspaces", keys.settings(WORKSPACE), max_digits=15)
        self.dynamo.seed("workspaces", keys.carrier(WORKSPACE, "infobip"), rate=1e6, slice=100)
        for list_id in range(LIST, LIST + 20):
            self.dynamo.seed("workspaces", keys.list_head(WORKSPACE, list_id), id=list_id)

    def _start(self, workspace: str, campaign: int, leg: int) -> None:
        self.steps.step()
        assert workspace == WORKSPACE
        self.started.append((campaign, leg))

    # ---- what there is ----

    def members(self, count: int, list_id: int = LIST) -> list[str]:
        """Fill a list; its numbers."""
        mobiles = [f"+6421{list_id % 1000:03d}{number:05d}" for number in range(count)]
        for mobile in mobiles:
            self.dynamo.seed(
                "members", keys.member(list_id, mobile), mobile=mobile, params=[], before="absent"
            )
        return mobiles

    def delete_list(self, list_id: int) -> None:
        key = keys.list_head(WORKSPACE, list_id)
        del self.dynamo.tables["workspaces"][key["pk"], key["sk"]]

    def campaign(self, number: int, due_at: int = 0, list_id: int = LIST) -> Item:
        """A campaign, as the API creates it."""
        head = {
            "id": number,
            "name": f"Campaign {number}",
            "list_id": list_id,
            "text": "Merhaba",
            "sender": f"KABAR{number}",  # a pace of its own
            "carrier": "infobip",
            "due_at": due_at,
            "created_at": due_at,
        }
        self.campaigns.create(WORKSPACE, head, "api:test")
        return self.head(number)

    def head(self, campaign: int) -> Item:
        head = self.campaigns.get(WORKSPACE, campaign, consistent=True)
        assert head
        return head

    def change(self, **attributes: Any) -> None:
        """Write campaign 1 as others have."""
        head = self.dynamo.find("workspaces", keys.campaign_head(WORKSPACE, 1))
        assert head
        head |= attributes

    def holder(self) -> int | None:
        turn = self.dynamo.find("workspaces", keys.turn(WORKSPACE)) or {}
        return turn.get("holder")

    def queue(self) -> list[int]:
        return [item["campaign"] for item in self.workspaces.every(f"w#{WORKSPACE}", prefix="queue#")]

    def schedule(self, campaign: int, leg: int) -> Json | None:
        """The input of the schedule of this leg."""
        found = self.scheduler.schedules.get(f"kabar-{campaign}-{leg}")
        return found and json.loads(found["Target"]["Input"])

    def schedule_at(self, campaign: int, leg: int) -> int:
        """When (epoch seconds) this leg is scheduled."""
        expression = self.scheduler.schedules[f"kabar-{campaign}-{leg}"]["ScheduleExpression"]
        return int(datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC).timestamp())

    # ---- what happens ----

    def plan(self, campaign: int, leg: int, execution: str | None = None, now: int = 1000) -> Json:
        return plan_leg(self.desk, WORKSPACE, campaign, leg, execution or f"{campaign}-{leg}", now)

    def shard(self, plan: Json, shard: int, run: str = "1") -> str:
        """One shard of a large list, as `PlanShards` has it planned."""
        tools = ShardTools(self.campaigns, self.desk.members, self.desk.plans, self.desk.parts)
        return plan_shard(tools, plan | {"shard": shard}, run, 1000)

    def send(self, campaign: int, leg: int, plan: Json, milliseconds: int = 900_000) -> list[Json]:
        """Every lane of a plan, one after the other, each with so much time; what their log lines say."""
        tools = LaneTools(
            campaigns=self.campaigns,
            workspaces=self.workspaces,
            dispatch=self.dispatch,
            people=Table("people", self.dynamo),
            plans=Plans("work"),
            deployment="1a2b3c4d",
            timing=TIMING,
            call=self.carrier,
            wide=self.carrier,
            each=lambda work, messages: [work(message) for message in messages],
            alarm=self.alarms.append,
        )
        events = [plan | {"leg": leg, "lane": lane} for lane in plan["lanes"]]
        lanes = (Lane(tools, self.head(campaign), event, self.opened) for event in events)
        return [lane.send(clock() + milliseconds) for lane in lanes]

    def settle(self, campaign: int, leg: int, execution: str | None = None, now: int = 1000) -> Json:
        execution = execution or f"{campaign}-{leg}"
        return settle_leg(self.desk, self.dispatch, WORKSPACE, campaign, leg, execution, now)

    def leg(self, campaign: int, leg: int, now: int = 1000) -> str:
        """One whole leg as the state machine runs it; its outcome."""
        plan = self.plan(campaign, leg, now=now)
        if plan["outcome"] == "shards":
            for shard in plan["shards"]:
                self.shard(plan, shard)
            plan = self.plan(campaign, leg, now=now)
        if plan["outcome"] == "send":
            self.send(campaign, leg, plan)
        if plan["outcome"] in ("send", "settle"):
            return str(self.settle(campaign, leg, now=now)["outcome"])
        return str(plan["outcome"])

    def run_started(self) -> list[tuple[int, int, str]]:
        """Every leg that is started, until none is left: (campaign, leg, outcome)."""
        done: list[tuple[int, int, str]] = []
        while self.started:
            campaign, leg = self.started.pop(0)
            done.append((campaign, leg, self.leg(campaign, leg)))
        return done

"""One simulated run from a seed: who is on which list, what people do, what goes wrong, what must hold at the end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

from kabar.domain.campaigns import Life, NotAllowed
from kabar.domain.handover import Promise
from kabar.domain.recipients import Row
from kabar.domain.statuses import HANDED_OVER, Status, status_of
from kabar.domain.text import parse
from kabar.storage import executions, keys
from kabar.storage.campaigns import Campaigns, NoCampaign
from kabar.storage.chunks import Chunks, chunk_of
from kabar.storage.dynamo import Table
from kabar.storage.plans import Plans
from kabar.storage.reports import report
from tests.simulation.system import gateways, machinery
from tests.simulation.system.carriers import NAMES, measured
from tests.simulation.system.cloud import SWEEP, Cloud
from tests.simulation.system.faults import Fault, Script, any_script
from tests.simulation.system.hours import PLACES, TIMEZONE, Hours, any_hours
from tests.simulation.system.kernel import START, Dice, Endless, Kernel
from tests.simulation.system.requests import ANSWER, ANSWERED, Submitting, Wanted, any_requests

HOURS = 3_600_000
END = 36 * HOURS  # whatever isn't over by then never will be
STORMY = 2 * HOURS  # how long a run lasts whose faults never stop
HOURLY = 0.25  # the share of runs with sending hours
ENDLESS = 0.1  # the share of such runs
SKEWED = 0.05  # the share of runs with clocks minutes apart, which take long
CARETAKER = 17 * 60_000  # ms after which somebody looks at what was paused
SENDER = "+3774"
HOME = "+64210"  # where everybody is, unless hours go by it
SPEEDS = (0.5, 2, None)  # segments per second
DEPLOYMENT = machinery.SETTINGS["DEPLOYMENT"]
TEXT = "Merhaba %%1%%, siparişiniz yolda"
NAMES_ = ("Ada", "Bora " * 12, "Çiğdem", "Deniz {x}")
RARE = ("Sweep", "ApplyReceipts", "FollowPeople")  # functions that not every run needs often
LEGS_DIED = "kept dying"
STALLED = "several legs"


@dataclass
class Plan:
    """What one run is made of. `people` are (effect number, what they do)."""

    seed: int
    letter: str
    script: Script
    campaigns: list[dict[str, Any]]
    lists: dict[int, list[str]]
    slice: int
    rate: int
    skewed: bool
    rejects: frozenset[str]
    blames: bool
    log_lag: int
    gateway: bool  # one message per call, by the generic connector
    hours: Hours | None
    requests: list[Wanted]
    answers: bool  # to opt-outs
    events: list[tuple[int, str, int]]
    leg_seconds: int
    sharded: bool  # frozen as large lists are
    first_sweep: int
    endless: bool  # faults never stop: only what must never happen is looked for

    @property
    def carrier(self) -> str:
        return gateways.NAME if self.gateway else NAMES[self.letter]

    @property
    def slices(self) -> int:
        return min(-(-len(self.lists[c["list_id"]]) // self.slice) for c in self.campaigns)

    def __str__(self) -> str:
        sent = [(c["workspace"], c["id"], len(self.lists[c["list_id"]])) for c in self.campaigns]
        return (
            f"seed {self.seed}: class {self.letter} by {self.carrier}, campaigns {sent}, slices of {self.slice}, "
            f"{self.rate}/s, hours {self.hours}, requests {self.requests}, answers {self.answers}, "
            f"skewed {self.skewed}, endless {self.endless}, "
            f"sharded {self.sharded}, rejects {sorted(self.rejects)}, events {self.events}\n  {self.script}"
        )


def plan_of(seed: int, letter: str | None = None) -> Plan:
    """The run of a seed."""
    random = Dice(seed)
    script = any_script(random)
    size = random.choice((1, 2, 2, 3))
    hours = any_hours(random) if random.random() < HOURLY else None
    places = [*PLACES] if hours and hours.by_recipient else [HOME]
    lists = {}
    campaigns = []
    for number in range(random.choice((1, 1, 1, 1, 1, 1, 1, 2, 2, 3))):
        list_id = 3000 + number
        count = random.randint(3 * size, 3 * size + 4)
        lists[list_id] = [
            f"{places[position % len(places)]}{list_id}{position:03d}" for position in range(count)
        ]
        campaigns.append(
            {
                "workspace": f"tenant-{random.choice('aab')}",
                "id": 4000 + number,
                "list_id": list_id,
                "starts": random.choice((0, 0, 300, 2_000)),
                "due": random.choice((0, 0, 0, 90_000)),
            }
        )
    everybody = [mobile for mobiles in lists.values() for mobile in mobiles]
    endless = random.random() < ENDLESS
    if endless:
        script.storm, script.calm = 0.02, END
    doings = ("pause", "resume", "cancel", "speed", "stop", "stop", "blacklist")
    events = [
        (random.randrange(8_000), random.choice(doings), random.randrange(len(everybody)))
        for _ in range(random.choice((0, 1, 2, 4)))
    ]
    letter = letter or "ABCD"[seed % 4]
    wanted = any_requests(random, [campaign["workspace"] for campaign in campaigns], everybody)
    if wanted:
        script.points = {
            (p.replace("SendLane", "SendMessages") if n == 1 else p, n): f
            for (p, n), f in script.points.items()
        }
    if random.random() < (0.35 if letter == "D" else 0.1):
        script.points["FollowPeople update chunk", 1] = Fault.DIES_BEFORE
    if random.random() < 0.15:
        receipts = "ApplyReceipts update orphan" if letter == "D" else "ApplyReceipts batch_write out"
        script.points[receipts, 1] = Fault.DIES_BEFORE
    # rare by themselves: at their first pass
    script.points = {(p, 1 if p.startswith(RARE) else n): fault for (p, n), fault in script.points.items()}
    sweeps = (1_500, 3_000) if any(p.startswith("Sweep") for p, _ in script.points) else (500, 100_000, SWEEP)
    if any(point.startswith(("HandleReply", "FollowPeople")) for point, _ in script.points):
        stops = random.sample(range(len(everybody)), min(len(everybody), 4))
        events += [(random.randrange(2_000, 20_000), "stop", who) for who in stops]
    return Plan(
        seed=seed,
        letter=letter,
        script=script,
        campaigns=campaigns,
        lists=lists,
        slice=size,
        rate=random.choice((3, 10, 1000)),
        skewed=random.random() < SKEWED,
        rejects=frozenset(random.sample(everybody, 1)) if random.random() < 0.25 else frozenset(),
        blames=random.random() < 0.3,
        log_lag=random.choice((0, 5_000, 20_000)),
        gateway=letter != "B" and random.random() < 0.4,
        hours=hours,
        requests=wanted,
        answers=random.random() < ANSWERED,
        events=events,
        leg_seconds=random.choice((1, 600)),
        sharded=random.random() < 0.15,
        first_sweep=random.choice(sweeps),
        endless=endless,
    )


@dataclass
class Result:
    """How a run ended: `broken` are rules, as sentences; `fired` the faults that happened."""

    plan: Plan
    broken: list[str]
    fired: Counter[tuple[str, str]]
    statuses: Counter[str]
    effects: int
    met: set[str]  # what the run had, for the table
    trace: list[str] = field(default_factory=list)


class Run:
    """The people and the end of one run."""

    def __init__(self, plan: Plan, modules: dict[str, ModuleType], *, traced: bool = False) -> None:
        self.plan = plan
        plan.script.begin()
        random = Dice(plan.seed + (1 << 40))
        self.kernel = Kernel(random)
        machinery.cold(modules)
        machinery.leg_seconds(plan.leg_seconds)
        self.cloud = Cloud(
            self.kernel,
            plan.script,
            plan.letter,
            modules,
            carrier=plan.carrier,
            skewed=plan.skewed,
            hours=plan.hours,
        )
        if traced:
            self.cloud.effects.trace = []
        self.cloud.carrier.rejects, self.cloud.carrier.blames = plan.rejects, plan.blames
        self.cloud.carrier.log_lag = plan.log_lag
        self.submitting = Submitting(self.cloud, plan.requests)
        self.workspaces = Table("workspaces")
        self.campaigns = Campaigns(self.workspaces, Table("activity"))
        self.chunks = Chunks(Table("dispatch"))

    def run(self) -> Result:
        self._seed()
        for campaign in self.plan.campaigns:
            self.kernel.after(campaign["starts"], partial(self._create, campaign))
        self.submitting.begin()
        for number, (at, what, who) in enumerate(self.plan.events):
            self.kernel.after(at, partial(self._event, what, who, number))
        self.kernel.after(self.plan.first_sweep, self._sweep)
        self.kernel.after(CARETAKER, self._resume_paused)
        broken = self.cloud.watch.broken
        try:
            self.kernel.run(START + (STORMY if self.plan.endless else END))
        except Endless:
            broken.append("it never comes to rest")
        if not self.kernel.idle and not self.plan.endless:
            broken.append("somebody is still at work")
        self.kernel.end()
        checked = list(self._check())
        effects = self.kernel.number
        return Result(
            self.plan,
            broken + self._alarms() + checked,
            self.plan.script.fired,
            self.statuses,
            effects,
            self._met(),
            self.cloud.effects.trace or [],
        )

    def _alarms(self) -> list[str]:
        """With clocks minutes apart, calls of one slice may overlap: its carrier tells repeats, and that alarms."""
        return [f"alarm: {alarm}" for alarm in self.cloud.alarms if not self.plan.skewed]

    def _met(self) -> set[str]:
        plan = self.plan
        parts = {
            "sending hours": plan.hours is not None,
            "sending hours in the recipients' zones": plan.hours is not None and plan.hours.by_recipient,
            "the HTTP gateway": plan.gateway,
            "clocks minutes apart": plan.skewed,
            "faults that never stop": plan.endless,
            "several campaigns": len(plan.campaigns) > 1,
            "a schedule lost": plan.script.fired["schedule", "LOST"] > 0,
        }
        return self.cloud.watch.met | {what for what, there in parts.items() if there}

    # ---- what there is ----

    def _seed(self) -> None:
        dynamo, plan = self.cloud.dynamo, self.plan
        carrier = plan.carrier
        for campaign in plan.campaigns:
            workspace, list_id = campaign["workspace"], campaign["list_id"]
            account: dict[str, Any] = {"base_url": "https://carrier", "secret": "s"}
            account |= {"rate": plan.rate, "slice": plan.slice}
            account |= gateways.account(plan.letter) if plan.gateway else {}
            dynamo.seed("workspaces", keys.carrier(workspace, carrier), **account)
            settings = {
                "name": workspace,
                "timezone": TIMEZONE,
                "sender": SENDER,
                "carrier": carrier,
            }
            if plan.answers:
                settings["opt_out_response"] = ANSWER
            if plan.hours:
                settings["sending_hours"] = plan.hours.stored()
            dynamo.seed(
                "workspaces", keys.settings(workspace), email="a@b.c", max_digits=14, created_at=1, **settings
            )
            mobiles = plan.lists[list_id]
            dynamo.seed(
                "workspaces",
                keys.list_head(workspace, list_id),
                id=list_id,
                members=1_000_000 if plan.sharded else len(mobiles),
                opted_out=0,
                deleted=0,
            )
            for number, mobile in enumerate(mobiles):
                params = [NAMES_[number % len(NAMES_)]]
                dynamo.seed("members", keys.member(list_id, mobile), params=params, at=1)

    # ---- what people do ----

    def _create(self, campaign: dict[str, Any]) -> None:
        workspace, at = campaign["workspace"], self.kernel.now

        def job() -> None:
            head = {
                "id": campaign["id"],
                "name": "Simulated",
                "list_id": campaign["list_id"],
                "text": TEXT,
                "sender": SENDER,
                "carrier": self.plan.carrier,
                "due_at": at + campaign["due"],
                "created_at": at,
                "request_id": "r",
            }
            self.campaigns.create(workspace, head, "person")
            self._start(workspace, campaign["id"], 1)

        self.cloud.person(workspace, job, again=1000)

    @staticmethod
    def _start(workspace: str, campaign: int, leg: int) -> None:
        executions.start_leg("arn:aws:states:stateMachine:run-campaign", workspace, campaign, leg)

    def _event(self, what: str, who: int, number: int) -> None:
        everybody = [(list_id, m) for list_id, mobiles in self.plan.lists.items() for m in mobiles]
        list_id, mobile = everybody[who]
        campaign = next(c for c in self.plan.campaigns if c["list_id"] == list_id)
        workspace = campaign["workspace"]
        if what == "stop":
            self.cloud.inbound.reply(workspace, mobile, "3774", "Stop!", number)
        elif what == "blacklist":
            self.cloud.inbound.reply(workspace, mobile, "9999", "STOP", number)  # answers nothing of ours
        elif what == "speed":
            self._control(workspace, campaign["id"], what, speed=SPEEDS[who % len(SPEEDS)])
        else:
            self._control(workspace, campaign["id"], what)

    def _control(self, workspace: str, campaign: int, action: str, **sets: Any) -> None:
        def job() -> None:
            at = self.kernel.host_time()
            more = sets | ({"speed_at": at} if sets else {})
            try:
                head = self.campaigns.control(workspace, campaign, action, "person", at, "r", **more)
            except (NotAllowed, NoCampaign):
                return
            self._start(workspace, campaign, head["leg"] + 1)

        self.cloud.person(workspace, job)

    def _open(self) -> list[dict[str, Any]]:
        return [head for head in self.cloud.watch.heads.values() if "closed_at" not in head]

    def _sweep(self) -> None:
        if self._going():
            self.cloud.invoke("Sweep", {}, None, lambda _value, _error: None)
            early = self.kernel.now < START + STORMY
            self.kernel.after(SWEEP if early else 6 * SWEEP, self._sweep)  # later there is little to find

    def _resume_paused(self) -> None:
        if self._going():
            for head in self._open():
                if head["status"] in {Life.PAUSED, Life.MISSED}:
                    self._control(head["workspace"], head["id"], "resume")
            self.kernel.after(CARETAKER, self._resume_paused)

    def _going(self) -> bool:
        created = len(self.cloud.watch.heads) == len(self.plan.campaigns)
        return not created or bool(self._open()) or self.submitting.going or not self.kernel.idle

    # ---- what must hold in the end ----

    def _check(self) -> Iterator[str]:
        self.statuses: Counter[str] = Counter()
        yield from self._check_requests()
        for campaign in self.plan.campaigns:
            head = self.cloud.watch.heads.get(campaign["id"])
            if head is None or "closed_at" not in head:
                if not self.plan.endless:
                    yield f"campaign {campaign['id']} never ended: {head and head['status']}"
                elif head and "plan" in head:
                    yield from (
                        f"I1: {mobile} was accepted {len(found)} times"
                        for mobile, found in self._accepts(head).items()
                        if len(found) > 1
                    )
            elif head["status"] == Life.FAILED and not self._may_fail(head):
                yield f"campaign {campaign['id']} failed: {head.get('status_reason')}"
            elif "plan" in head:
                for what in self._check_campaign(head, self.plan.lists[campaign["list_id"]]):
                    yield f"campaign {campaign['id']} ({head['status']}): {what}"

    def _check_requests(self) -> Iterator[str]:
        if not self.plan.endless:
            yield from self.submitting.missing()
        for head, mobiles, vector in self.submitting.every():
            accepts = self._accepts(head)
            if head["id"] not in self.cloud.watch.over:
                yield from (
                    f"I1: {mobile} was accepted twice" for mobile in accepts if len(accepts[mobile]) > 1
                )
                continue
            if len(vector) != len(mobiles):
                yield f"I2: request {head['id']} has {len(vector)} of {len(mobiles)} positions"
            for position, mobile in enumerate(mobiles):
                status = status_of(vector[position])
                found = accepts.get(mobile, [])
                yield from self._check_recipient(head, position, mobile, status, found)

    def _may_fail(self, head: dict[str, Any]) -> bool:
        reason = str(head.get("status_reason"))
        return self.plan.script.storm > 0 and (LEGS_DIED in reason or STALLED in reason)

    def _check_campaign(self, head: dict[str, Any], members: list[str]) -> Iterator[str]:
        vectors = {
            item["number"]: chunk_of(item) for item in self.chunks.every(head["id"], head["plan"]["chunks"])
        }
        counts = report(head, self.chunks)
        if counts.recipients != len(members) or sum(counts.statuses.values()) != len(members):
            yield f"I5: {len(members)} members, {counts.recipients} recipients, statuses {counts.statuses}"
        if sum(head["totals"]["statuses"].values()) != head["totals"]["recipients"] != len(members):
            yield f"I5: closing totals {head['totals']}"
        plan = head["plan"]
        rows = self._rows(head)
        if sorted(row.mobile for row in rows) != sorted(members):
            yield "I2: the plan holds others than the list"
        accepts = self._accepts(head)
        known = set()
        for position, row in enumerate(rows):
            chunk, index = divmod(position, plan["chunk_size"])
            vector = vectors[chunk].vector if chunk in vectors else b""
            status = status_of(vector[index]) if index < len(vector) else Status.PENDING
            self.statuses[status.word] += 1
            found = accepts.get(row.mobile, [])
            if found and status is not Status.UNCERTAIN:
                known.add(row.mobile)
            yield from self._check_recipient(head, position, row.mobile, status, found)
        yield from self._check_segments(rows, known, counts.segments)

    def _rows(self, head: dict[str, Any]) -> list[Row]:
        plans = Plans("work")
        return [
            row
            for chunk in range(head["plan"]["chunks"])
            for row in plans.read(head["id"], head["plan"], chunk)
        ]

    def _accepts(self, head: dict[str, Any]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for accept in self.cloud.carrier.accepted:
            place = self.cloud.watch.place(accept.id)
            if place and place.campaign == head["id"]:
                found.setdefault(accept.mobile, []).append(accept)
        return found

    def _check_recipient(
        self, head: dict[str, Any], position: int, mobile: str, status: Status, accepts: list[Any]
    ) -> Iterator[str]:
        watch = self.cloud.watch
        message = f"{DEPLOYMENT}-{head['plan']['first_id'] + position}"
        who = f"{message} is {status.word}"
        stopped = head["status"] in {Life.CANCELLED, Life.FAILED}
        told = self.cloud.inbound.told.get(message, [])
        marks = watch.suppressed.get((head["workspace"], mobile), [])
        if len(accepts) > 1:
            yield f"I1: {who}, accepted {len(accepts)} times"
        if status < Status.SUPPRESSED or (status is Status.CANCELLED and not stopped):
            yield f"I2: {who}: it didn't end"
        if accepts and status not in HANDED_OVER:
            yield f"{who}, but was accepted"
        if told and status != max(told) and not self.plan.endless:
            yield f"{who}, but receipts said {[each.word for each in told]}"
        if not accepts and status in HANDED_OVER - {Status.UNCERTAIN, Status.REJECTED}:
            yield f"{who}, but was never accepted"
        if not accepts and status is Status.REJECTED and mobile not in self.plan.rejects:
            yield f"{who}, but nobody refused it"
        if status is Status.SUPPRESSED and not marks:
            yield f"{who}, but never opted out"
        if status is Status.UNCERTAIN and not stopped:
            refused = (
                self.plan.blames and mobile in self.plan.rejects
            )  # by name, in every call that could tell
            yield from self._unfounded(who, message, excused=bool(marks) or refused)

    def _unfounded(self, who: str, message: str, *, excused: bool) -> Iterator[str]:
        """Why nobody should have been uncertain about this one."""
        if message not in self.cloud.watch.excused:
            yield f"{who}, but no answer was lost"
        promise = self.cloud.watch.promise
        long = self.kernel.now - START > 6 * HOURS
        if promise in {Promise.DEDUPES, Promise.ASKABLE} and not (excused or long or self.plan.skewed):
            yield f"{who}, but its carrier dedupes or can be asked"

    def _check_segments(self, rows: list[Row], accepted: set[str], charged: int) -> Iterator[str]:
        template = parse(TEXT)
        if [row.segments for row in rows] != [measured(template.merge(row.params)) for row in rows]:
            yield "I10: the plan counts other segments than the carrier"
        known = sum(row.segments for row in rows if row.mobile in accepted)
        if (
            charged != known and not self.plan.skewed
        ):  # then an accepted one may have been called uncertain before
            yield f"I10: {charged} segments are charged, {known} were accepted and not uncertain"


def run(
    seed: int, modules: dict[str, ModuleType], *, letter: str | None = None, traced: bool = False
) -> Result:
    """Run a seed, from cold."""
    return Run(plan_of(seed, letter), modules, traced=traced).run()


__all__ = ["Fault", "Plan", "Result", "Run", "plan_of", "run"]

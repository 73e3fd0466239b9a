"""The cloud of one run: tables, bucket, scheduler, state machines, secrets, and whoever calls the functions."""

import io
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.system import machinery, states
from tests.simulation.system.carriers import CLASSES, Network
from tests.simulation.system.effects import Effects
from tests.simulation.system.faults import Script
from tests.simulation.system.here import HERE
from tests.simulation.system.hours import Hours
from tests.simulation.system.inbound import Inbound
from tests.simulation.system.kernel import START, Death, Kernel, Process
from tests.simulation.system.states import Execution
from tests.simulation.system.table import SimulatedDynamo, client_error, lost, throttled
from tests.simulation.system.watch import Watch

Json = dict[str, Any]
SWEEP = 600_000  # ms between two sweeps
MINUTES = 300_000  # ms that clocks are off in a skewed run [F53]
MACHINE = "run-campaign"
OPEN_WINDOW = "OpenWindowFunction"
READERS = {"MessagesQueue": "SendMessages", "RepliesQueue": "HandleReply"}


class Bucket:
    """S3, as far as campaigns use it."""

    def __init__(self, effects: Effects) -> None:
        self.objects: dict[str, bytes] = {}
        self._effects = effects

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: ARG002, N803
        def do() -> None:
            self.objects[Key] = Body

        self._effects.run("put plan", do)

    def get_object(self, *, Bucket: str, Key: str) -> Json:  # noqa: ARG002, N803  # boto3's names
        def do() -> Json:
            if Key not in self.objects:
                raise client_error("NoSuchKey")
            return {"Body": io.BytesIO(self.objects[Key])}

        return self._effects.run("get plan", do)


class Scheduler:
    """EventBridge Scheduler: fires once, twice, late or never."""

    def __init__(
        self, kernel: Kernel, effects: Effects, script: Script, fire: Callable[[str, Json], object]
    ) -> None:
        self.schedules: dict[str, Json] = {}
        self._kernel, self._effects, self._script, self._fire = kernel, effects, script, fire

    def create_schedule(self, **request: Any) -> None:
        def do() -> None:
            if request["Name"] in self.schedules:
                raise client_error("ConflictException")
            self._keep(request)

        self._effects.run("create schedule", do)

    def update_schedule(self, **request: Any) -> None:
        def do() -> None:
            if request["Name"] not in self.schedules:
                raise client_error("ResourceNotFoundException")
            self._keep(request)

        self._effects.run("update schedule", do)

    def delete_schedule(self, *, Name: str) -> None:  # noqa: N803  # boto3's name
        def do() -> None:
            if self.schedules.pop(Name, None) is None:
                raise client_error("ResourceNotFoundException")

        self._effects.run("delete schedule", do)

    def _keep(self, request: Json) -> None:
        expression = request["ScheduleExpression"]
        assert expression.startswith("at(")
        assert request["ScheduleExpressionTimezone"] == "UTC"
        at = int(datetime.fromisoformat(f"{expression[3:-1]}+00:00").timestamp() * 1000)
        if at < self._kernel.now:
            raise client_error("ValidationException")
        self.schedules[request["Name"]] = request
        random, calm = self._kernel.random, self._kernel.now - START >= self._script.calm
        if not calm and random.random() < self._script.lost_schedules:
            self._kernel.at(at, lambda: self._drop(request))
            return
        late = random.choice((0, 0, 0, 500, 60_000))
        self._kernel.at(at + late, lambda: self._due(request))

    def _gone(self, request: Json) -> bool:
        if self.schedules.get(request["Name"]) is not request:
            return False
        del self.schedules[request["Name"]]
        return True

    def _drop(self, request: Json) -> None:
        if self._gone(request):
            self._script.fired["schedule", "LOST"] += 1

    def _due(self, request: Json) -> None:
        if self._gone(request):
            target = request["Target"]
            fire = partial(self._fire, target["Arn"], json.loads(target["Input"]))
            fire()
            if self._kernel.random.random() < 0.1:  # at least once [F46]
                later = self._kernel.random.randint(0, 2_000)
                self._kernel.after(later, fire)


class Queues:
    """SQS: a batch may be taken in part."""

    def __init__(self, kernel: Kernel, effects: Effects, queue: Callable[[str, str], None]) -> None:
        self._kernel, self._effects, self._queue = kernel, effects, queue

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Json]) -> Json:  # noqa: N803  # boto3's names
        function = READERS[QueueUrl]

        def do() -> Json:
            refused = Entries[1:] if self._effects.partly() else []
            for entry in Entries[: len(Entries) - len(refused)]:
                later = partial(self._queue, function, entry["MessageBody"])
                self._kernel.after(entry["DelaySeconds"] * 1000, later)
            return {"Failed": [{"Id": entry["Id"]} for entry in refused]}

        return self._effects.run(f"enqueue for {function}", do)

    def change_message_visibility(self, **_: Any) -> None:
        """When a message comes again is anybody's guess here."""
        self._effects.run("put off a message", lambda: None)


class StateMachines:
    """Step Functions' own API."""

    exceptions = SimpleNamespace(ExecutionDoesNotExist=LookupError)

    def __init__(self, effects: Effects, start: Callable[[str, Json], Execution]) -> None:
        self._effects, self._start = effects, start
        self._named: dict[str, Execution] = {}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803
        if not stateMachineArn.endswith(MACHINE):
            raise states.NotSimulated(stateMachineArn)

        def do() -> None:
            known = self._named.get(name)
            if known is None:
                self._named[name] = self._start(name, json.loads(input))
            elif not (known.running and known.input == json.loads(input)):
                raise client_error("ExecutionAlreadyExists")

        self._effects.run("start leg", do)


class Secrets:
    """Secrets Manager with one key for everybody."""

    exceptions = SimpleNamespace(
        ResourceNotFoundException=type("ResourceNotFoundException", (ClientError,), {})
    )

    def __init__(self, effects: Effects) -> None:
        self._effects = effects

    def get_secret_value(self, *, SecretId: str) -> Json:  # noqa: ARG002, N803  # boto3's name
        return self._effects.run("get secret", lambda: {"SecretString": '{"api_key": "key"}'})


class Context:
    """What Lambda hands to a handler."""

    def __init__(self, kernel: Kernel, process: Process) -> None:
        self._kernel, self._process = kernel, process
        self.aws_request_id = f"{kernel.random.getrandbits(64):x}"

    def get_remaining_time_in_millis(self) -> int:
        return self._kernel.left_of(self._process)


class Cloud:
    """Everything of one run, wired."""

    def __init__(
        self,
        kernel: Kernel,
        script: Script,
        letter: str,
        modules: dict[str, ModuleType],
        *,
        carrier: str,
        skewed: bool,
        hours: Hours | None,
    ) -> None:
        promise = CLASSES[letter]
        self.kernel = kernel
        self.script = script
        self.modules = modules
        self.skewed = skewed
        self.alarms: list[str] = []
        self.started = 0
        self.watch = Watch(kernel, promise, skewed=skewed, hours=hours)
        self.effects = Effects(kernel, script, self._abort, self.watch.died, (lost, throttled))
        self.dynamo = SimulatedDynamo(kernel, self.effects, self._written)
        self.bucket = Bucket(self.effects)
        self.scheduler = Scheduler(kernel, self.effects, script, self._due)
        self.states = StateMachines(self.effects, self._start)
        self.secrets = Secrets(self.effects)
        self.carrier = Network(kernel, self.effects, script, self.watch, promise)
        self.inbound = Inbound(
            kernel,
            lambda function, event, done: self.invoke(function, event, None, done),
            carrier=carrier,
            echoes=letter != "D",
            patterns=machinery.stream_filter(),
        )
        self.inbound.workspace_of = self._workspace_of
        self.queues = Queues(kernel, self.effects, self.inbound.queue)
        HERE.cloud = self

    # ---- who runs ----

    def invoke(
        self,
        function: str,
        payload: Json,
        execution: Execution | None,
        done: Callable[[Any, str | None], None],
    ) -> None:
        """Call a function on a host of its own."""
        process = self._process(function, str(payload.get("workspace", "")))
        process.seconds = machinery.timeout(function)
        process.execution = execution

        def answered(value: Any, error: BaseException | None) -> None:
            if error is not None:
                self._log(f"{function} ended early: {error!r}")
            done(value, None if error is None else _error_name(error))

        handler = self.modules[function].handler
        self.kernel.spawn(
            process,
            lambda: states.copied(handler(payload, Context(self.kernel, process))),
            answered,
            self.kernel.random.randint(1, 200),
        )

    def person(self, workspace: str, job: Callable[[], None], again: int | None = None) -> None:
        """Somebody uses the API; with `again` they try once more after so many ms when it fails."""
        process = self._process("Person", workspace)
        process.seconds = 29

        def answered(_value: Any, error: BaseException | None) -> None:
            if error is not None and again is not None:
                self.kernel.after(again, lambda: self.person(workspace, job, again))

        self.kernel.spawn(process, job, answered)

    def _process(self, name: str, workspace: str) -> Process:
        most = MINUTES if self.skewed else 3_000
        return Process(name, self.kernel.random.randint(-most, most), workspace)

    def _start(self, name: str, data: Json) -> Execution:
        execution = Execution(self.kernel, states.machine("run_campaign"), name, data, self.invoke)
        execution.start()
        self.started += 1
        return execution

    def _due(self, arn: str, data: Json) -> None:
        if arn == OPEN_WINDOW:
            self._open(data)
        else:
            self._start(self._name(), data)

    def open_window(self, workspace: str, opening: int) -> None:
        """What sweep invokes without waiting."""
        data = {"workspace": workspace, "opening": opening}
        self.effects.run("invoke OpenWindow", lambda: self._open(data))

    def _open(self, data: Json, left: int = 2) -> None:
        def answered(_value: Any, error: str | None) -> None:
            if error and left:  # Lambda's own two more attempts
                self.kernel.after(60_000, lambda: self._open(data, left - 1))

        self.watch.met.add("an opening that releases messages")
        self.invoke("OpenWindow", data, None, answered)

    def _name(self) -> str:
        return f"scheduled-{self.kernel.random.getrandbits(64):x}"

    @staticmethod
    def _abort(process: Process) -> None:
        if process.execution is not None:
            process.execution.abort()

    # ---- what is heard ----

    def _written(
        self, table: str, key: Json, old: Json | None, new: Json | None, process: Process | None
    ) -> None:
        self.watch.written(table, key, old, new, process)
        if table == "people" and new:
            self.inbound.written(old, new)

    def _workspace_of(self, message_id: str) -> str:
        place = self.watch.place(message_id)
        assert place
        workspace: str = self.watch.source(place.campaign)["workspace"]
        return workspace

    def _log(self, what: str) -> None:
        if self.effects.trace is not None:
            self.effects.trace.append(f"{self.kernel.now - START:>9} {what}")


def _error_name(error: BaseException) -> str:
    if isinstance(error, Death):
        return "Runtime.ExitError"
    return "Sandbox.Timedout" if isinstance(error, TimeoutError) else type(error).__name__

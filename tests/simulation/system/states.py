"""Step Functions: runs statemachines/*.asl.json, as far as the product uses its language; anything else raises."""

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.simulation.system.kernel import Kernel

Json = dict[str, Any]
Done = Callable[[Any, str | None], None]  # (output, error name)
Invoke = Callable[[str, Json, "Execution", Callable[[Any, str | None], None]], None]

MACHINES = Path(__file__).parents[3] / "statemachines"
_KNOWN = {
    "Task": {"Resource", "Parameters", "Retry", "Catch", "ResultPath", "TimeoutSeconds"},
    "Choice": {"Choices", "Default"},
    "Map": {
        *("ItemsPath", "ItemSelector", "MaxConcurrency", "ToleratedFailurePercentage"),
        *("ItemProcessor", "ResultPath", "Catch", "Retry"),
    },
    "Pass": {"Result", "ResultPath", "Parameters"},
    "Succeed": set(),
    "Fail": {"Error", "Cause"},
}
_ALWAYS = {"Type", "Comment", "Next", "End"}
_PLAIN = (str, bool, int, float)


class NotSimulated(Exception):
    """The state machine says something that this runner doesn't know."""


@cache
def machine(name: str) -> Json:
    """The definition of `statemachines/<name>.asl.json`."""
    found: Json = json.loads((MACHINES / f"{name}.asl.json").read_text())
    _read(found)
    return found


def _read(states: Json) -> None:
    for name, state in states["States"].items():
        unknown = set(state) - _KNOWN[state["Type"]] - _ALWAYS
        if unknown:
            raise NotSimulated(f"{name}: {unknown}")
        if "ItemProcessor" in state:
            _read(state["ItemProcessor"])


class Execution:
    """One run of one machine."""

    def __init__(self, kernel: Kernel, definition: Json, name: str, data: Json, invoke: Invoke) -> None:
        self.name = name
        self.input = data
        self.running = True
        self._kernel = kernel
        self._definition = definition
        self._invoke = invoke

    @property
    def context(self) -> Json:
        return {
            "Execution": {
                "Id": f"arn:aws:states:execution:{self.name}",
                "Name": self.name,
                "Input": self.input,
            }
        }

    def start(self) -> None:
        self._enter(self._definition, self._definition["StartAt"], self.input, self.context, self._end)

    def abort(self) -> None:
        """Nothing of it goes on; what runs already is not called back."""
        self.running = False

    def _end(self, _output: Any, _error: str | None) -> None:
        self.running = False

    def _enter(self, states: Json, name: str, data: Any, context: Json, done: Done) -> None:
        self._kernel.after(
            self._kernel.random.randint(1, 20), lambda: self._run(states, name, data, context, done)
        )

    def _run(self, states: Json, name: str, data: Any, context: Json, done: Done) -> None:
        if not self.running:
            return
        state = states["States"][name]

        def follow(output: Any) -> None:
            if state.get("End") or state["Type"] == "Succeed":
                done(output, None)
            else:
                self._enter(states, state["Next"], output, context, done)

        match state["Type"]:
            case "Task":
                self._task(states, state, data, context, follow, done, {})
            case "Map":
                self._map(states, state, data, context, follow, done)
            case "Choice":
                self._enter(states, _choose(state, data), data, context, done)
            case "Pass":
                result = state.get("Result", fill(state.get("Parameters", data), data, context))
                follow(_placed(state, data, result))
            case "Succeed":
                follow(data)
            case _:
                done(None, str(state["Error"]))

    def _task(
        self,
        states: Json,
        state: Json,
        data: Any,
        context: Json,
        follow: Callable[[Any], None],
        done: Done,
        tries: dict[int, int],
    ) -> None:
        payload = fill(state["Parameters"], data, context) if "Parameters" in state else data

        def answered(output: Any, error: str | None) -> None:
            if not self.running:
                return
            if error is None:
                follow(_placed(state, data, output))
                return
            for number, retry in enumerate(state.get("Retry", [])):
                if _matches(retry["ErrorEquals"], error) and tries.get(number, 0) < retry.get(
                    "MaxAttempts", 3
                ):
                    wait = retry.get("IntervalSeconds", 1) * retry.get("BackoffRate", 2) ** tries.get(
                        number, 0
                    )
                    again = tries | {number: tries.get(number, 0) + 1}
                    task = partial(self._task, states, state, data, context, follow, done, again)
                    self._kernel.after(int(wait * 1000), task)
                    return
            self._caught(states, state, data, context, done, error)

        if self.running:
            self._invoke(_function(state["Resource"]), copied(payload), self, answered)

    def _caught(self, states: Json, state: Json, data: Any, context: Json, done: Done, error: str) -> None:
        for catch in state.get("Catch", []):
            if _matches(catch["ErrorEquals"], error):
                output = _placed(catch, data, {"Error": error, "Cause": "simulated"})
                self._enter(states, catch["Next"], output, context, done)
                return
        done(None, error)

    def _map(
        self, states: Json, state: Json, data: Any, context: Json, follow: Callable[[Any], None], done: Done
    ) -> None:
        items = list(resolve(state["ItemsPath"], data, context))
        results: list[Any] = [None] * len(items)
        waiting = list(enumerate(items))
        left, failed = len(items), 0

        def next_child() -> None:
            if waiting:
                index, item = waiting.pop(0)
                inner = context | {"Map": {"Item": {"Index": index, "Value": item}}}
                payload = fill(state["ItemSelector"], data, inner) if "ItemSelector" in state else item
                processor = state["ItemProcessor"]
                self._enter(processor, processor["StartAt"], payload, inner, lambda o, e: ended(index, o, e))

        def ended(index: int, output: Any, error: str | None) -> None:
            nonlocal left, failed
            left -= 1
            failed += error is not None
            results[index] = output
            if left:
                next_child()
            elif failed * 100 > len(items) * state.get("ToleratedFailurePercentage", 0):
                self._caught(states, state, data, context, done, "States.ExceedToleratedFailureThreshold")
            else:
                follow(_placed(state, data, [result for result in results if result is not None]))

        if not items:
            follow(_placed(state, data, []))
        for _ in range(min(state.get("MaxConcurrency", 40), len(items))):
            next_child()


def _function(resource: str) -> str:
    """`${PlanLegFunctionArn}` -> `PlanLeg`."""
    return resource.removeprefix("${").removesuffix("FunctionArn}")


def _matches(names: list[str], error: str) -> bool:
    return (
        "States.ALL" in names
        or error in names
        or ("States.TaskFailed" in names and error != "States.Timeout")
    )


def _placed(state: Json, data: Any, result: Any) -> Any:
    path = state.get("ResultPath", "$")
    if path is None:
        return data
    if path == "$":
        return result
    name = path.removeprefix("$.")
    if "." in name:
        raise NotSimulated(path)
    return {**data, name: result}


def _choose(state: Json, data: Any) -> str:
    for choice in state["Choices"]:
        if _holds(choice, data):
            return str(choice["Next"])
    return str(state["Default"])


def _holds(rule: Json, data: Any) -> bool:
    if "And" in rule:
        return all(_holds(each, data) for each in rule["And"])
    if "Or" in rule:
        return any(_holds(each, data) for each in rule["Or"])
    if "Not" in rule:
        return not _holds(rule["Not"], data)
    missing = object()
    value: Any = data
    for part in rule["Variable"].removeprefix("$").strip(".").split("."):
        value = value.get(part, missing) if isinstance(value, dict) else missing
    if "IsPresent" in rule:
        return bool((value is not missing) == rule["IsPresent"])
    for test in ("StringEquals", "BooleanEquals", "NumericEquals"):
        if test in rule:
            return bool(value == rule[test])
    if "NumericGreaterThan" in rule:
        return bool(value > rule["NumericGreaterThan"])
    raise NotSimulated(str(rule))


def fill(template: Mapping[str, Any], data: Any, context: Json) -> Json:
    """`Parameters` or an `ItemSelector` with its paths resolved."""
    filled: Json = {}
    for name, value in template.items():
        if name[-2:] == ".$":
            filled[name[:-2]] = resolve(value, data, context)
        else:
            filled[name] = fill(value, data, context) if isinstance(value, dict) else value
    return filled


def resolve(path: str, data: Any, context: Json) -> Any:
    """`$.a.b` of the input or `$$.a.b` of the context; KeyError as Step Functions fails."""
    of_context, parts = _steps(path)
    value: Any = context if of_context else data
    for part in parts:
        value = value[part]
    return value


@cache
def _steps(path: str) -> tuple[bool, list[str]]:
    if "(" in path or "[" in path:
        raise NotSimulated(path)
    return path.startswith("$$"), [part for part in path.lstrip("$").split(".") if part]


def copied(value: Any) -> Any:
    """As it comes out of JSON again. Raises NotSimulated for what JSON has no form for."""
    kind = type(value)
    if kind is dict:
        return {_name(name): copied(each) for name, each in value.items()}
    if kind is list or kind is tuple:
        return [copied(each) for each in value]
    if value is None or kind in _PLAIN:
        return value
    if isinstance(value, str):
        return str(value)
    raise NotSimulated(f"{kind.__name__} in an input or output")


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise NotSimulated(f"the name {name!r} in an input or output")
    return name

"""The real functions, loaded once per process, with every way out of them leading into the current simulation."""

import importlib.util
import json
import os
import random
import secrets
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Self
from unittest import mock

from kabar import carriers, log
from kabar.carriers import clients, http
from kabar.carriers.base import Answer, Carrier, Request
from kabar.domain import campaigns
from kabar.domain.receipts import Block
from kabar.legs import freeze, plan, repair, send, settle, wiring
from kabar.storage import accounts, dynamo, executions, keys, plans, schedules
from local import package
from tests.simulation.system import carriers as simulated
from tests.simulation.system.here import HERE
from tests.simulation.system.table import plain

ROOT = Path(__file__).parents[3]
FUNCTIONS = (
    "PlanLeg",
    "PlanShard",
    "SendLane",
    "SettleLeg",
    "FollowPeople",
    "ApplyReceipts",
    "HandleReply",
    "Sweep",
    "SendMessages",
    "OpenWindow",
)
SETTINGS = {  # what a test of seconds needs to be short; the rest is as in the template
    "LEASE_SECONDS": "60",
    "ASK_AFTER_SECONDS": "30",
    "GIVE_UP_SECONDS": "21600",
    "DEPLOYMENT": "1a2b3c4d",
    "POWERTOOLS_LOG_LEVEL": "ERROR",
}
CHUNK_SIZE = 4  # recipients; 500 in the product
SHARDS = 4  # of a list's members; 16 in the product


class _Time:
    """The module `time`, as a host's clock shows it."""

    def time(self) -> float:
        return self.time_ns() / 1e9

    def time_ns(self) -> int:
        kernel = HERE.cloud.kernel
        return (kernel.now + (kernel.current.skew if kernel.current else 0)) * 1_000_000  # type: ignore[no-any-return]

    def monotonic(self) -> float:
        return float(HERE.cloud.kernel.now) / 1000

    def sleep(self, seconds: float) -> None:
        HERE.cloud.kernel.pause(round(seconds * 1000))


class _Random:
    def __getattr__(self, name: str) -> Any:
        return getattr(HERE.cloud.kernel.random, name)


class _Uuid:
    def uuid4(self) -> uuid.UUID:
        return uuid.UUID(int=HERE.cloud.kernel.random.getrandbits(128))


class _Secrets:
    def token_hex(self, size: int) -> str:
        return f"{HERE.cloud.kernel.random.getrandbits(8 * size):0{2 * size}x}"


class _AtOnce:
    """A ThreadPoolExecutor that does its work on the spot: threads would bring their own order."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, do: Any, *arguments: Any) -> SimpleNamespace:
        value = do(*arguments)
        return SimpleNamespace(result=lambda: value)

    def map(self, do: Any, *iterables: Any) -> list[Any]:
        return [do(*each) for each in zip(*iterables, strict=False)]


class _Quiet:
    """A logger that only remembers alarms."""

    def error(self, what: str, **_: Any) -> None:
        HERE.cloud.alarms.append(what)

    def info(self, *_: Any, **__: Any) -> None:
        pass

    warning = exception = set_correlation_id = info


EARLY = (
    plan,
    repair,
    send,
    settle,
    wiring,
)  # imported before the functions, so that they take the fakes from them
FAKES = {time: _Time(), random: _Random(), uuid: _Uuid(), secrets: _Secrets()}


def _carrier_call(request: Request, seconds: float) -> Answer:
    answer: Answer = HERE.cloud.carrier.http(request, seconds)
    return answer


def open_window(workspace: str, opening: int) -> None:
    HERE.cloud.open_window(workspace, opening)


@cache
def template() -> dict[str, Any]:
    return package.load()


def environment(function: str) -> dict[str, str]:
    """The function's variables of the template: parameters by their default, other references by name."""
    own = template()["Resources"][f"{function}Function"]["Properties"]
    every = template()["Globals"]["Function"]["Environment"]["Variables"]
    variables = every | own.get("Environment", {}).get("Variables", {})
    return {name: _text(value) for name, value in variables.items()} | SETTINGS


def _text(value: Any) -> str:
    while isinstance(value, dict | list):
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    text = str(template()["Parameters"].get(str(value), {}).get("Default", value))
    return text.removesuffix("Table").lower() if text.endswith("Table") else text


_carrier = carriers.carrier


def carrier(name: str, gateway: Mapping[str, Any] | None = None) -> Carrier:
    """As `kabar.carriers.carrier`, with the simulated ones."""
    return simulated.CONNECTORS.get(name) or _carrier(name, gateway)


@cache
def timeout(function: str) -> int:
    return int(template()["Resources"][f"{function}Function"]["Properties"]["Timeout"])


@cache
def stream_filter() -> list[dict[str, Any]]:
    """The patterns of follow_people."""
    events = template()["Resources"]["FollowPeopleFunction"]["Properties"]["Events"]["People"]["Properties"]
    return [json.loads(each["Pattern"]) for each in events["FilterCriteria"]["Filters"]]


@contextmanager
def installed() -> Iterator[dict[str, ModuleType]]:
    """The functions' modules by name, while everything they reach for is simulated."""
    with mock.patch.object(http, "call", _carrier_call), _patches() as patch:
        modules = {name: _load(name) for name in FUNCTIONS}
        for module in [*_product(), *modules.values()]:
            for name, value in list(vars(module).items()):
                if isinstance(value, ModuleType) and value in FAKES:
                    patch(module, name, FAKES[value])
                elif name == "logger":
                    patch(module, name, _Quiet())
                elif value is ThreadPoolExecutor:
                    patch(module, name, _AtOnce)
                elif name in {"sqs", "_sqs"}:
                    patch(module, name, lambda: HERE.cloud.queues)
        patch(modules["Sweep"], "open_window", open_window)
        yield modules


@contextmanager
def _patches() -> Iterator[Any]:
    with _Undone() as undone:
        patch = undone.set
        patch(log, "logger", _Quiet())
        patch(dynamo, "client", lambda: HERE.cloud.dynamo)
        patch(dynamo.Table, "_dynamo", property(lambda _: HERE.cloud.dynamo))
        patch(keys, "MEMBER_SHARDS", SHARDS)
        patch(plan, "SHARDS", list(range(SHARDS)))
        patch(freeze.members, "__defaults__", (range(SHARDS),))
        patch(dynamo, "encode_item", plain)
        patch(dynamo, "decode_item", plain)
        patch(dynamo, "encode", lambda value: value)
        patch(schedules, "client", lambda: HERE.cloud.scheduler)
        patch(plans, "client", lambda: HERE.cloud.bucket)
        patch(executions, "client", lambda: HERE.cloud.states)
        patch(accounts, "client", lambda: HERE.cloud.secrets)
        patch(clients.Clients, "wide", lambda _, *call: HERE.cloud.carrier.gateway(*call))
        patch(clients.Clients, "each", lambda _, *many: HERE.cloud.carrier.each(*many))
        patch(carriers, "CARRIERS", (*carriers.CARRIERS, *simulated.CONNECTORS.values()))
        patch(carriers, "carrier", carrier)
        patch(campaigns, "CHUNKS_PER_LANE", 1)
        patch(campaigns, "LEG_SECONDS", campaigns.LEG_SECONDS)  # each run sets its own
        for module in _product():
            for name, value in list(vars(module).items()):
                if isinstance(value, ModuleType) and value in FAKES:
                    patch(module, name, FAKES[value])
                elif value is _carrier:
                    patch(module, name, carrier)
                elif value is ThreadPoolExecutor:
                    patch(module, name, _AtOnce)
                elif name == "CHUNK_SIZE":
                    patch(module, name, CHUNK_SIZE)
        yield patch


class _Undone:
    """Attributes set, and set back at the end."""

    def __init__(self) -> None:
        self._old: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def set(self, holder: Any, name: str, value: Any) -> None:
        self._old.append((holder, name, getattr(holder, name)))
        setattr(holder, name, value)

    def __exit__(self, *_: object) -> None:
        for holder, name, value in reversed(self._old):
            setattr(holder, name, value)


def _product() -> list[ModuleType]:
    return [module for name, module in sys.modules.items() if name.startswith("kabar.")]


def folder(function: str) -> str:
    """`PlanLeg` -> `plan_leg`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in function).lstrip("_")


def _load(function: str) -> ModuleType:
    path = ROOT / "functions" / folder(function) / "handler.py"
    spec = importlib.util.spec_from_file_location(f"simulated_{folder(function)}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(os.environ, environment(function)):
        spec.loader.exec_module(module)
    return module


def leg_seconds(seconds: int) -> None:
    """How much work a leg takes on in this run."""
    vars(campaigns)["LEG_SECONDS"] = seconds


def cold(modules: dict[str, ModuleType]) -> None:
    """Forget what the functions remember between calls: each run begins with cold starts."""
    for module in modules.values():
        if "BLOCKS" in vars(module):
            known: list[Block] = module.BLOCKS._known
            known.clear()

"""A whole stack of this checkout: engine, simulated carrier and customer, deploy, one workspace. Several can live.

The one of `make up` is called `up` and stays. Those of the demo, the tests and the chaos run belong to the
process that started them; when it died without stopping its stack, the next command clears it away.
"""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import bootstrap, deploy, engine, http, paths, processes
from local.trouble import Trouble

UP = "up"
_START_SECONDS = 15
_SIMULATORS = ("carrier", "customer")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stack:
    """A running stack; `outputs` are the template's."""

    name: str
    emulator_url: str
    api_url: str
    api_key: str
    workspace: str
    sender: str
    carrier_url: str
    callbacks_url: str
    outputs: dict[str, str]

    @property
    def engine(self) -> engine.Engine:
        return engine.Engine(self.emulator_url, home(self.name))

    @property
    def uploads_bucket(self) -> str:
        return self.outputs["UploadsBucket"]

    def client(self, service: str) -> Any:
        """A boto3 client of its engine."""
        return self.engine.client(service)

    def api(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> http.Answer:
        """Call the API with the stack's key; `headers` come on top and may replace it."""
        bearer = {"Authorization": f"Bearer {self.api_key}", **(headers or {})}
        return http.call(method, self.api_url + path, body, bearer)

    def carrier(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control route of the simulated carrier, such as `/_truth`. Raises Trouble at a refusal."""
        answer = http.call(method, self.carrier_url + path, body)
        if answer.status >= 300:
            raise Trouble(f"The simulated carrier refused {method} {path}: {answer.status} {answer.body}")
        return answer.body

    def customer(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control route of the simulated customer, such as `/_got`. Raises Trouble at a refusal."""
        answer = http.call(method, self.callbacks_url + path, body)
        if answer.status >= 300:
            raise Trouble(f"The simulated customer refused {method} {path}: {answer.status} {answer.body}")
        return answer.body

    def drop(self, key: str, body: bytes) -> None:
        """Put a file into the uploads bucket, under the workspace: `lists/<list>/<file>`."""
        self.client("s3").put_object(Bucket=self.uploads_bucket, Key=f"{self.workspace}/{key}", Body=body)

    def local_json(self) -> dict[str, Any]:
        """What `.kabar/local.json` says; null for what isn't built yet."""
        return {
            "api_url": self.api_url,
            "api_key": self.api_key,
            "workspace": self.workspace,
            "emulator_url": self.emulator_url,
            "uploads_bucket": self.uploads_bucket,
            "carrier_url": self.carrier_url,
            "callbacks_url": self.callbacks_url,
            "console_url": None,
            "sender": self.sender,
            "aws": engine.CREDENTIALS,
        }


def home(name: str) -> Path:
    return paths.STACKS / name


def find(name: str = UP) -> Stack | None:
    """The stack of that name if it is up: all its processes alive and its state whole."""
    folder = home(name)
    if not (engine.running(folder) and _simulators_alive(folder)):
        return None
    try:
        return Stack(**json.loads(_state(folder).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def start(
    name: str,
    *,
    parameters: Mapping[str, str] | None = None,
    port: int | None = None,
    owner: int | None = None,
    say: Say = lambda _: None,
    deployer: deploy.Deployer = deploy.deploy,
    recording: bool = False,
) -> Stack:
    """Start a stack, or return the one of that name that is up. It may outlive `owner` (a pid) only if None.

    `recording` makes its engine remember every call (`local.permissions`).
    Raises Trouble.
    """
    reap()
    folder = home(name)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(name):
        running = find(name)
        if running is not None:
            return running
        if _remains(folder):  # of a kill -9 or a reboot
            say("clearing away what an earlier start left that is dead")
        _clear(folder)
        if owner is not None:
            processes.of(owner).save(folder / "owner.json")
        try:
            return _start(name, folder, parameters or {}, port, say, deployer, recording)
        except BaseException:
            _clear(folder, keep_log=True)
            raise


def stop(name: str) -> bool:
    """Stop a stack and remove what it left; False when there was nothing to stop."""
    folder = home(name)
    if not folder.exists():
        return False
    with _locked(name):
        was_up = engine.running(folder) or _simulators_alive(folder)
        _clear(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return was_up


def reap() -> None:
    """Clear away stacks whose owner died without doing so."""
    for folder in paths.STACKS.glob("*/") if paths.STACKS.exists() else ():
        owner = processes.Process.load(folder / "owner.json")
        if owner is not None and not owner.alive:
            stop(folder.name)


def _start(
    name: str,
    folder: Path,
    parameters: Mapping[str, str],
    port: int | None,
    say: Say,
    deployer: deploy.Deployer,
    recording: bool,
) -> Stack:
    say("starting the local cloud, the simulated carrier and the simulated customer")
    carrier, customer = (_start_simulator(folder, each) for each in _SIMULATORS)
    local = engine.start(folder, port, recording=recording)
    say("deploying template.yaml")
    outputs = deployer(local, parameters)
    api_url = outputs.pop("LocalApiUrl")
    carrier_url = _simulator_url(folder, "carrier", carrier)
    callbacks_url = _simulator_url(folder, "customer", customer)
    say("creating a workspace and an API key")
    made = bootstrap.bootstrap(local, deploy.STACK, outputs, api_url, carrier_url)
    stack = Stack(
        name=name,
        emulator_url=local.url,
        api_url=api_url,
        api_key=made.api_key,
        workspace=made.workspace,
        sender=made.sender,
        carrier_url=carrier_url,
        callbacks_url=callbacks_url,
        outputs=outputs,
    )
    _write(_state(folder), asdict(stack))
    if name == UP:
        _write(paths.LOCAL_JSON, stack.local_json())
    return stack


def _start_simulator(folder: Path, kind: str) -> processes.Process:
    log = folder / "log" / f"{kind}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    state = str(folder / f"{kind}-state.json")
    command = [sys.executable, "-m", f"local.{kind}", "--port", "0", "--state-file", state]
    process = processes.start(command, log, {"PYTHONUNBUFFERED": "1"}, paths.ROOT)
    process.save(folder / f"{kind}.json")
    return process


def _simulator_url(folder: Path, kind: str, process: processes.Process) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while process.alive and time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads((folder / f"{kind}-state.json").read_text())["url"])
        time.sleep(0.05)
    raise Trouble(f"The simulated {kind} doesn't start. The end of {process.log}:\n{process.tail()}")


def _simulators_alive(folder: Path) -> bool:
    found = [processes.Process.load(folder / f"{kind}.json") for kind in _SIMULATORS]
    return all(process is not None and process.alive for process in found)


def _remains(folder: Path) -> bool:
    return any(folder.glob("*.json"))


def _clear(folder: Path, *, keep_log: bool = False) -> None:
    """Stop whatever of ours still runs there and remove its files."""
    for kind in _SIMULATORS:
        simulator = processes.Process.load(folder / f"{kind}.json")
        if simulator is not None:
            processes.stop(simulator)
    engine.stop(folder)
    for path in folder.glob("*.json"):
        path.unlink()
    if not keep_log:
        shutil.rmtree(folder / "log", ignore_errors=True)
    if folder.name == UP:
        paths.LOCAL_JSON.unlink(missing_ok=True)


def _state(folder: Path) -> Path:
    return folder / "stack.json"


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Whole or not at all, and for its owner's eyes: it holds a key."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.chmod(0o600)
    draft.replace(path)


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """One command at a time starts or stops a stack."""
    locks = paths.KABAR / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(locks / name, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

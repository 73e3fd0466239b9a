"""The local AWS engine (ministack): start, find, stop. One per stack, on 127.0.0.1 only.

`AUTH=true`: every Lambda runs as its execution role and is really denied what its policy lacks.
The engine's own caller, which the commands here use, is its root: access key and secret `test`.
"""

import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local import http, paths, processes
from local.trouble import Trouble

HOST = "127.0.0.1"
REGION = "us-east-1"
CREDENTIALS = {"access_key_id": "test", "secret_access_key": "test", "region": REGION}
_START_SECONDS = 30
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 3}, read_timeout=60, max_pool_connections=20)


@dataclass(frozen=True)
class Engine:
    """A running engine: where it answers, and the folder that holds all it leaves behind."""

    url: str
    home: Path

    def client(self, service: str) -> Any:
        """A boto3 client with the engine's own credentials."""
        return boto3.session.Session().client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["access_key_id"],
            aws_secret_access_key=CREDENTIALS["secret_access_key"],
            config=_CONFIG,
        )

    @property
    def log(self) -> Path:
        return _log(self.home)

    def workers(self) -> Iterator[tuple[int, str]]:
        """(pid, function name) of its Lambda workers."""
        for pid in processes.having(f"{_temporary(self.home)}/ministack-lambda-"):
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_text()
                yield pid, command.partition("ministack-lambda-")[2].partition("/")[0]


def start(home: Path, port: int | None = None, *, recording: bool = False) -> Engine:
    """Start an engine whose files lie under `home`, on `port` or a free one. Raises Trouble.

    `recording`: it remembers the calls it gets, for CloudTrail's LookupEvents.
    """
    if not (paths.ENGINE / "ministack").exists():
        raise Trouble("The local cloud isn't installed yet: run `make setup`.")
    if port and not _free(port):
        raise Trouble(
            f"Port {port} on {HOST} is taken. Choose another with KABAR_PORT, or none for a free one."
        )
    for path in (_temporary(home), _log(home).parent):
        path.mkdir(parents=True, exist_ok=True)
    for _ in range(3):  # a free port can be taken by someone else before the engine has it
        chosen = port or _free_port()
        process = processes.start(
            [str(paths.ENGINE / "python"), "-m", "ministack"],
            _log(home),
            _environment(home, chosen, recording),
            home,
        )
        process.save(_state(home))
        engine = Engine(f"http://{HOST}:{chosen}", home)
        if _answers(engine, process, _START_SECONDS):
            return engine
        processes.stop(process)
    raise Trouble(f"The local cloud doesn't start. The end of {process.log}:\n{process.tail()}")


def running(home: Path) -> bool:
    """Whether the engine of `home` is alive: not one of before a reboot, nor a stranger with its pid."""
    process = processes.Process.load(_state(home))
    return process is not None and process.alive


def stop(home: Path) -> None:
    """Stop the engine of `home`, and remove what it and its workers left."""
    process = processes.Process.load(_state(home))
    if process is not None:
        processes.stop(process)
    # Workers end with the engine; after a kill -9 of the engine some may not. Their path is under our home.
    for pid in list(processes.having(f"{_temporary(home)}/ministack-lambda-")):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(_temporary(home), ignore_errors=True)
    _state(home).unlink(missing_ok=True)


def _environment(home: Path, port: int, recording: bool) -> dict[str, str]:
    return {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"],
        "TMPDIR": str(_temporary(home)),
        "TZ": "UTC",  # as in Lambda
        "CLOUDTRAIL_RECORDING": str(int(recording)),
        "CLOUDTRAIL_MAX_EVENTS": "100000",
    }


def _answers(engine: Engine, process: processes.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.alive and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            return http.call("GET", f"{engine.url}/_ministack/health", timeout=2).status == 200
        time.sleep(0.05)
    return False


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _temporary(home: Path) -> Path:
    return home / "tmp"


def _log(home: Path) -> Path:
    return home / "log" / "engine.log"


def _state(home: Path) -> Path:
    return home / "engine.json"

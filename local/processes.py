"""Background processes that outlive the command that started them, and are surely ours when stopped."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Process:
    """One started process. A pid may be reused: start time and boot say whether it's still the same."""

    pid: int
    started: int  # clock ticks after boot
    boot: str
    log: str

    @property
    def alive(self) -> bool:
        return self.boot == _BOOT.read_text().strip() and _started(self.pid) == self.started

    def tail(self, lines: int = 12) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return "\n".join(Path(self.log).read_text(errors="replace").splitlines()[-lines:])
        return ""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "Process | None":
        """The process that `path` remembers; None when there is none or the file was cut short."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None


def start(command: Sequence[str], log: Path, environment: Mapping[str, str], cwd: Path) -> Process:
    """Start `command` in a session of its own, with the environment it is given, PATH and the like."""
    inherited = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with log.open("ab") as out:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child.returncode = 0  # it is meant to outlive us: no ResourceWarning
    return Process(child.pid, _started(child.pid) or 0, _BOOT.read_text().strip(), str(log))


def of(pid: int) -> Process:
    """The process that has this pid now."""
    return Process(pid, _started(pid) or 0, _BOOT.read_text().strip(), "")


def stop(process: Process, patience: float = 10) -> None:
    """Ask it to end, wait, then insist. Nothing happens if it is gone or the pid is somebody else's now."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 3)):
        if not process.alive:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        wait_until_gone(process, seconds)
    with contextlib.suppress(ChildProcessError):  # only if this very process started it
        os.waitpid(process.pid, os.WNOHANG)


def wait_until_gone(process: Process, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while process.alive and time.monotonic() < deadline:
        time.sleep(0.05)


def having(text: str) -> Iterator[int]:
    """Pids of the processes whose command line contains `text`."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if text in (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                    yield int(entry.name)


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks after boot; None when there is none, or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])

"""Progress for people: a line that is rewritten in place on a terminal, plain lines anywhere else."""

import shutil
import sys
import time

_QUIET = 2.0  # seconds between plain lines


class Live:
    """One step at a time: `update` while it goes on, `done` once."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._began = self._said = time.monotonic()
        self._last = ""

    def begin(self) -> None:
        self._began = self._said = time.monotonic()
        self._last = ""

    @property
    def seconds(self) -> float:
        """Since the step began."""
        return time.monotonic() - self._began

    def update(self, text: str) -> None:
        line = f"  … {text}"
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{line[:width]}", end="", flush=True)
        elif line != self._last and time.monotonic() - self._said >= _QUIET:
            print(line, flush=True)
            self._said = time.monotonic()
            self._last = line

    def done(self, text: str) -> None:
        start = "\r\x1b[K" if self._terminal else ""
        print(f"{start}  ✓ {text:<88}{self.seconds:6.1f} s", flush=True)

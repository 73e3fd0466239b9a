"""Time and processes of a simulated cloud: one seed, one order of events, the same again.

A process is a Lambda invocation, a person or a state machine's step that runs the real code in a greenlet. It gives
way only in `pause`; who goes on is decided by the simulated clock alone.
"""

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

START = 1_800_000_000_000  # epoch ms

Do = Callable[[], object]


class Death(BaseException):
    """The process ends here, between two effects or in one."""


class Endless(BaseException):
    """More effects than any honest run has."""


class Dice(Random):
    """Random, several times faster where it is asked for whole numbers."""

    def randint(self, a: int, b: int) -> int:
        return a + int(self.random() * (b - a + 1))

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        first, last = (0, start) if stop is None else (start, stop)
        return first + step * int(self.random() * ((last - first) // step))

    def choice(self, seq: Any) -> Any:
        return seq[int(self.random() * len(seq))]


class Process:
    """One invocation on one host. `skew` (ms) is how far the host's clock is off; `failed` is why it ended early."""

    def __init__(self, name: str, skew: int, workspace: str = "") -> None:
        self.name = name
        self.prefix = f"{name} "
        self.skew = skew
        self.workspace = workspace
        self.started = 0
        self.seconds = 900
        self.beside: int | None = None  # how long one of several things at once has taken so far (ms)
        self.killed = False
        self.told = False  # its caller has heard of its end, or believes that it has
        self.task: greenlet | None = None
        self.execution: Any = None  # the execution that called it
        self.done: Callable[[Any, BaseException | None], None] = lambda _value, _error: None

    def __str__(self) -> str:
        return self.name

    def tell(self, value: Any, error: BaseException | None) -> None:
        if not self.told:
            self.told = True
            self.done(value, error)


class Kernel:
    """The event loop. `now` is the true time in ms."""

    def __init__(self, random: Random, most: int = 60_000) -> None:
        self.random = random
        self.now = START
        self.current: Process | None = None
        self.left = most
        self._events: list[tuple[int, int, Do | Process]] = []  # a process goes on, anything else is done
        self.number = 0
        self._until = 0
        self._loop = getcurrent()
        self._alive: set[Process] = set()

    # ---- outside of processes ----

    def at(self, when: int, do: Do | Process) -> None:
        """Do something at a time (ms), or now if that has passed."""
        self.number += 1
        heapq.heappush(self._events, (max(self.now, when), self.number, do))

    def after(self, milliseconds: int, do: Do | Process) -> None:
        self.at(self.now + milliseconds, do)

    def spawn(
        self,
        process: Process,
        job: Callable[[], Any],
        done: Callable[[Any, BaseException | None], None],
        delay: int = 0,
    ) -> None:
        """Run `job` in a process; `done` gets its answer or what it raised, once."""
        process.done = done
        process.started = self.now + delay
        process.task = greenlet(lambda: self._live(process, job), self._loop)
        self._alive.add(process)
        self.after(delay, process)
        self.at(process.started + process.seconds * 1000, lambda: self._time_out(process))

    def run(self, until: int) -> None:
        """Event after event until nothing is left, or `until` (ms)."""
        self._until = until
        while self._events and self._events[0][0] <= until:
            self.now, _, do = heapq.heappop(self._events)
            if type(do) is Process:
                self._resume(do)
            else:
                do()  # type: ignore[operator]  # nobody makes other kinds of processes

    def end(self) -> None:
        """Nobody goes on."""
        self._events.clear()
        for process in list(self._alive):
            process.killed = True
            self._resume(process)

    @property
    def idle(self) -> bool:
        return not self._alive

    # ---- inside ----

    def pause(self, milliseconds: int) -> None:
        """The current process waits; others go on. Raises Death when it was killed meanwhile."""
        process = self.current
        if process is None:
            self.now += milliseconds
            return
        if process.killed:
            raise Death
        self.left -= 1
        if self.left < 0:
            raise Endless
        if process.beside is not None:
            process.beside += milliseconds
            return
        wake = self.now + milliseconds
        events = self._events
        if not events or events[0][0] > wake:
            self.now = wake
            return
        self.number += 1
        when, _, following = events[0]
        if type(following) is Process and following.task and when <= self._until:
            heapq.heapreplace(events, (wake, self.number, process))
            self.now, self.current = when, following
            following.task.switch()  # to the next one at once: the loop has nothing to do in between
        else:
            heapq.heappush(events, (wake, self.number, process))
            self._loop.switch()
        if process.killed:
            raise Death

    def host_time(self) -> int:
        """What the current host's clock says (ms)."""
        return self.now + (self.current.skew if self.current else 0)

    def left_of(self, process: Process) -> int:
        """Milliseconds until the process is killed."""
        return process.started + process.seconds * 1000 - self.now

    def _resume(self, process: Process) -> None:
        if process.task is None or process.task.dead:
            return
        self.current = process
        try:
            process.task.switch()
        finally:
            self.current = None

    def _live(self, process: Process, job: Callable[[], Any]) -> None:
        value: Any = None
        failure: BaseException | None = None
        try:
            value = job()
        except Death as death:
            failure = death
        except Endless:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a handler raises is its caller's to hear
            failure = error
        self._alive.discard(process)
        self.after(self.random.randint(1, 20), lambda: process.tell(value, failure))

    def _time_out(self, process: Process) -> None:
        if process in self._alive:
            process.killed = True
            process.tell(None, TimeoutError(process.name))

"""Effects: everything a process does to the world, and what may go wrong with it."""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from tests.simulation.system.faults import Fault, Script
from tests.simulation.system.kernel import START, Death, Kernel, Process

T = TypeVar("T")
Point = str | Callable[[], str]  # what is done to what, such as `put take`
LEASE = 60_000  # ms of a claim in the simulation
PARTLY = 0.1  # the chance that a batch is done in part, or that a transaction meets another


class Effects:
    """Runs an effect with its delays and its fault. `abort` ends the execution that a process belongs to."""

    def __init__(
        self,
        kernel: Kernel,
        script: Script,
        abort: Callable[[Process], None],
        died: Callable[[Process], None],
        errors: tuple[Callable[[], Exception], Callable[[], Exception]],
    ) -> None:
        """`trace`, when there is one, gets a line for every effect."""
        self._kernel = kernel
        self._script = script
        self._abort = abort
        self._died = died
        self._lost, self._refused = errors
        self.trace: list[str] | None = None
        self._any = kernel.random.random

    def partly(self) -> bool:
        """Whether this batch is done in part."""
        calm = self._kernel.now - START >= self._script.calm
        return not calm and self._kernel.current is not None and self._any() < PARTLY

    def fault_at(self, point: Point) -> Fault | None:
        """What goes wrong here. The point is named only where its name matters."""
        process, script = self._kernel.current, self._script
        fault, named = script.next_effect(), process is None or process.name in script.named
        if fault is None and not named and not script.storm and self.trace is None:
            return None
        name = f"{process.prefix if process else ''}{point if isinstance(point, str) else point()}"
        now = self._kernel.now - START
        fault = script.at(name, fault, now, self._kernel.random)
        if self.trace is not None:
            self.trace.append(f"{now:>9} {name}{f' !!! {fault.value}' if fault else ''}")
        return fault

    def run(self, point: Point, do: Callable[[], T]) -> T:
        """One effect of the current process, which outside of a simulated process can't fail."""
        kernel, process = self._kernel, self._kernel.current
        if process is None:
            return do()
        fault = self.fault_at(point)
        kernel.pause(int(self._any() * 30) + 1)
        if fault is None:
            result = do()
            if self._any() < 0.2:
                kernel.pause(int(self._any() * 30) + 1)  # the answer travels, too
            return result
        return self._badly(fault, process, do)

    def _badly(self, fault: Fault, process: Process, do: Callable[[], T]) -> T:
        kernel = self._kernel
        match fault:
            case Fault.DIES_BEFORE:
                self.die(process)
            case Fault.DIES_AFTER:
                _unheard(do)
                self.die(process)
            case Fault.ABORTED:
                self._abort(process)
                self.die(process)
            case Fault.LOST_ONCE:
                _unheard(do)
                kernel.pause(kernel.random.randint(1000, 4000))
            case Fault.LOST:
                _unheard(do)
                kernel.pause(10_000)
                raise self._lost()
            case Fault.THROTTLED:
                kernel.pause(2_000)
                raise self._refused()
            case Fault.SLOW | Fault.STUCK:
                slow = 3_000 if fault is Fault.SLOW else LEASE * 5 // 4
                if kernel.random.random() < 0.5:
                    result = do()
                    kernel.pause(slow)
                    return result
                kernel.pause(slow)
            case Fault.ORPHANED:
                kernel.after(1, lambda: process.tell(None, ConnectionError("no answer")))
                kernel.pause(kernel.random.randint(1, 8_000))  # so that both are at work
        return do()

    def die(self, process: Process) -> Any:
        """The process ends here."""
        self._died(process)
        raise Death


def _unheard(do: Callable[[], object]) -> None:
    with contextlib.suppress(ClientError):  # nobody hears of a refusal either
        do()

"""Effects: everything a process does to the world, and what may go wrong with it."""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from tests.simulation.system.faults import Fault, Script
from tests.simulation.system.kernel import START, Death, Kernel, Process

T = TypeVar("T")
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
        log: Callable[[str], None],
    ) -> None:
        self._kernel = kernel
        self._script = script
        self._abort = abort
        self._died = died
        self._lost, self._refused = errors
        self._log = log

    def partly(self) -> bool:
        """Whether this batch is done in part."""
        calm = self._kernel.now - START >= self._script.calm
        return not calm and self._kernel.current is not None and self._kernel.random.random() < PARTLY

    def read(self, point: str, do: Callable[[], T]) -> T:
        return self._run(point, do)

    def write(self, point: str, do: Callable[[], T]) -> T:
        return self._run(point, do)

    def fault_at(self, point: str) -> Fault | None:
        process = self._kernel.current
        name = f"{process.name} {point}" if process else point
        fault = self._script.at(name, self._kernel.now - START, self._kernel.random)
        self._log(f"{name}{f' !!! {fault.value}' if fault else ''}")
        return fault

    def _run(self, point: str, do: Callable[[], T]) -> T:
        kernel, process = self._kernel, self._kernel.current
        if process is None:
            return do()
        fault = self.fault_at(point)
        kernel.pause(kernel.random.randint(1, 30))
        if fault is None:
            result = do()
            if kernel.random.random() < 0.2:
                kernel.pause(kernel.random.randint(1, 30))  # the answer travels, too
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

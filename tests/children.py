"""Work in child processes: forked, so that each begins with all that is loaded, and its memory ends with it."""

import os
import pickle
import select
import traceback
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any


def in_children(
    jobs: Iterable[tuple[Any, Callable[[], object]]], processes: int
) -> Iterator[tuple[Any, Any]]:
    """Each job's name and what it answers, from a child of its own, several at once; None when the child died."""
    left, running = iter(jobs), dict[int, tuple[int, Any]]()
    while True:
        for name, job in islice(left, processes - len(running)):
            child, pipe = _child(job)
            running[pipe] = child, name
        if not running:
            return
        for pipe in select.select(list(running), [], [])[0]:
            child, name = running.pop(pipe)
            with os.fdopen(pipe, "rb") as answer:
                content = answer.read()
            os.waitpid(child, 0)
            answered, value = pickle.loads(content) if content else (True, None)  # noqa: S301  # our own child's
            if not answered:
                raise SystemExit(f"{name}: {value}")
            yield name, value


def _child(job: Callable[[], object]) -> tuple[int, int]:
    """Its process id and the pipe that it answers through."""
    end, start = os.pipe()
    child = os.fork()
    if child:
        os.close(start)
        return child, end
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        try:
            told: tuple[bool, object] = (True, job())
        except Exception:  # noqa: BLE001  # raised by the parent
            told = (False, traceback.format_exc())
        with os.fdopen(start, "wb") as answer:
            answer.write(pickle.dumps(told))
    finally:
        os._exit(0)

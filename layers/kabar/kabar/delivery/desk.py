"""What delivering works with, and what the first attempts and the later ones do alike."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from kabar.domain.callbacks import Callback, Outcome, Verdict
from kabar.log import logger
from kabar.storage.callback_settings import Endpoints
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Item

T = TypeVar("T")
LATE = 30_000  # ms that what is parked may wait beyond its time before a run that sleeps is replaced

Send = Callable[[Item, Callback], Outcome]
Start = Callable[[Item, int], None]
"""Start the execution of one run of an endpoint: {id, workspace, kind}, run."""


@dataclass(frozen=True)
class Desk:
    """`clock` is epoch ms, `chance` random in [0, 1), `monotonic` seconds; `given_up` tells of so many callbacks of an
    endpoint, `switched_off` of the endpoint, by mail.
    """

    book: Book
    endpoints: Endpoints
    send: Send
    start: Start
    given_up: Callable[[Item, int], None]
    switched_off: Callable[[Item], None]
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = lambda: 0.5

    def ensure_run(self, endpoint: Item, state: Item, due: int | None = None) -> None:
        """See to it that somebody works on what is parked (at `due`), given the state after parking."""
        if due is not None and state.get("asleep", 0) > due + LATE:
            _replace(self.book, self.start, endpoint, state["run"], asleep=True)
        else:
            ensure_run(self.book, self.start, endpoint, state)

    def wake(self, endpoint: Item) -> None:
        """See to it that somebody works on what is parked right now."""
        wake(self.book, self.start, endpoint)

    def renew(self, endpoint: Item, run: int) -> None:
        """Let another execution go on in the place of this run's."""
        _replace(self.book, self.start, endpoint, run, asleep=False)

    def switch_off(self, endpoint: Item, why: str) -> None:
        """The endpoint says that it is gone: nothing more is sent until somebody switches it on."""
        if self.book.gone(endpoint["id"], {"at": self.clock(), "by": "endpoint", "why": why}):
            logger.warning("endpoint off", endpoint=endpoint["id"], workspace=endpoint["workspace"], why=why)
            self.switched_off(endpoint)


def ensure_run(book: Book, start: Start, endpoint: Item, state: Item) -> None:
    """Begin a run unless there is one in `state`."""
    if state.get("running"):
        return
    run = book.take_run(endpoint["id"], endpoint["workspace"], endpoint["kind"], state.get("run", 0))
    if run is not None:
        start(endpoint, run)


def wake(book: Book, start: Start, endpoint: Item) -> None:
    """Begin a run now: one that sleeps is replaced, one that works looks once more before it sleeps."""
    state = book.call(endpoint["id"])
    if "asleep" in state:
        _replace(book, start, endpoint, state["run"], asleep=True)
    else:
        ensure_run(book, start, endpoint, state)


def _replace(book: Book, start: Start, endpoint: Item, run: int, *, asleep: bool) -> None:
    following = book.hand_on(endpoint["id"], endpoint["workspace"], endpoint["kind"], run, asleep=asleep)
    if following is not None:
        start(endpoint, following)


class Streak:
    """Failures in a row over all threads, and whether the endpoint had better be left alone now."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._row = 0
        self.worst: Outcome | None = None
        self.answered = False
        self.failing = False
        self.gone = False

    @property
    def stopped(self) -> bool:
        return self.failing or self.gone

    def note(self, outcome: Outcome) -> None:
        """Take one outcome; a delivery or a refusal shows that the endpoint answers."""
        if outcome.verdict is Verdict.AGAIN:
            self._row += 1
            self.worst = outcome
            self.failing |= self._row >= self._limit or outcome.not_before is not None
            return
        self._row = 0
        self.answered = True
        self.gone |= outcome.verdict is Verdict.GONE

    def end(self) -> None:
        """All were tried; when none was answered and it can't be them, the endpoint fails."""
        self.failing |= self.worst is not None and self.worst.ailing and not self.answered


def side_by_side(
    entries: Iterable[T], work: Callable[[T], Any], many: int, pace: Callable[[], None] = lambda: None
) -> Iterator[tuple[T, Any]]:
    """(entry, what `work` made of it), in order, with `many` threads; `pace` is called before each begins."""
    waiting: list[tuple[T, Any]] = []
    with ThreadPoolExecutor(many) as threads:
        for entry in entries:
            pace()
            waiting.append((entry, threads.submit(work, entry)))
            while len(waiting) >= many or (waiting and waiting[0][1].done()):
                first, future = waiting.pop(0)
                yield first, future.result()
        for entry, future in waiting:
            yield entry, future.result()

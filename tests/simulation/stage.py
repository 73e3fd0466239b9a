"""Several senders at once, one step at a time: a seeded choice says who goes on, so every interleaving repeats."""

import threading
from collections.abc import Callable, Sequence
from random import Random


class Stage:
    """Runs jobs in threads of which only one is awake; `switch` is where another one may go on."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._awake: list[threading.Semaphore] = []
        self._alive: list[int] = []
        self._now = 0
        self._over = threading.Semaphore(0)
        self._failures: list[BaseException] = []

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Every job to its end. What a job raises is raised here."""
        if len(jobs) == 1:
            jobs[0]()
            return
        self._awake = [threading.Semaphore(0) for _ in jobs]
        self._alive = list(range(len(jobs)))
        threads = [threading.Thread(target=self._play, args=entry) for entry in enumerate(jobs)]
        for thread in threads:
            thread.start()
        self._pass_on()
        self._over.acquire()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def switch(self) -> None:
        """Let somebody go on, perhaps the caller."""
        if len(self._alive) > 1:
            me = self._now
            self._pass_on()
            self._awake[me].acquire()

    def _play(self, number: int, job: Callable[[], None]) -> None:
        self._awake[number].acquire()
        try:
            job()
        except BaseException as failure:  # noqa: BLE001  # it is raised again by `run`
            self._failures.append(failure)
        self._alive.remove(number)
        if self._alive:
            self._pass_on()
        else:
            self._over.release()

    def _pass_on(self) -> None:
        self._now = self._random.choice(self._alive)
        self._awake[self._now].release()

"""What notices mutants: the tests that pass their line, the quickest first, then simulated runs that do."""

import builtins
import gc
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from types import ModuleType

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from tests.mutants import mutation
from tests.mutants.mutation import ROOT, Mutant
from tests.simulation.system import case, machinery

SEED = "make simulate RUNS=1 SEED="
FOLDERS = ("tests/unit", "tests/functions", "tests/carriers", "tests/simulation/test_protocol.py")
SLOW = (
    "tests/functions/test_permissions.py",
    "tests/unit/test_hours_everywhere.py",
)  # and about nothing of this
ENOUGH = 15  # seconds of tests that pass a mutant's line; then the simulation is asked
PLAIN = ("-qq", "-n0", "-p", "no:cacheprovider", "--assert=plain", "-o", "filterwarnings=")
MEMORY = 4 << 30  # bytes; a mutant that takes more counts as noticed
PATIENCE = 15  # seconds, and …
SLOWER = 10  # … times what it takes otherwise, after which a mutant that never ends counts as noticed

Line = tuple[str, int]


@dataclass
class Passed:
    """How long (seconds) each test and each seed takes, and the lines that it passes."""

    seconds: dict[str, float] = field(default_factory=dict)
    by_line: dict[Line, set[str]] = field(default_factory=dict)

    def add(self, name: str, seconds: float, lines: Iterable[Line]) -> None:
        self.seconds[name] = seconds
        for line in lines:
            self.by_line.setdefault(line, set()).add(name)

    def at(self, mutant: Mutant) -> set[str]:
        return self.by_line.get((mutation.module_of(mutant.file), mutant.line), set())


def collected(do: Callable[[Sequence[pytest.Item]], int]) -> int:
    """What `do` answers, inside a pytest that has collected every test and run none."""
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    answers: list[int] = []

    class Loop:
        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            mutation.loaded()  # before the children are made, so that they needn't look
            gc.freeze()  # else each child's garbage collector would copy it all
            answers.append(do(session.items))
            return True

    ignored = [f"--ignore={ROOT / file}" for file in SLOW]
    pytest.main([*PLAIN, *ignored, *(str(ROOT / folder) for folder in FOLDERS)], plugins=[Loop()])
    return answers[0]


def failing(items: Sequence[pytest.Item], patience: Callable[[str], int]) -> Iterator[tuple[str, bool]]:
    """Runs each test and says whether it fails; it may take `patience(name)` seconds."""
    for item, following in pairwise([*items, None]):
        assert item
        signal.alarm(patience(item.nodeid))
        reports = runtestprotocol(item, log=False, nextitem=following)
        yield item.nodeid, any(report.failed for report in reports)


def passes(items: Sequence[pytest.Item], seeds: Sequence[int]) -> list[tuple[str, float, list[Line]]]:
    """Name, seconds and lines of every test and seed that passes some; what fails already notices nothing."""
    lines: set[Line] = set()
    vars(builtins)["passed"] = lines.add
    mutation.replace({file: mutation.traced(file) for file in mutation.FILES})
    found, began = [], time.monotonic()

    def note(name: str, fails: object) -> None:
        nonlocal began
        if lines and not fails:
            found.append((name, time.monotonic() - began, sorted(lines)))
        lines.clear()
        began = time.monotonic()

    for name, fails in failing(items, lambda _: 600):
        note(name, fails)
    with machinery.installed() as modules:
        began = time.monotonic()
        for seed in seeds:
            note(f"{SEED}{seed}", case.run(seed, modules).broken)
    return found


class Killers:
    """Notices mutants. What noticed others like one is asked first."""

    def __init__(self, items: Sequence[pytest.Item], passed: Passed) -> None:
        self._items = {item.nodeid: item for item in items}
        self._passed = passed
        self._noticed: Counter[tuple[object, str]] = Counter()

    def credit(self, mutant: Mutant, by: str) -> None:
        """`by` noticed this one."""
        for like in _likes(mutant):
            self._noticed[like, by] += 10
            self._noticed[like, _file(by)] += 1

    def job(self, mutant: Mutant, first: str | None) -> Callable[[], str]:
        """Runs in a child: who notices the mutant, "" when nobody does."""
        passing = self._passed.at(mutant)
        credit, seconds, likes = self._noticed, self._passed.seconds, _likes(mutant)

        def place(name: str) -> tuple[bool, int, float]:
            before = sum(credit[like, name] + credit[like, _file(name)] for like in likes)
            return name != first, -before, seconds[name]

        tests = sorted(passing & self._items.keys(), key=place)
        taken = accumulate(seconds[name] for name in tests)
        tests = [name for name, after in zip(tests, taken, strict=True) if after <= ENOUGH]
        seeds = sorted((name for name in passing if name.startswith(SEED)), key=place)
        return lambda: self._who(mutant, tests, seeds)

    def _who(self, mutant: Mutant, tests: Sequence[str], seeds: Sequence[str]) -> str:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        mutant.apply()
        for name, fails in failing([self._items[name] for name in tests], self._patience):
            if fails:
                return name
        with machinery.installed() as modules:
            for name in seeds:
                signal.alarm(self._patience(name))
                if _breaks(int(name.removeprefix(SEED)), modules):
                    return name
        return ""

    def _patience(self, name: str) -> int:
        return int(PATIENCE + SLOWER * self._passed.seconds[name])


def _likes(mutant: Mutant) -> tuple[object, ...]:
    """What makes others like it: their function, their file, the kind of change."""
    return mutant.file, (mutant.file, mutant.function), mutant.what.partition(":")[0]


def _file(name: str) -> str:
    return name.partition("::")[0]


def _breaks(seed: int, modules: dict[str, ModuleType]) -> bool:
    try:
        return bool(case.run(seed, modules).broken)
    except Exception:  # noqa: BLE001  # out of the functions, through the simulation
        return True

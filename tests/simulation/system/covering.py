"""Many runs over several processes, and the table of what they covered."""

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any, Self

from tests.children import in_children
from tests.simulation.system import case, machinery
from tests.simulation.system.faults import CRASH_POINTS, NUMBERS, Fault

CLASSES = "ABCD"
AT_ONCE = 200  # runs of one process
WARM = 30  # runs


@dataclass
class Covered:
    """What some runs went through."""

    runs: int = 0
    dense: int = 0  # of at least three slices and three faults
    mixed: Counter[tuple[str, str]] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    points: Counter[tuple[int, str]] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, result: case.Result) -> None:
        plan = result.plan
        self.runs += 1
        self.dense += plan.slices >= 3 and sum(result.fired.values()) >= 3
        self.classes[plan.letter] += 1
        self.mixed.update((what, plan.letter) for what in result.met)
        self.ends.update(result.statuses)
        for (point, name), times in result.fired.items():
            if point == "carrier":
                self.faults[f"carrier: {name.lower().replace('_', ' ')}", plan.letter] += times
                continue
            if point == "schedule":
                self.faults["schedule lost", plan.letter] += times
                continue
            self.faults[Fault[name].value, plan.letter] += times
            for number in NUMBERS.get((point, Fault[name]), ()):
                self.points[number, plan.letter] += times
        if result.broken:
            self.broken.append("\n    ".join([str(plan), *result.broken]))

    def __iadd__(self, other: "Covered") -> Self:
        for name in ("runs", "dense"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("classes", "points", "faults", "ends", "mixed"):
            getattr(self, name).update(getattr(other, name))
        self.broken += other.broken
        return self

    def thin(self, least: int) -> list[str]:
        """Crash points that were met fewer than `least` times in a class."""
        return [
            f"crash point {crash.number} in class {letter}: {self.points[crash.number, letter]} times"
            for crash in CRASH_POINTS
            for letter in CLASSES
            if self.points[crash.number, letter] < least
        ]

    def table(self) -> Iterator[str]:
        """The lines of the table."""
        yield f"{'crash point':<52}" + "".join(f"{'class ' + letter:>9}" for letter in CLASSES)
        for crash in CRASH_POINTS:
            yield self._line(f"{crash.number:>2} {crash.says}", self.points, crash.number)
        yield ""
        for name in sorted({name for name, _ in self.faults}):
            yield self._line(name, self.faults, name)
        yield ""
        for name in sorted({name for name, _ in self.mixed}):
            yield self._line(f"runs with {name}", self.mixed, name)
        yield ""
        yield f"runs {self.runs:,}, by class {dict(sorted(self.classes.items()))}"
        yield f"with at least 3 slices and 3 faults {self.dense:,}"
        yield "recipients ended as " + ", ".join(
            f"{word} {times:,}" for word, times in self.ends.most_common()
        )

    @staticmethod
    def _line(says: str, counts: Mapping[Any, int], key: object) -> str:
        return f"{says:<52}" + "".join(f"{counts[key, letter]:>9,}" for letter in CLASSES)


def cover(seeds: Iterable[int], modules: dict[str, ModuleType]) -> Covered:
    """Run these seeds in this process."""
    covered = Covered()
    for seed in seeds:
        covered.add(case.run(seed, modules))
    return covered


def everything(first: int, runs: int, processes: int, until: float) -> Covered:
    """All runs, over processes; begins no more at `until` (monotonic seconds)."""
    covered = Covered()
    with machinery.installed() as modules:
        cover(range(WARM), modules)  # loads what runs have in common, for all children
        gc.collect()
        gc.disable()  # no child lives long enough to need it
        gc.freeze()

        def errands() -> Iterator[tuple[range, Callable[[], Covered]]]:
            for start in range(first, first + runs, AT_ONCE):
                if time.monotonic() < until:
                    seeds = range(start, min(start + AT_ONCE, first + runs))
                    yield seeds, partial(cover, seeds, modules)

        for seeds, some in in_children(errands(), processes):
            if some is None:
                raise SystemExit(f"The process that ran the seeds {seeds[0]} to {seeds[-1]} died.")
            covered += some
    return covered

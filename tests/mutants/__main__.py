"""`make mutants`: every condition, guard and step of the code that sends is taken out in turn; something must notice.

First the tests that pass its line, the quickest first, then those of 200 simulated runs that do. What nobody notices
is in survivors.json with the reason, or this fails. Results are kept in .kabar/mutants/ and stand while the mutated
function and the test that noticed, or all tests where none did, are the same; so a run that was stopped goes on.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.children import in_children
from tests.mutants import killers, mutation
from tests.mutants.killers import Killers, Passed
from tests.mutants.mutation import ROOT, Mutant

KEPT = ROOT / ".kabar" / "mutants"
HERE = Path(__file__).parent
SURVIVORS = HERE / "survivors.json"
SEEDS = 200
HUNG = "it hung or died"


def contents(*folders: str) -> str:
    """A digest of all Python files there, but for these here."""
    digest = hashlib.sha256()
    files = sorted(each for folder in folders for each in (ROOT / folder).rglob("*.py"))
    for file in files:
        if file.parent != HERE:
            digest.update(file.read_bytes())
    return digest.hexdigest()


class Results:
    """Who noticed which mutant ("" for nobody), kept in a file."""

    def __init__(self) -> None:
        self._file = KEPT / "results.json"
        self._all: dict[str, dict[str, str]] = {}
        self._tests = contents("tests")
        if self._file.exists():
            self._all = json.loads(self._file.read_text())

    def known(self, mutant: Mutant) -> str | None:
        """Who noticed it, while that is still sure; None when it has to be tried."""
        found = self._all.get(mutant.name)
        if found is None or found["code"] != mutation.digest(mutant.file, mutant.function):
            return None
        return found["by"] if found["tests"] == self._digest(found["by"]) else None

    def last(self, mutant: Mutant) -> str | None:
        """Who noticed it the last time, sure or not."""
        found = self._all.get(mutant.name)
        return found["by"] if found else None

    def keep(self, mutant: Mutant, by: str) -> None:
        code = mutation.digest(mutant.file, mutant.function)
        self._all[mutant.name] = {"by": by, "code": code, "tests": self._digest(by)}
        self._file.write_text(json.dumps(self._all, indent=1, ensure_ascii=False))

    def _digest(self, by: str) -> str:
        """Of the file of the test that noticed; of all tests where nobody did."""
        if "::" not in by:
            return self._tests
        file = ROOT / by.partition("::")[0]
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.exists() else "gone"


def passed_lines(items: Sequence[pytest.Item], processes: int) -> Passed:
    """Which lines each killer passes, found once for the code and the tests as they are."""
    file, now = KEPT / "passed.json", contents("layers", "functions", "tests")
    kept = json.loads(file.read_text()) if file.exists() else {}
    if kept.get("of") != now:
        parts = 2 * processes
        jobs = [
            (part, partial(killers.passes, items[part::parts], range(part, SEEDS, parts)))
            for part in range(parts)
        ]
        found = dict(in_children(jobs, processes))
        if None in found.values():
            raise SystemExit("The code as it is fails already: mend that first.")
        kept = {"of": now, "passed": [each for part in found.values() for each in part]}
        file.write_text(json.dumps(kept))
    passed = Passed()
    for name, seconds, lines in kept["passed"]:
        passed.add(name, seconds, map(tuple, lines))
    return passed


def try_out(
    mutants: Sequence[Mutant], results: Results, given: argparse.Namespace, items: Sequence[pytest.Item]
) -> int:
    """Try those that no result is known of, until the time is up."""
    until = time.monotonic() + given.seconds_at_most
    left = [each for each in mutants if results.known(each) is None]
    if not left:
        return 0
    noticing = Killers(items, passed_lines(items, given.processes))

    def jobs() -> Iterator[tuple[Mutant, Callable[[], str]]]:
        for mutant in left:
            if time.monotonic() < until:
                yield mutant, noticing.job(mutant, results.last(mutant))

    for mutant, by in in_children(jobs(), given.processes):
        results.keep(mutant, HUNG if by is None else by)
        if by:
            noticing.credit(mutant, by)
    return 0


def report(wanted: Sequence[Mutant], everyone: Sequence[Mutant], results: Results) -> bool:
    """Print what became of them; whether every one was noticed or is explained."""
    reasons: dict[str, str] = json.loads(SURVIVORS.read_text())
    known = {each.name: results.known(each) for each in wanted}
    nobody = [each for each in wanted if known[each.name] == ""]
    untried = [each for each in wanted if known[each.name] is None]
    counts = Counter(_sort(by) for by in known.values())
    print(f"{len(wanted)} mutants: " + ", ".join(f"{times} {word}" for word, times in counts.most_common()))
    unexplained = [each for each in nobody if each.name not in reasons]
    for each in unexplained:
        print(f"NOBODY NOTICES, and survivors.json has no reason: {each.name} (line {each.line})")
    wrong = [name for name, by in known.items() if by and name in reasons]
    wrong += sorted(reasons.keys() - {each.name for each in everyone})
    for name in wrong:
        print(f"survivors.json explains what is noticed or isn't there: {name}")
    return not (unexplained or wrong or untried)


def _sort(by: str | None) -> str:
    if not by:
        return "not tried" if by is None else "survive"
    if by == HUNG:
        return "hung"
    return "noticed by the simulation" if by.startswith(killers.SEED) else "noticed by tests"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--sample", type=int, help="so many of them, picked at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds-at-most", type=float, default=float("inf"))
    given = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    everyone = [each for file in mutation.FILES for each in mutation.mutants(file)]
    wanted = [each for each in everyone if given.only in each.name]
    if given.sample:
        wanted = Random(given.seed).sample(wanted, min(given.sample, len(wanted)))  # noqa: S311  # repeats
    results = Results()
    killers.collected(lambda items: try_out(wanted, results, given, items))
    return 0 if report(wanted, everyone, results) else 1


if __name__ == "__main__":
    sys.exit(main())

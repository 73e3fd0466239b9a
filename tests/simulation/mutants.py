"""`make mutants`: every condition and guard of the code that sends is removed in turn; something must notice.

First the simulation of the whole system (fixed seeds), then the tests that are named here. What survives both is in
survivors.json with the reason, or this fails. Results are kept in .kabar/mutants.json while the code is the same, so
a run that was stopped goes on where it was.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.simulation import mutation
from tests.simulation.mutation import Mutant
from tests.simulation.system import case, machinery

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".kabar" / "mutants.json"
SURVIVORS = Path(__file__).with_name("survivors.json")
SEEDS = 200
PATIENCE = 300  # seconds after which a mutant that never ends counts as noticed
TESTS = (
    "tests/functions/test_legs.py",
    "tests/functions/test_campaigns_storage.py",
    "tests/functions/test_carrier_outage.py",
    "tests/unit/test_repair.py",
)
PLAIN = ("-x", "-q", "-n0", "-p", "no:cacheprovider", "--assert=plain", "-o", "filterwarnings=")
PROTOCOL = "tests/simulation/test_protocol.py"  # takes longer than the others together
NOTICED, UNNOTICED = 0, 1


Notices = Callable[[Mutant | None], bool]
"""Whether anything notices a mutant; None is the code as it is."""


@contextmanager
def simulation() -> Iterator[Notices]:
    """Whether a simulated run breaks; everything is loaded before the children are made."""
    with machinery.installed() as modules:

        def notices(mutant: Mutant | None) -> bool:
            if mutant:
                mutation.apply(mutant)
            return any(case.run(seed, modules).broken for seed in range(SEEDS))

        yield notices


@contextmanager
def tests() -> Iterator[Notices]:
    """Whether one of TESTS fails."""
    yield _fails


def _fails(mutant: Mutant | None) -> bool:
    if mutant:
        mutation.apply(mutant)
    protocol = mutant and mutant.module.startswith("kabar.domain")
    tests = [str(ROOT / test) for test in (*TESTS, PROTOCOL)[: None if protocol else len(TESTS)]]
    return pytest.main([*PLAIN, *tests]) != 0


def in_a_child(notices: Notices, mutant: Mutant | None) -> int:
    """The process id of a child that ends as NOTICED or UNNOTICED; a mutant that raises is noticed."""
    child = os.fork()
    if child:
        return child
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    signal.alarm(PATIENCE)
    code = NOTICED
    try:
        code = NOTICED if notices(mutant) else UNNOTICED
    finally:
        os._exit(code)


def noticed(
    notices: Notices, mutants: list[Mutant], processes: int, until: float
) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant with whether it was noticed, several at once; stops at `until` (monotonic seconds)."""
    if mutants and time.monotonic() < until:
        _, status = os.waitpid(in_a_child(notices, None), 0)
        if os.waitstatus_to_exitcode(status) != UNNOTICED:
            raise SystemExit("The code as it is fails already: mend that first.")
    waiting, running = list(mutants), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < processes and time.monotonic() < until:
            mutant = waiting.pop(0)
            running[in_a_child(notices, mutant)] = mutant
        if not running:
            return
        child, status = os.wait()
        if child in running:
            yield running.pop(child), not (os.WIFEXITED(status) and os.WEXITSTATUS(status) == UNNOTICED)


def known() -> dict[str, str]:
    """What earlier runs on the same code found out."""
    stored: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    results: dict[str, str] = stored["results"] if stored.get("code") == mutation.fingerprint() else {}
    return results


def save(results: dict[str, str]) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps({"code": mutation.fingerprint(), "results": results}, indent=1))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds-at-most", type=float, default=float("inf"))
    given = parser.parse_args()
    until = time.monotonic() + given.seconds_at_most
    everyone = [each for module in mutation.MODULES for each in mutation.mutants(module)]
    wanted = [each for each in everyone if given.only in each.name]
    reasons: dict[str, str] = json.loads(SURVIVORS.read_text())
    results = known()
    for stage, before, noticing in (
        ("simulation", None, simulation),
        ("tests", "survives simulation", tests),
    ):
        left = [each for each in wanted if results.get(each.name) == before]
        with noticing() as notices:
            for mutant, seen in noticed(notices, left, given.processes, until):
                results[mutant.name] = stage if seen else f"survives {stage}"
                save(results)
    counts = Counter(results.get(each.name, "not tried") for each in wanted)
    survivors = [each for each in wanted if results.get(each.name) == "survives tests"]
    print(f"{len(wanted)} mutants: " + ", ".join(f"{times} {word}" for word, times in counts.most_common()))
    unexplained = [each for each in survivors if each.name not in reasons]
    for each in unexplained:
        print(f"NOBODY NOTICES, and survivors.json has no reason: {each.name} (line {each.line})")
    gone = reasons.keys() - {each.name for each in everyone}
    for name in sorted(gone):
        print(f"survivors.json explains what isn't there: {name}")
    return 1 if unexplained or gone or counts["not tried"] or counts["survives simulation"] else 0


if __name__ == "__main__":
    sys.exit(main())

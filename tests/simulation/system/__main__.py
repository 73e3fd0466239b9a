"""`make simulate`: as many simulated runs as asked for, and the table of what they covered.

A run that breaks a rule is printed with its seed; `make simulate SEED=<seed> RUNS=1` repeats it with all it did.
"""

import argparse
import os
import sys
import time

from tests.simulation.system import case, machinery
from tests.simulation.system.covering import everything

SHOWN = 5  # broken runs that are printed
MANY = 5_000  # runs, in which every crash point is to be met in every class at least …
OFTEN = 100  # … so often


def replay(seed: int) -> bool:
    """One run with all it did; whether it broke no rule."""
    with machinery.installed() as modules:
        result = case.run(seed, modules, traced=True)
    print(result.plan, *result.trace, *(f"BROKEN: {what}" for what in result.broken), sep="\n")
    return not result.broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()) * 1000)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds-at-most", type=float, default=float("inf"))
    given = parser.parse_args()
    if given.runs == 1:
        return 0 if replay(given.seed) else 1
    began = time.monotonic()
    covered = everything(given.seed, given.runs, given.processes, began + given.seconds_at_most)
    print(*covered.table(), sep="\n")
    print(f"first seed {given.seed}, {time.monotonic() - began:.0f} seconds")
    for broken in covered.broken[:SHOWN]:
        seed = broken.split(":")[0].removeprefix("seed ")
        print(f"\nBROKEN; make simulate SEED={seed} RUNS=1 shows all of it:\n{broken}")
    print(f"{len(covered.broken)} of {covered.runs:,} runs broke a rule")
    thin = covered.thin(OFTEN) if covered.runs >= MANY else []
    for each in thin:
        print(f"Too rare: {each}")
    return 1 if covered.broken or thin else 0


if __name__ == "__main__":
    sys.exit(main())

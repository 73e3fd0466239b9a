"""Loading a file into a list and writing the list to a file: CPU and write units of a row.

The engine, with tables but no functions, runs in a process of its own; so does `local.bench.loading`, which calls
our handlers as Step Functions would.
"""

import os

from local import engine, processes, stack
from local.bench import send

STACK = send.STACK


def measure() -> dict[str, float]:
    """`load_cpu_us_per_row` and `load_write_units_per_row` (into a new list), and of the list's export. Raises Trouble.

    `append_cpu_us_per_row` is for rows of those who are members already.
    """
    stack.stop(STACK)
    folder = stack.home(STACK)
    (folder / "log").mkdir(parents=True)
    processes.of(os.getpid()).save(folder / "owner.json")  # should we be killed, the next command clears up
    try:
        local = engine.start(folder)
        settings = send.tables(local)
        local.client("s3").create_bucket(Bucket=settings["WORK_BUCKET"])
        return send.figures("loading", settings)
    finally:
        stack.stop(STACK)

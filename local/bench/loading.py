"""Parts of an import loaded in this process, and their list written to a file; started by local/bench/load.py.

The last line printed holds the figures. Settings come from the environment, as in Lambda.
"""

import json
import os
import resource
import time
from typing import Any

from kabar.domain.imports import PART_ROWS, part_text
from kabar.storage import dynamo, keys, work
from kabar.storage.exports import Exports
from kabar.storage.ids import reserve
from kabar.storage.work import Work
from local.bench.campaign import WORKSPACE, Context, Meter, load, must
from local.trouble import run

ROWS = 20_000
IMPORT, AGAIN = "0f3c9a51d2b84e6fa7c1905de2b3f486", "1f3c9a51d2b84e6fa7c1905de2b3f486"


def main() -> int:
    """Load ROWS rows into an empty list, write the list to a file, and print the figures."""
    table = dynamo.Table(os.environ["WORKSPACES_TABLE"])
    list_id, now = reserve(table), time.time_ns() // 1_000_000
    head = {"id": list_id, "name": "bench", "members": ROWS, "opted_out": 0, "deleted": 0, "created_at": now}
    table.put(keys.list_head(WORKSPACE, list_id) | head)
    meter = Meter(dynamo.client())
    cpu = loaded(IMPORT, {"list_id": list_id, "list_is_new": True})
    units = meter.writes
    meter.stop()
    again = loaded(AGAIN, {"list_id": list_id})  # the same rows, now of members
    writing = export(table, head, now)
    figures = {
        "load_cpu_us_per_row": cpu / ROWS * 1e6,
        "load_write_units_per_row": units / ROWS,
        "append_cpu_us_per_row": again / ROWS * 1e6,
        "export_cpu_us_per_row": writing / ROWS * 1e6,
        "export_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))
    return 0


def loaded(name: str, told: dict[str, Any]) -> float:
    """Check and load the parts of one import as validation leaves them; CPU seconds."""
    dynamo.Table(os.environ["WORKSPACES_TABLE"]).put(
        keys.import_head(WORKSPACE, name) | {"id": name, "remove_opt_outs": True}
    )
    rows = [(f"+90532{n:07d}", [f"Budi {n % 97}", f"TR-{n:06d}", "Kadikoy"], 0) for n in range(ROWS)]
    parts = range(1, ROWS // PART_ROWS + 1)
    for part in parts:
        text = part_text(rows[(part - 1) * PART_ROWS : part * PART_ROWS])
        Work(os.environ["WORK_BUCKET"]).put_part(work.import_part(name, part), text)
    check, into = load("check_suppressions"), load("load_members")
    event = {"workspace": WORKSPACE, "import_id": name, **told}
    before = time.process_time()
    for part in parts:
        check({**event, "part": part}, Context)
        into({**event, "part": part}, Context)
    return time.process_time() - before


def export(table: dynamo.Table, of: dynamo.Item, now: int) -> float:
    """Write the list to a file; CPU seconds."""
    log, number = dynamo.Table(os.environ["ACTIVITY_TABLE"]), reserve(table)
    wanted = {"subject": of["id"], "name": of["name"], "total": ROWS}
    Exports(table).begin(log, WORKSPACE, number, "list", wanted, by="bench", now=now)
    told = {"workspace": WORKSPACE, "list_id": of["id"], "export_id": number}
    handler = load("export_list")
    before = time.process_time()
    must("how the download ended", handler(told, Context)["outcome"], "done")
    cpu = time.process_time() - before
    written = Exports(table).get(WORKSPACE, of["id"], number) or {}
    must("rows in the file", written["rows"], ROWS)
    return cpu


if __name__ == "__main__":
    run(main)

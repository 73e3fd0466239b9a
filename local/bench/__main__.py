"""`python -m local.bench [subject …]`: measure, print a table, write .kabar/bench.json.

Bounds are shown, not enforced. Naming subjects measures only those and keeps the other figures of the file.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from typing import NamedTuple

from local import costs, paths
from local.trouble import Trouble, run

SUBJECTS = ("text", "validate", "inbound", "imports", "send", "single", "load", "outage")
FILE = paths.KABAR / "bench.json"


class Bound(NamedTuple):
    """A figure is to be at least or at most `limit`, times the figure `of` where there is one."""

    sign: str
    limit: float
    of: str = ""


BOUNDS = {
    "validate_vs_csv_reader": Bound("≥", 0.25),
    "validate_vs_phonenumbers": Bound("≥", 8),
    "validate_peak_mb_1m": Bound("≤", 128),
    "validate_peak_mb_5m": Bound("≤", 128),
    "merge_segments_vs_naive": Bound("≥", 2.5),
    "merge_segments_vs_naive_2": Bound("≥", 8),
    "send_cpu_us_per_message": Bound("≤", 250),
    "write_units_per_message": Bound("≤", 2.3),
    "read_units_per_message": Bound("≤", 1.2),
    "transitions_per_1000": Bound("≤", 4),
    "single_send_vs_ceiling": Bound("≥", 0.9),
    "usd_per_million": Bound("≤", 3.00),
    "load_cpu_us_per_row": Bound("≤", 130),
    "load_write_units_per_row": Bound("≤", 1.05),
    "export_peak_mb": Bound("≤", 128),
    "webhook_ms_per_100_receipts": Bound("≤", 3),
    "receipt_cpu_us": Bound("≤", 250),
    "receipt_cpu_us_told": Bound("≤", 250),
    "receipt_write_units": Bound("≤", 1.1),
    "callback_outage_transitions_per_million": Bound("≤", 2000),
    "import_ms_receive_webhook": Bound("≤", 0.6, of="import_ms_boto3_client"),
    "import_ms_send_lane": Bound("≤", 0.6, of="import_ms_boto3_client"),
    "import_ms_api": Bound("≤", 1.05, of="import_ms_boto3_client"),
}
BASELINES = {
    "merge_segments_vs_naive": "merge_segments_naive_us",
    "merge_segments_vs_naive_2": "merge_segments_naive_us_2",
    "merge_segments_vs_naive_2_escape": "merge_segments_naive_us_2_escape",
}


def main() -> int:
    """Measure the subjects named on the command line, or all."""
    names = sys.argv[1:] or list(SUBJECTS)
    unknown = [name for name in names if name not in SUBJECTS]
    if unknown:
        raise Trouble(f"No such subject: {', '.join(unknown)}. There are: {', '.join(SUBJECTS)}.")
    figures = {} if set(names) == set(SUBJECTS) else _before()
    failed = 0
    for name in names:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        try:
            figures.update(importlib.import_module(f"local.bench.{name}").measure())
        except ModuleNotFoundError as error:
            failed += 1
            print(f"{name}: not measured, the module {error.name} is missing", file=sys.stderr)
        except Trouble as trouble:
            failed += 1
            print(f"{name}: not measured. {trouble}", file=sys.stderr)
    figures |= costs.per_million(figures)
    FILE.parent.mkdir(exist_ok=True)
    rounded = {key: float(f"{value:.4g}") for key, value in sorted(figures.items())}
    FILE.write_text(json.dumps(rounded, indent=2) + "\n")
    print(table(rounded))
    print(f"\nwritten to {FILE.relative_to(paths.ROOT)}")
    return 1 if failed else 0


def table(figures: Mapping[str, float]) -> str:
    """One line a figure: key, value, bound, whether it holds, and the baseline it was measured beside."""
    rows = [("figure", "value", "bound", "", "baseline")]
    for key, value in figures.items():
        bound = BOUNDS.get(key)
        wanted, verdict = "", ""
        baseline = BASELINES.get(key, bound.of if bound else "")
        if bound and (not bound.of or bound.of in figures):
            limit = bound.limit * (figures[bound.of] if bound.of else 1)
            wanted = f"{bound.sign} {limit:.4g}"
            verdict = "ok" if (value <= limit if bound.sign == "≤" else value >= limit) else "over"
        beside = f"{baseline} {figures[baseline]:.4g}" if baseline in figures else ""
        rows.append((key, f"{value:,.2f}", wanted, verdict, beside))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        cells[1] = f"{row[1]:>{widths[1]}}"
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _before() -> dict[str, float]:
    try:
        figures: dict[str, float] = json.loads(FILE.read_text())
    except (OSError, ValueError):
        return {}
    return figures


if __name__ == "__main__":
    run(main)

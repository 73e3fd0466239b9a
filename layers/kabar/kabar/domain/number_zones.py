"""The time zones that a number may be in, by its first digits [G3].

Source: libphonenumber's data as `make zones` writes them down; all zones of the country where digits alone don't tell.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

NOWHERE = ""


class _Table(NamedTuple):
    zones: dict[str, str]
    longest: int


def zones_of(mobile: str) -> str:
    """IANA names with a space between, in one order; NOWHERE for a number of no country (satellites, freephone)."""
    table = _table()
    for length in range(table.longest, 0, -1):
        zones = table.zones.get(mobile[1 : 1 + length])
        if zones is not None:
            return zones
    return NOWHERE


@cache
def _table() -> _Table:
    told = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    zones = {prefix: names for names, prefixes in told["prefixes"].items() for prefix in prefixes.split()}
    return _Table(zones, max(map(len, zones)))

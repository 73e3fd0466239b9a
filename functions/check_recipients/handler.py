"""Task of check_campaign: judges the members of some shards, adds all of them up, or says why that came to nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.slices import Timing
from kabar.legs.check import CheckTools, check, fail, finish
from kabar.log import logger
from kabar.storage.dynamo import Table
from kabar.storage.preflights import Preflights


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    people_table: str
    dispatch_table: str
    lease_seconds: int
    ask_after_seconds: int
    give_up_seconds: int


def _now() -> int:
    return time.time_ns() // 1_000_000


SETTINGS = settings.read(Settings)
TIMING = Timing.of(SETTINGS.lease_seconds, SETTINGS.ask_after_seconds, SETTINGS.give_up_seconds)
WORKSPACES = Table(SETTINGS.workspaces_table)
TOOLS = CheckTools(
    Preflights(WORKSPACES, Table(SETTINGS.dispatch_table)),
    WORKSPACES,
    Table(SETTINGS.members_table),
    Table(SETTINGS.people_table),
    TIMING.call + TIMING.skew,
    _now,
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """{workspace, preflight, shards?, error?} -> {outcome}; without shards it ends the pre-flight."""
    where = (TOOLS, event["workspace"], event["preflight"])
    if "error" in event:
        outcome = fail(*where)
    else:
        outcome = check(*where, event["shards"]) if "shards" in event else finish(*where)
    logger.info("recipients checked", preflight=event["preflight"], outcome=outcome)
    return {"outcome": outcome}

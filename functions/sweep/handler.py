"""Every 10 minutes: repairs whatever a crash left, removes members of deleted lists."""

import time
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.legs.repair import repair_campaigns
from kabar.log import logger
from kabar.storage import executions
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Table
from kabar.storage.list_edits import Emptying


@dataclass(frozen=True)
class Environment:
    workspaces_table: str
    members_table: str
    activity_table: str
    run_campaign_arn: str


ENV = settings.read(Environment)
CAMPAIGNS = Campaigns(Table(ENV.workspaces_table), Table(ENV.activity_table))
EMPTYING = Emptying(Table(ENV.workspaces_table), Table(ENV.members_table))
EMPTYING_SECONDS = 60  # of the two minutes that a run has; the next run goes on


def start_leg(workspace: str, campaign: int, leg: int, mark: str) -> None:
    executions.start_leg(ENV.run_campaign_arn, workspace, campaign, leg, mark)


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answers which campaigns got a new leg and how many members of deleted lists went."""
    now, until = time.time_ns() // 1_000_000, time.monotonic() + EMPTYING_SECONDS
    repaired = repair_campaigns(CAMPAIGNS, start_leg, now)
    removed = EMPTYING.run(now, lambda: time.monotonic() < until)
    logger.info("swept", campaigns=repaired, members_removed=removed)
    return {"campaigns": repaired, "members_removed": removed}

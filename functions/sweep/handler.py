"""Every 10 minutes: repairs whatever a crash left."""

import time
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.legs.repair import repair_campaigns
from kabar.log import logger
from kabar.storage import executions
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Table


@dataclass(frozen=True)
class Environment:
    workspaces_table: str
    activity_table: str
    run_campaign_arn: str


ENV = settings.read(Environment)
CAMPAIGNS = Campaigns(Table(ENV.workspaces_table), Table(ENV.activity_table))


def start_leg(workspace: str, campaign: int, leg: int, mark: str) -> None:
    executions.start_leg(ENV.run_campaign_arn, workspace, campaign, leg, mark)


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answers which campaigns got a new leg."""
    repaired = repair_campaigns(CAMPAIGNS, start_leg, time.time_ns() // 1_000_000)
    logger.info("swept", campaigns=repaired)
    return {"campaigns": repaired}

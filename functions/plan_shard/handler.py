"""PlanShard of run_campaign: freezes the recipients of one shard of a large list."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.legs.freeze import ShardTools, plan_shard
from kabar.log import logger
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Table
from kabar.storage.plan_parts import PlanParts
from kabar.storage.plans import Plans


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    dispatch_table: str
    activity_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
TOOLS = ShardTools(
    campaigns=Campaigns(Table(SETTINGS.workspaces_table), Table(SETTINGS.activity_table)),
    members=Table(SETTINGS.members_table),
    plans=Plans(SETTINGS.work_bucket),
    parts=PlanParts(Table(SETTINGS.dispatch_table)),
)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """{workspace, campaign, leg, execution, request_id, shard} -> {outcome}."""
    logger.set_correlation_id(event["request_id"])
    outcome = plan_shard(TOOLS, event, context.aws_request_id, time.time_ns() // 1_000_000)
    logger.info("shard planned", campaign=event["campaign"], shard=event["shard"], outcome=outcome)
    return {"outcome": outcome}

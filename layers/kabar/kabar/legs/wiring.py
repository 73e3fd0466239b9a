"""Builds the real desk of PlanLeg, SettleLeg and Sweep from the environment."""

import time
from dataclasses import dataclass
from functools import partial

from kabar.domain.slices import Timing
from kabar.legs.desk import Desk
from kabar.legs.gate import campaign_gate
from kabar.storage import executions
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Table
from kabar.storage.plan_parts import PlanParts
from kabar.storage.plans import Plans
from kabar.storage.schedules import Schedules
from kabar.storage.turns import Turns


@dataclass(frozen=True)
class Environment:
    workspaces_table: str
    members_table: str
    dispatch_table: str
    activity_table: str
    work_bucket: str
    run_campaign_arn: str
    scheduler_role_arn: str
    schedule_prefix: str
    plan_shards_above: int
    lease_seconds: int
    ask_after_seconds: int
    give_up_seconds: int


def desk(env: Environment) -> Desk:
    workspaces = Table(env.workspaces_table)
    campaigns = Campaigns(workspaces, Table(env.activity_table))
    return Desk(
        campaigns=campaigns,
        turns=Turns(workspaces, partial(campaigns.get, consistent=True)),
        workspaces=workspaces,
        members=Table(env.members_table),
        chunks=Chunks(Table(env.dispatch_table)),
        plans=Plans(env.work_bucket),
        parts=PlanParts(Table(env.dispatch_table)),
        shards_above=env.plan_shards_above,
        schedules=Schedules(env.schedule_prefix, env.run_campaign_arn, env.scheduler_role_arn),
        start_leg=lambda workspace, campaign, leg: executions.start_leg(
            env.run_campaign_arn, workspace, campaign, leg
        ),
        sleep=time.sleep,
        gate=partial(
            campaign_gate,
            workspaces,
            Timing.of(env.lease_seconds, env.ask_after_seconds, env.give_up_seconds),
        ),
    )

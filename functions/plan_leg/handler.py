"""PlanLeg of run_campaign: takes the leg and the turn, freezes the recipients once, lays out the lanes."""

import time
from typing import Any

from kabar import settings
from kabar.legs.plan import plan_leg
from kabar.legs.wiring import Environment, desk
from kabar.log import logger

DESK = desk(settings.read(Environment))


def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """{workspace, campaign, leg, execution} -> the same and {request_id, outcome, lanes?}."""
    workspace, campaign, leg = event["workspace"], event["campaign"], event["leg"]
    plan = plan_leg(DESK, workspace, campaign, leg, event["execution"], time.time_ns() // 1_000_000)
    logger.set_correlation_id(plan["request_id"])
    logger.info(
        "leg planned",
        workspace=workspace,
        campaign=campaign,
        leg=leg,
        outcome=plan["outcome"],
        lanes=len(plan.get("lanes", [])),
    )
    return plan

"""SettleLeg of run_campaign: done, next leg, or one schedule."""

import time
from typing import Any

from kabar import settings
from kabar.legs.settle import settle_leg
from kabar.legs.wiring import Environment, desk
from kabar.log import logger
from kabar.storage.dynamo import Table

ENV = settings.read(Environment)
DESK = desk(ENV)
DISPATCH = Table(ENV.dispatch_table)


def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """{workspace, campaign, leg, execution, request_id} -> {outcome, …}."""
    logger.set_correlation_id(event.get("request_id"))
    workspace, campaign, leg = event["workspace"], event["campaign"], event["leg"]
    now = time.time_ns() // 1_000_000
    result = settle_leg(DESK, DISPATCH, workspace, campaign, leg, event["execution"], now)
    logger.info("leg settled", workspace=workspace, campaign=campaign, leg=leg, **result)
    return result

"""SendLane of run_campaign: sends a range of chunks, slice by slice."""

from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.legs.send import Lane, LaneTools, now
from kabar.legs.tools import SendEnvironment, SendTools
from kabar.log import logger
from kabar.storage import accounts
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Table
from kabar.storage.plans import Plans


@dataclass(frozen=True)
class Environment(SendEnvironment):
    activity_table: str
    work_bucket: str


ENV = settings.read(Environment)
SENDING = SendTools.of(ENV, logger.error)
TOOLS = LaneTools(
    campaigns=Campaigns(SENDING.workspaces, Table(ENV.activity_table)),
    plans=Plans(ENV.work_bucket),
    **vars(SENDING),
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """{workspace, campaign, leg, execution, request_id, lane: {first, last, of, proved, alone}} -> {outcome, …}.

    The table has the results.
    """
    logger.set_correlation_id(event.get("request_id"))
    result = send(event, now() + context.get_remaining_time_in_millis())
    logger.info("lane sent", campaign=event["campaign"], leg=event["leg"], lane=event["lane"], **result)
    return result


def send(event: dict[str, Any], deadline: int) -> dict[str, Any]:
    """Send the lane, or pause the campaign when its carrier can't be used."""
    workspace, campaign = event["workspace"], event["campaign"]
    head = TOOLS.campaigns.get(workspace, campaign, consistent=True)
    if head is None or "plan" not in head:
        return {"outcome": "superseded"}
    try:
        opened = accounts.open_account(TOOLS.workspaces, workspace, head["carrier"])
    except accounts.Unusable as reason:
        TOOLS.campaigns.pause(workspace, campaign, str(reason), now())
        return {"outcome": "carrier unusable"}
    return Lane(TOOLS, head, event, opened).send(deadline)

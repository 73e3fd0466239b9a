"""SendLane of run_campaign: sends a range of chunks, slice by slice."""

from dataclasses import dataclass
from typing import Any

from kabar import carriers, settings
from kabar.carriers.base import Answer, Request
from kabar.domain.slices import Timing
from kabar.legs.send import Lane, LaneTools, now
from kabar.log import logger
from kabar.storage import accounts, workspaces
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Table
from kabar.storage.plans import Plans


@dataclass(frozen=True)
class Environment:
    workspaces_table: str
    dispatch_table: str
    people_table: str
    activity_table: str
    work_bucket: str
    deployment: str
    lease_seconds: int
    ask_after_seconds: int
    give_up_seconds: int


def call(request: Request, seconds: float) -> Answer:
    """One HTTP request to the carrier."""
    from kabar.carriers import http  # at the first call: it takes longer to import than all the rest

    return http.call(request, seconds)


ENV = settings.read(Environment)
WORKSPACES = Table(ENV.workspaces_table)
TOOLS = LaneTools(
    campaigns=Campaigns(WORKSPACES, Table(ENV.activity_table)),
    workspaces=WORKSPACES,
    dispatch=Table(ENV.dispatch_table),
    people=Table(ENV.people_table),
    plans=Plans(ENV.work_bucket),
    deployment=ENV.deployment,
    timing=Timing.of(ENV.lease_seconds, ENV.ask_after_seconds, ENV.give_up_seconds),
    call=call,
    alarm=logger.error,
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """{workspace, campaign, leg, execution, lane: {first, last, of}} -> {outcome, …}; the table has the results."""
    deadline = now() + context.get_remaining_time_in_millis()
    head = TOOLS.campaigns.get(event["workspace"], event["campaign"], consistent=True)
    if head is None or "plan" not in head:
        return {"outcome": "superseded"}
    account = workspaces.carrier(WORKSPACES, event["workspace"], head["carrier"])
    if account is None:
        TOOLS.campaigns.pause(
            event["workspace"], event["campaign"], f"{head['carrier']} is not set up", now()
        )
        return {"outcome": "no carrier"}
    opened = accounts.open_account(account)
    lane = Lane(TOOLS, head, event, carriers.carrier(head["carrier"]), opened, account["rate"])
    result = lane.send(deadline)
    logger.info("lane sent", campaign=event["campaign"], leg=event["leg"], lane=event["lane"], **result)
    return result

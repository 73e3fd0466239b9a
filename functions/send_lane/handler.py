"""SendLane of run_campaign: sends a range of chunks, slice by slice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kabar import settings
from kabar.carriers.base import Answer, Request
from kabar.domain.messages import Message
from kabar.domain.slices import Timing
from kabar.legs.send import Lane, LaneTools, now
from kabar.log import logger
from kabar.storage import accounts
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Table
from kabar.storage.plans import Plans

T = TypeVar("T")


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
    local_addresses: str


def call(request: Request, seconds: float) -> Answer:
    """One HTTP request to the carrier."""
    from kabar.carriers import http  # at the first call: it takes longer to import than all the rest

    return http.call(request, seconds)


def wide(request: Request, seconds: float) -> Answer:
    """One of many HTTP requests side by side."""
    from kabar.carriers.wide import Wide  # as above
    from kabar.guard import LOCAL

    return Wide(local=ENV.local_addresses == LOCAL).call(request, seconds)


def each(work: Callable[[Message], T], messages: Sequence[Message]) -> list[T]:
    """Side by side, each in a thread that keeps its connection."""
    from kabar.carriers import wide  # as above

    return wide.each(work, messages)


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
    wide=wide,
    each=each,
    alarm=logger.error,
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
        opened = accounts.open_account(WORKSPACES, workspace, head["carrier"])
    except accounts.Unusable as reason:
        TOOLS.campaigns.pause(workspace, campaign, str(reason), now())
        return {"outcome": "carrier unusable"}
    return Lane(TOOLS, head, event, opened).send(deadline)

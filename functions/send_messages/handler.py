"""Message requests from the queue -> the send protocol, slice by slice."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from kabar import settings
from kabar.carriers.base import Answer, Request
from kabar.domain.messages import Message
from kabar.domain.slices import Timing
from kabar.legs.requests import RequestTools, run_request
from kabar.legs.send import now
from kabar.log import logger
from kabar.storage.dynamo import Table
from kabar.storage.held import Held
from kabar.storage.openings import Openings
from kabar.storage.queues import enqueue
from kabar.storage.requests import Requests

T = TypeVar("T")
LONGEST_DELAY = 900  # seconds that the queue hides a message


@dataclass(frozen=True)
class Environment:
    workspaces_table: str
    dispatch_table: str
    people_table: str
    messages_queue_url: str
    open_window_arn: str
    scheduler_role_arn: str
    schedule_prefix: str
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


@cache
def sqs() -> Any:
    import boto3  # here, so that a cold start without it stays short

    return boto3.client("sqs")


def again(workspace: str, request: int, delay: int) -> None:
    """Queue a request once more, hidden for `delay` ms or as long as the queue can."""
    body = json.dumps({"workspace": workspace, "request": request})
    enqueue(sqs(), ENV.messages_queue_url, [body], min(LONGEST_DELAY, -(-max(0, delay) // 1000)))


ENV = settings.read(Environment)
WORKSPACES = Table(ENV.workspaces_table)
DISPATCH = Table(ENV.dispatch_table)
TOOLS = RequestTools(
    requests=Requests(WORKSPACES, DISPATCH),
    held=Held(WORKSPACES, DISPATCH),
    openings=Openings(ENV.schedule_prefix, ENV.open_window_arn, ENV.scheduler_role_arn),
    workspaces=WORKSPACES,
    dispatch=DISPATCH,
    people=Table(ENV.people_table),
    deployment=ENV.deployment,
    timing=Timing.of(ENV.lease_seconds, ENV.ask_after_seconds, ENV.give_up_seconds),
    call=call,
    wide=wide,
    each=each,
    alarm=logger.error,
    enqueue=again,
)


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Take each request of a batch; if one fails, the others are done before it raises."""
    deadline = now() + context.get_remaining_time_in_millis()
    failures: list[Exception] = []
    for record in event["Records"]:
        try:
            body = json.loads(record["body"])
            workspace, request = str(body["workspace"]), int(body["request"])
        except (KeyError, TypeError, ValueError):
            logger.error("request unreadable", queue_message=record["messageId"])  # again would not help
            continue
        try:
            result = run_request(TOOLS, workspace, request, deadline)
            logger.info("request sent", workspace=workspace, request=request, **result)
        except Exception as failure:  # noqa: BLE001  # one must not hold up the others; raised below
            failures.append(failure)
    if failures:
        raise ExceptionGroup("requests to take again", failures)

"""Message requests from the queue -> the send protocol, slice by slice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kabar import settings
from kabar.legs.requests import RequestTools, run_request
from kabar.legs.send import now
from kabar.legs.tools import SendEnvironment, SendTools
from kabar.log import logger
from kabar.storage.held import Held
from kabar.storage.openings import Openings
from kabar.storage.queues import enqueue
from kabar.storage.requests import Requests

LONGEST_DELAY = 900  # seconds that the queue hides a message


@dataclass(frozen=True)
class Environment(SendEnvironment):
    messages_queue_url: str
    open_window_arn: str
    scheduler_role_arn: str
    schedule_prefix: str


@cache
def sqs() -> Any:
    import boto3  # here, so that a cold start without it stays short

    return boto3.client("sqs")


def again(workspace: str, request: int, delay: int) -> None:
    """Queue a request once more, hidden for `delay` ms or as long as the queue can."""
    body = json.dumps({"workspace": workspace, "request": request})
    enqueue(sqs(), ENV.messages_queue_url, [body], min(LONGEST_DELAY, -(-max(0, delay) // 1000)))


ENV = settings.read(Environment)
SENDING = SendTools.of(ENV, logger.error)
TOOLS = RequestTools(
    requests=Requests(SENDING.workspaces, SENDING.dispatch),
    held=Held(SENDING.workspaces, SENDING.dispatch),
    openings=Openings(ENV.schedule_prefix, ENV.open_window_arn, ENV.scheduler_role_arn),
    enqueue=again,
    **vars(SENDING),
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

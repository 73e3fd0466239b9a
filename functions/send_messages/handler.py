"""Message requests from the queue -> the send protocol, slice by slice."""

import json
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

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
EARLY = 1000  # ms
MOST_PATIENCE = 120  # seconds until a request that failed is tried again


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


def again(workspace: str, request: int, delay: int, generation: int | None) -> None:
    """Queue a request once more, to be taken in `delay` ms, however long the queue can hide it."""
    at = now() + max(0, delay)
    body = {"workspace": workspace, "request": request, "at": at, "generation": generation}
    enqueue(sqs(), ENV.messages_queue_url, [json.dumps(body)], min(LONGEST_DELAY, -(-max(0, delay) // 1000)))


ENV = settings.read(Environment)
SENDING = SendTools.of(ENV, logger.error)
TOOLS = RequestTools(
    requests=Requests(SENDING.workspaces, SENDING.dispatch),
    held=Held(SENDING.workspaces, SENDING.dispatch),
    openings=Openings(ENV.schedule_prefix, ENV.open_window_arn, ENV.scheduler_role_arn),
    enqueue=again,
    **vars(SENDING),
)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Take the requests of a batch side by side; those that failed come back, each after its own growing delay."""
    deadline = now() + context.get_remaining_time_in_millis()
    records = event["Records"]
    with ThreadPoolExecutor(len(records), "request") as pool:
        done = list(pool.map(lambda record: _take(record, deadline), records))
    failed = [record["messageId"] for record, is_done in zip(records, done, strict=True) if not is_done]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _take(record: Mapping[str, Any], deadline: int) -> bool:
    """False when it is to be tried again."""
    try:
        body = json.loads(record["body"])
        workspace, request = str(body["workspace"]), int(body["request"])
        at, generation = body.get("at"), body.get("generation")
        generation = None if generation is None else int(generation)
    except (KeyError, TypeError, ValueError):
        logger.error("request unreadable", queue_message=record["messageId"])  # again would not help
        return True
    try:
        if at is not None and at - now() > EARLY:
            again(workspace, request, at - now(), generation)
            return True
        result = run_request(TOOLS, workspace, request, deadline, generation, returning=at is not None)
        logger.info("request sent", workspace=workspace, request=request, **result)
    except Exception:  # noqa: BLE001  # one must not hold up the others; it comes back
        logger.exception("request failed", workspace=workspace, request=request)
        _soon(record)
        return False
    return True


def _soon(record: Mapping[str, Any]) -> None:
    """Let the queue bring it sooner than it would, which allows for a sender that is still at work."""
    tries = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    seconds = random.randint(1, min(MOST_PATIENCE, 2 << min(tries, 10)))  # noqa: S311  # full jitter
    try:
        sqs().change_message_visibility(
            QueueUrl=ENV.messages_queue_url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=seconds,
        )
    except (BotoCoreError, ClientError):
        logger.exception("request comes later", queue_message=record["messageId"])

"""The sending hours open: what waited for them goes back into the queue."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from kabar import settings
from kabar.log import logger
from kabar.storage.dynamo import Table
from kabar.storage.held import Held, Hold
from kabar.storage.queues import enqueue

TOGETHER = 100
SPARE = 20_000  # ms of the run that a lot needs at most
LATE = 600_000  # ms after an opening from which nothing more is held for it


@dataclass(frozen=True)
class Environment:
    workspaces_table: str
    dispatch_table: str
    messages_queue_url: str


@cache
def sqs() -> Any:
    import boto3  # here, so that a cold start without it stays short

    return boto3.client("sqs")


ENV = settings.read(Environment)
HELD = Held(Table(ENV.workspaces_table), Table(ENV.dispatch_table))


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """{workspace, opening} -> {released, left}. Queue first, then remove: twice does no harm, `sweep` does the rest."""
    workspace, opening = event["workspace"], event["opening"]
    released, waiting = 0, HELD.every(workspace, opening)
    while context.get_remaining_time_in_millis() > SPARE and (holds := _lot(waiting)):
        enqueue(sqs(), ENV.messages_queue_url, [_body(workspace, hold) for hold in holds])
        HELD.remove(holds)
        released += len(holds)
    left = next(waiting, None) is not None
    if not (left or released) and opening + LATE < time.time_ns() // 1_000_000:
        HELD.forget(workspace, opening)
    logger.info("window opened", workspace=workspace, opening=opening, released=released, left=left)
    return {"released": released, "left": left}


def _body(workspace: str, hold: Hold) -> str:
    return json.dumps({"workspace": workspace, "request": hold.request, "generation": hold.generation})


def _lot(waiting: Iterator[Hold]) -> list[Hold]:
    return list(islice(waiting, TOGETHER))

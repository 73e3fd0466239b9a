"""What the outbox queued -> the customer's systems: first attempts; what fails is parked for `retry_callbacks`."""

import json
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.delivery import first, wiring
from kabar.domain.callbacks import Callback, Kind, receipt_callback, reply_callback
from kabar.domain.statuses import Status
from kabar.log import logger
from kabar.storage.blocks import Blocks
from kabar.storage.callback_settings import Changed
from kabar.storage.dynamo import Item, Table
from kabar.storage.people import sent_times


@dataclass(frozen=True)
class Settings(wiring.Environment):
    people_table: str
    deployment: str


SETTINGS = settings.read(Settings)
DESK = wiring.desk(SETTINGS)
PEOPLE = Table(SETTINGS.people_table)
BLOCKS = Blocks(Table(SETTINGS.workspaces_table))
AT_ONCE = 10  # endpoints

Place = tuple[str, str]  # workspace, kind


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Tell every endpoint what a batch holds for it; the queue brings again what a table or a secret refused."""
    told: defaultdict[Place, list[Item]] = defaultdict(list)
    messages: defaultdict[Place, list[str]] = defaultdict(list)
    for record in event["Records"]:
        body = json.loads(record["body"])
        place = body["workspace"], body["kind"]
        told[place] += body["told"]
        messages[place].append(record["messageId"])
    failed: list[str] = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        working = {place: threads.submit(_tell, *place, entries) for place, entries in told.items()}
    done: dict[str, Any] = {}
    for place, future in working.items():
        error = future.exception()
        if error is not None:
            logger.error("callbacks to take again", workspace=place[0], kind=place[1], exc_info=error)
            failed += messages[place]
        else:
            done["/".join(place)] = future.result()
    logger.info("callbacks", done=done, failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _tell(workspace: str, kind: str, told: list[Item]) -> dict[str, int] | None:
    """Tell one endpoint, with its settings as they are now; nobody when there is none."""
    entries = list(_callbacks(workspace, kind, told))
    for _ in range(2):
        endpoint = DESK.endpoints.get(workspace, kind)
        if endpoint is None:
            return None
        try:
            done = first.deliver(DESK, endpoint | {"workspace": workspace}, entries)
        except Changed:
            continue  # somebody saved it just now
        return {"delivered": done.delivered, "parked": done.parked, "dead": done.dead}
    raise Changed(kind)


def _callbacks(workspace: str, kind: str, told: list[Item]) -> list[Callback]:
    if kind == Kind.REPLIES:
        return [
            reply_callback(SETTINGS.deployment, workspace, _with_reference(each, each["message"]))
            for each in told
        ]
    sent = sent_times(PEOPLE, workspace, [(each["mobile"], each["id"]) for each in told])
    return [
        receipt_callback(
            SETTINGS.deployment,
            workspace,
            _with_reference(each, each["id"]) if each["status"] == Status.REJECTED.word else each,
            # who was never handed over by us, as far as we still know, was sent when it was told of
            int(sent.get(each["id"]) or each["at"]),
        )
        for each in told
    ]


def _with_reference(told: Item, message: int | None) -> Item:
    """With the client's reference of the request that `message` is of; replies and refusals don't know it [F9]."""
    if told["reference"] or told["campaign"] is not None or message is None:
        return told
    block = BLOCKS.holding(message)
    return told | {"reference": block.reference if block else None}

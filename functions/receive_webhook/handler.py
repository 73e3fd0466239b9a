"""A carrier's post -> our queues: know who posts, split, answer fast; what it says is applied later."""

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from kabar import settings
from kabar.carriers import carrier
from kabar.carriers.errors import BadWebhook
from kabar.carriers.proof import proved
from kabar.domain.inbound import RECEIPTS_TOGETHER, packed_receipt, packed_reply, storable
from kabar.log import logger, masked
from kabar.storage.dynamo import Table
from kabar.storage.queues import NotQueued, enqueue
from kabar.storage.webhooks import Webhook, Webhooks

BODY_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    receipts_queue_url: str
    replies_queue_url: str


class NotTaken(Exception):
    """The post is refused with `status`; nothing was written."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@cache
def client(service: str) -> Any:
    """The process's client of an AWS service, made when first needed: a refused post needs none."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "max_attempts": 3},
        parameter_validation=False,
    )
    return boto3.client(service, config=config)


SETTINGS = settings.read(Settings)
WEBHOOKS = Webhooks(Table(SETTINGS.workspaces_table), lambda: client("secretsmanager"))


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer 200 once all is queued; 404, 401, 413 or 400 without a word more; 503 to be posted again."""
    request_id = str((event.get("requestContext") or {}).get("requestId", ""))
    logger.set_correlation_id(request_id)
    try:
        body = body_of(event)
        webhook = known(event, body)
        logged = take(webhook, event["path"].rpartition("/")[2], body, request_id)
    except NotTaken as refusal:
        logger.warning("webhook refused", status=refusal.status, why=str(refusal))
        return {"statusCode": refusal.status, "body": ""}
    except NotQueued as failure:
        logger.error("webhook not queued", why=str(failure))
        return {"statusCode": 503, "body": ""}
    logger.info("webhook taken", workspace=webhook.workspace, carrier=webhook.carrier, **logged)
    return {"statusCode": 200, "body": ""}


def known(event: Mapping[str, Any], body: bytes) -> Webhook:
    """Whose webhook it is, once the poster has proved to be that carrier [L4]."""
    parameters, headers, now = event["pathParameters"], event.get("headers") or {}, time.time()
    webhook = WEBHOOKS.find(parameters["token"])
    if webhook is None or webhook.carrier != parameters["carrier"]:
        raise NotTaken(404, "no such webhook")
    if proved(webhook.proof, webhook.user, webhook.secret, headers, body, now):
        return webhook
    rotated = WEBHOOKS.find(parameters["token"], fresh=True)
    if rotated is None or not proved(rotated.proof, rotated.user, rotated.secret, headers, body, now):
        raise NotTaken(401, "wrong credentials")
    return rotated


def body_of(event: Mapping[str, Any]) -> bytes:
    """The body's bytes as the carrier sent them."""
    text = event.get("body") or ""
    encoded = event.get("isBase64Encoded")
    if len(text) > BODY_LIMIT * (4 / 3 if encoded else 1) + 4:
        raise NotTaken(413, "too large")
    try:
        body = base64.b64decode(text, validate=True) if encoded else text.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NotTaken(400, "the body's bytes can't be read") from error
    if len(body) > BODY_LIMIT:
        raise NotTaken(413, "too large")
    return body


def take(webhook: Webhook, kind: str, body: bytes, request_id: str) -> dict[str, Any]:
    """Queue what the post says, and say what to log; ids and numbers that no key can hold are left out."""
    source = {"workspace": webhook.workspace, "carrier": webhook.carrier, "request_id": request_id}
    reader = carrier(webhook.carrier, webhook.gateway)
    try:
        if kind == "receipts":
            receipts, unreadable = reader.read_receipts(body)
            now = int(time.time() * 1000)  # for carriers that give no time
            timed = (receipt if receipt.at else replace(receipt, at=now) for receipt in receipts)
            kept = [packed_receipt(receipt) for receipt in timed if storable(receipt)]
            parts = [kept[at : at + RECEIPTS_TOGETHER] for at in range(0, len(kept), RECEIPTS_TOGETHER)]
            bodies = [json.dumps({**source, "receipts": part}) for part in parts]
            enqueue(client("sqs"), SETTINGS.receipts_queue_url, bodies)
            return {"receipts": len(kept), "left_out": len(receipts) - len(kept) + unreadable}
        replies, unreadable = reader.read_replies(body)
        now = int(time.time() * 1000)
        bodies = [
            json.dumps({**source, "reply": packed_reply(replace(reply, at=reply.at or now))})
            for reply in replies
            if storable(reply)
        ]
        enqueue(client("sqs"), SETTINGS.replies_queue_url, bodies)
        return {"replies": len(bodies), "left_out": len(replies) - len(bodies) + unreadable}
    except (BadWebhook, RecursionError) as error:
        raise NotTaken(400, masked(str(error)[:100])) from error

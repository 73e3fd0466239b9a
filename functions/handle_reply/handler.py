"""Replies from the queue -> the inbox, and the opt-outs that they mean."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from kabar import settings
from kabar.domain.inbound import reply_of
from kabar.domain.messages import Reply
from kabar.domain.replies import OptOut, answered, is_opt_out, list_to_leave
from kabar.log import logger, masked
from kabar.storage.dynamo import Table
from kabar.storage.people import Replies


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    people_table: str
    dispatch_table: str


SETTINGS = settings.read(Settings)
REPLIES = Replies(
    Table(SETTINGS.people_table),
    Table(SETTINGS.members_table),
    Table(SETTINGS.workspaces_table),
    Table(SETTINGS.dispatch_table),
)


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Take each reply of a batch; if a table fails for one, the others are done before it raises."""
    failures: list[Exception] = []
    for record in event["Records"]:
        try:
            body = json.loads(record["body"])
            workspace, carrier, reply = str(body["workspace"]), str(body["carrier"]), reply_of(body["reply"])
            logger.set_correlation_id(body.get("request_id"))
        except (KeyError, TypeError, ValueError):
            logger.error("reply unreadable", queue_message=record["messageId"])  # again would not help
            continue
        try:
            handle(workspace, carrier, reply)
        except Exception as failure:  # noqa: BLE001  # one reply must not hold up the others; raised below
            failures.append(failure)
    if failures:
        raise ExceptionGroup("replies to take again", failures)


def handle(workspace: str, carrier: str, reply: Reply) -> None:
    """Tie the reply to the message it answers, and put it with the opt-out that it means [I2] [I3] [I4]."""
    sent = partial(REPLIES.was_handed_over, workspace)
    answer = answered(REPLIES.facts(workspace, reply.mobile), reply.to, sent)
    opt_out = None
    if is_opt_out(reply.text):
        opt_out = OptOut(list_to_leave(answer, reply.at, partial(REPLIES.campaign_end, workspace)))
    new = REPLIES.put(workspace, carrier, reply, answer, opt_out, lambda: int(time.time() * 1000))
    logger.info(
        "reply taken" if new else "reply repeated",
        workspace=workspace,
        reply=reply.id,
        mobile=masked(reply.mobile),
        answers=answer.message if answer else None,
        opt_out=opt_out is not None,
        list=opt_out.list if opt_out else None,
    )

"""Replies from the queue -> the inbox, and what they mean: opt-outs, coming back, joining a list, answers, mail."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from kabar import settings
from kabar.domain.commands import Means, command_in, commands_of
from kabar.domain.inbound import reply_of
from kabar.domain.messages import Reply
from kabar.domain.replies import (
    Leaves,
    OptOut,
    Sent,
    answered,
    may_be_answered,
    opt_out,
    response,
    rules_of,
)
from kabar.legs.outbox import Outbox
from kabar.legs.reply_effects import Effects
from kabar.log import logger, masked
from kabar.storage import browse, ids, keys, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.keywords import Keywords
from kabar.storage.queues import enqueue
from kabar.storage.replies import Replies, Taken
from kabar.storage.reply_parts import ReplyParts
from kabar.storage.requests import Requests
from kabar.storage.roster import Roster


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    people_table: str
    dispatch_table: str
    activity_table: str
    mail_sender: str
    messages_queue_url: str
    replies_queue_url: str


@cache
def sqs() -> Any:
    import boto3  # here, so that a cold start without it stays short

    return boto3.client("sqs")


def queue(workspace: str, request: int) -> None:
    """Have a stored message request sent."""
    enqueue(sqs(), SETTINGS.messages_queue_url, [json.dumps({"workspace": workspace, "request": request})])


PARTS_WAIT_MS = (
    600_000  # a phone sends the parts of a reply within seconds; a queue hides for 15 minutes at most
)
SETTINGS = settings.read(Settings)
WORKSPACES, MEMBERS = Table(SETTINGS.workspaces_table), Table(SETTINGS.members_table)
PEOPLE, LOG = Table(SETTINGS.people_table), Table(SETTINGS.activity_table)
DISPATCH = Table(SETTINGS.dispatch_table)
PARTS = ReplyParts(DISPATCH)
REPLIES = Replies(PEOPLE, MEMBERS, WORKSPACES, DISPATCH, LOG)
EFFECTS = Effects(
    REPLIES,
    Roster(PEOPLE, MEMBERS, WORKSPACES),
    Outbox(WORKSPACES, LOG, Requests(WORKSPACES, DISPATCH), queue),
    WORKSPACES,
    LOG,
    SETTINGS.mail_sender,
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
            if reply.part is None:
                handle(workspace, carrier, reply)
            else:
                join(workspace, carrier, reply, body)
        except Exception as failure:  # noqa: BLE001  # one reply must not hold up the others; raised below
            failures.append(failure)
    if failures:
        raise ExceptionGroup("replies to take again", failures)


def join(workspace: str, carrier: str, reply: Reply, body: dict[str, Any]) -> None:
    """Keep a part of a long reply; with the last one it is a reply, and after a while without it too."""
    late, now = body.get("late") is True, _now()
    if not late and not PARTS.add(workspace, carrier, reply, now):
        return
    whole = PARTS.joined(workspace, carrier, reply, late_before=now - PARTS_WAIT_MS if late else None)
    if whole:
        handle(workspace, carrier, whole)
        PARTS.forget(workspace, carrier, reply, now)
    elif not late:
        again = json.dumps({**body, "late": True})
        enqueue(sqs(), SETTINGS.replies_queue_url, [again], PARTS_WAIT_MS // 1000 + 1)


def handle(workspace: str, carrier: str, reply: Reply) -> None:
    """Put the reply with the opt-out that it means, unless that is done; then what else it means [I2]-[I4]."""
    kept, new = REPLIES.get(workspace, reply.mobile, carrier, reply.id), False
    if kept is None:
        kept, new = REPLIES.put(workspace, carrier, reply, _understood(workspace, reply), _now)
    logger.info(
        "reply taken" if new else "reply repeated",
        workspace=workspace,
        reply=reply.id,
        mobile=masked(reply.mobile),
        answers=kept.get("message"),
        command=kept.get("command"),
        left=kept.get("left"),
        list=kept.get("list"),
        todo=sorted(kept.get("todo", ())),
    )
    EFFECTS.go_on(workspace, kept)


def _understood(workspace: str, reply: Reply) -> Taken:
    """What a reply answers, and what is to become of it."""
    decided = workspaces.settings(WORKSPACES, workspace)
    rules = rules_of(decided)
    sent = partial(REPLIES.was_handed_over, workspace)
    answer = answered(REPLIES.facts(workspace, reply.mobile), reply.to, sent)
    command = command_in(reply.text, commands_of(decided))
    keyword = leaves = None
    if command and command.means is Means.OPT_OUT:
        leaves = opt_out(answer, reply.at, rules, partial(REPLIES.campaign_end, workspace))
    elif command is None and rules.is_dedicated(reply.to):
        keyword = Keywords(WORKSPACES, LOG, workspace).said(reply.text)
    list_id = keyword["list_id"] if keyword else answer.list if answer else None
    head: Item = (browse.list_head(WORKSPACES, workspace, list_id) if list_id else None) or {}
    sources = [_campaign(workspace, answer), head, decided] if _tied(leaves) else [decided]
    means = command.means if command else None
    first = ids.reserve(WORKSPACES, 2)
    return Taken(
        reply_id=first,
        response_id=first + 1,
        answer=answer,
        list=list_id,
        list_name=head.get("name"),
        batch=head.get("batch"),
        command=means,
        opt_out=leaves,
        keyword=keyword["word"] if keyword else None,
        response=response(means, sources, rules.encoding, keyword)
        if may_be_answered(reply.mobile, reply.to, rules)
        else None,
        sender=rules.sender(reply.to),
        per_hour=rules.per_hour,
        email=head.get("email") if rules.forward and SETTINGS.mail_sender else None,
    )


def _tied(leaves: OptOut | None) -> bool:
    """Whether the campaign and its list have a say: not about an opt-out that could be tied to no list."""
    return leaves is None or leaves.leaves is not Leaves.BLACKLIST


def _campaign(workspace: str, answer: Sent | None) -> Item | None:
    if answer is None or answer.campaign is None:
        return None
    return WORKSPACES.get(keys.campaign_head(workspace, answer.campaign))


def _now() -> int:
    return time.time_ns() // 1_000_000

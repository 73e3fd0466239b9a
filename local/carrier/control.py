"""Our own routes beside Infobip's: the truth, faults, phones that answer, the account, counts."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

from aiohttp import web
from pydantic import Field

from local.carrier.faults import Control, FaultPlan
from local.carrier.receipts import now_ms
from local.carrier.segments import measure
from local.carrier.simulator import SIMULATOR, Account
from local.carrier.truth import Message, stamp
from local.carrier.wire import ApiError, answer, read_body

PIECE = 2_000


class Reply(Control):
    """The body of `POST /_replies`: what a phone answers, and to which number."""

    from_: Annotated[str, Field(alias="from", pattern=r"^\+?[0-9]{7,15}$")]
    to: Annotated[str, Field(min_length=1)]
    text: str


async def truth(request: web.Request) -> web.Response:
    """`?after=N`: what was accepted and refused after entry N.

    When `more` is true the page was full: ask again with `after` = `next`.
    """
    after = request.query.get("after", "0")
    if not after.isdecimal():
        raise ApiError(400, [("after", "must be a number")])
    log = request.app[SIMULATOR].log
    page = log.page(int(after))
    last = int(after) + len(page)
    more = last < len(log)
    accepted = await _listing([message for message in page if message.why is None])
    refused = await _listing([message for message in page if message.why is not None])
    return web.Response(
        text=f'{{"accepted":{accepted},"refused":{refused},"next":{last},"more":{json.dumps(more)}}}',
        content_type="application/json",
    )


async def _listing(messages: list[Message]) -> str:
    """A JSON array, made in pieces so that messages are taken meanwhile."""
    pieces = []
    for start in range(0, len(messages), PIECE):
        entries = [message.entry() for message in messages[start : start + PIECE]]
        pieces.append(json.dumps(entries, separators=(",", ":"))[1:-1])
        await asyncio.sleep(0)
    return f"[{','.join(pieces)}]"


async def set_faults(request: web.Request) -> web.Response:
    plan = await read_body(request, FaultPlan)
    request.app[SIMULATOR].plan_faults(plan)
    return answer(plan.model_dump())


async def clear_faults(request: web.Request) -> web.Response:
    request.app[SIMULATOR].plan_faults(FaultPlan())
    return answer(FaultPlan().model_dump())


async def reply(request: web.Request) -> web.Response:
    """Make a phone answer; its message is pushed to the account's `replies_url`."""
    simulator = request.app[SIMULATOR]
    message = await read_body(request, Reply)
    if simulator.account is None or simulator.account.replies_url is None:
        raise ApiError(409, [("replies_url", "the account has none: POST /_account first")])
    message_id = str(next(simulator.numbers))
    body = {
        "results": [
            {
                "messageId": message_id,
                "from": message.from_.removeprefix("+"),
                "to": message.to.removeprefix("+"),
                "text": message.text,
                "cleanText": message.text,
                "receivedAt": stamp(now_ms()),
                "smsCount": measure(message.text).segments,
                "price": {"pricePerMessage": 0, "currency": "EUR"},
            }
        ],
        "messageCount": 1,
        "pendingMessageCount": 0,
    }
    simulator.outlet.send(simulator.account.replies_url, body, 1, simulator.replies)
    return answer({"messageId": message_id})


async def set_account(request: web.Request) -> web.Response:
    request.app[SIMULATOR].open_account(await read_body(request, Account))
    return answer({})


async def health(_: web.Request) -> web.Response:
    return answer({"status": "ok"})


async def stats(request: web.Request) -> web.Response:
    """Counts of messages, reports and replies (not posts); `webhook_answers` counts posts by answer."""
    simulator = request.app[SIMULATOR]
    receipts = simulator.receipts
    return answer(
        {
            "requests": simulator.requests,
            "accepted": simulator.log.accepted,
            "refused": simulator.log.refused,
            "receipts": asdict(receipts.tally) | {"lost": receipts.lost, "duplicated": receipts.duplicated},
            "replies": asdict(simulator.replies),
            "faults": dict(simulator.faults.fired),
            "webhook_answers": dict(simulator.outlet.answers),
        }
    )

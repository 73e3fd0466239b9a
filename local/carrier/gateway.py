"""`POST /gateway/send`: a strict gateway that takes one message a call, as small local carriers do.

`X-Api-Key: <key>` and `{"to": "<7 to 15 digits>", "from": "…", "text": "…", "ref"?: "…", "dlr_url"?: "https://…"}`,
nothing else, answers 200 `{"status": "accepted", "id": "<its own id>"}`, or 200 with the status `rejected` (for this
recipient) or `duplicate` (a `ref` that it took before, if the account says that it dedupes; else it takes it again).
401 for a wrong key, 400 for another shape, 429 with Retry-After beyond the account's rate. The truth log and the
faults are the same as Infobip's; `partial` doesn't apply.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from local.carrier.receipts import now_ms
from local.carrier.registry import NETWORK_REJECTED, PROVIDER_ERROR, Json
from local.carrier.segments import measure
from local.carrier.sending import drip, hang, reset
from local.carrier.simulator import SIMULATOR, Account, Simulator
from local.carrier.truth import Message
from local.carrier.wire import ApiError, Terms, answer, encode, read_body


class Send(BaseModel):
    """The body: snake_case, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    to: Annotated[str, Field(pattern=r"^[0-9]{7,15}$")]
    from_: Annotated[str, Field(alias="from", min_length=1, max_length=20)]
    text: Annotated[str, Field(min_length=1)]
    ref: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    dlr_url: Annotated[str | None, Field(pattern=r"^https?://[^\s/]+")] = None


async def send(request: web.Request) -> web.StreamResponse:
    simulator = request.app[SIMULATOR]
    simulator.requests += 1
    number = simulator.requests
    account = simulator.account
    if account is None or request.headers.get("X-Api-Key") != account.api_key:
        raise ApiError(401)
    body = await read_body(request, Send)
    if simulator.faults.plan.latency_ms:
        await asyncio.sleep(simulator.faults.plan.latency_ms / 1000)
    simulator.spend(1, account)
    fault = simulator.faults.for_request([(body.to, body.ref or "")])
    if fault is None or fault == "partial":
        return answer(_take(simulator, account, body, number))
    return await _misbehave(request, fault, lambda: encode(_take(simulator, account, body, number)))


async def _misbehave(request: web.Request, fault: str, take: Callable[[], bytes]) -> web.StreamResponse:
    if fault == "http_500":
        raise ApiError(500)
    if fault == "http_429":
        raise ApiError(429, retry_after=1)
    whole = b"" if fault.endswith("before_accept") else take()
    if fault == "slow_drip":
        return await drip(request, whole)
    if fault == "bad_json":
        return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
    if fault.startswith("timeout"):
        await hang(request)
    return reset(request)


def _take(simulator: Simulator, account: Account, body: Send, number: int) -> Json:
    log, own_id = simulator.log, str(next(simulator.numbers))
    message = Message(
        n=log.next_n(),
        at=now_ms(),
        to=body.to,
        id=body.ref or own_id,
        bulk_id=own_id,
        segments=measure(body.text).segments,
        request=number,
        terms=Terms(
            sender=body.from_,
            text=body.text,
            language=None,
            report_url=body.dlr_url,
            notify=True,
            intermediate=False,
            callback_data=None,
            campaign_reference_id=None,
            platform=None,
            gateway=True,
        ),
    )
    status = "accepted"
    if account.gateway.dedupes and body.ref and log.knows(body.ref):
        status, message.why = "duplicate", "duplicate ref"
    elif simulator.faults.rejects(body.to, body.ref or ""):
        status, message.why = "rejected", "rejected"
        message.status, message.error = NETWORK_REJECTED, PROVIDER_ERROR
    else:
        simulator.receipts.follow(message)
    log.add(message)
    return {"status": status, "id": own_id}

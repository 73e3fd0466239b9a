"""`POST /sms/3/messages`: accept, refuse, or misbehave as ordered."""

import asyncio
import socket
from dataclasses import dataclass

from aiohttp import web

from local.carrier.faults import chances
from local.carrier.receipts import now_ms
from local.carrier.registry import (
    ACCEPTED,
    BAD_DESTINATION,
    DUPLICATE_ID,
    DUPLICATE_MESSAGE,
    INVALID_ADDRESS,
    NETWORK_REJECTED,
    PROVIDER_ERROR,
    Json,
)
from local.carrier.segments import measure
from local.carrier.simulator import SIMULATOR, Simulator
from local.carrier.truth import Message
from local.carrier.wire import ApiError, SendRequest, Terms, answer, encode, read_body

HOLD = 75.0  # seconds a request hangs at most; clients give up earlier
LOOK = 0.1  # seconds between two looks whether the client is still there
DRIP = 1.0  # seconds between two bytes
SHORTEST, LONGEST = 7, 15  # digits of a number that exists


@dataclass(frozen=True, slots=True)
class Item:
    """One recipient of a request."""

    to: str
    id: str
    terms: Terms


@dataclass(frozen=True, slots=True)
class Job:
    """One valid request. `number` counts HTTP requests."""

    number: int
    bulk_id: str
    items: list[Item]
    counted: bool


async def send_messages(request: web.Request) -> web.StreamResponse:
    simulator = request.app[SIMULATOR]
    simulator.requests += 1
    number = simulator.requests
    account = simulator.authenticate(request)
    job = _job(simulator, number, await read_body(request, SendRequest))
    if simulator.faults.plan.latency_ms:
        await asyncio.sleep(simulator.faults.plan.latency_ms / 1000)
    simulator.spend(len(job.items), account)
    fault = simulator.faults.for_request([(item.to, item.id) for item in job.items])
    if fault is None:
        return answer(_accept(simulator, job, job.items))
    return await _misbehave(request, simulator, job, fault)


def _job(simulator: Simulator, number: int, body: SendRequest) -> Job:
    items = [
        Item(destination.to, destination.message_id or str(next(simulator.numbers)), terms)
        for terms, destinations in ((Terms.of(message), message.destinations) for message in body.messages)
        for destination in destinations
    ]
    if len(items) > simulator.max_recipients:
        raise ApiError(400, [("messages", f"at most {simulator.max_recipients} recipients per request")])
    bulk_id = body.options.schedule.bulk_id or str(next(simulator.numbers))
    return Job(number, bulk_id, items, body.options.include_sms_count_in_response)


def _accept(simulator: Simulator, job: Job, items: list[Item]) -> Json:
    """Take the items, one by one, and answer for each in the order of the request."""
    results: list[Json] = []
    for item in items:
        message = _take(simulator, job, item)
        result: Json = {
            "messageId": item.id,
            "status": ACCEPTED if message.why is None else message.status,
            "destination": item.to,
        }
        if job.counted:
            result["details"] = {"messageCount": message.segments}
        results.append(result)
    return {"bulkId": job.bulk_id, "messages": results}


def _take(simulator: Simulator, job: Job, item: Item) -> Message:
    log, now = simulator.log, now_ms()
    message = Message(
        n=log.next_n(),
        at=now,
        to=item.to,
        id=item.id,
        bulk_id=job.bulk_id,
        segments=measure(item.terms.text, item.terms.language).segments,
        request=job.number,
        terms=item.terms,
    )
    if log.knows(item.id):
        message.why, message.status, message.error = "duplicate message id", DUPLICATE_ID, DUPLICATE_MESSAGE
    elif not SHORTEST <= len(item.to) <= LONGEST:
        message.why, message.status, message.error = "not a number", BAD_DESTINATION, INVALID_ADDRESS
    elif simulator.faults.rejects(item.to, item.id):
        message.why, message.status, message.error = "rejected", NETWORK_REJECTED, PROVIDER_ERROR
    else:
        simulator.receipts.follow(message)
    log.add(message)
    return message


async def _misbehave(request: web.Request, simulator: Simulator, job: Job, fault: str) -> web.StreamResponse:
    match fault:
        case "http_500":
            raise ApiError(500)
        case "http_429":
            raise ApiError(429, retry_after=1)
        case "partial":
            return answer(_accept_partly(simulator, job))
        case "timeout_before_accept" | "reset_before_accept":
            whole = b""
        case _:
            whole = encode(_accept(simulator, job, job.items))
    if fault.startswith("timeout"):
        await hang(request)
    elif fault == "slow_drip":
        return await drip(request, whole)
    elif fault == "bad_json":
        return _garble(whole, job)
    return reset(request)


def _accept_partly(simulator: Simulator, job: Job) -> Json:
    accepted, answered = simulator.faults.split([item.id for item in job.items])
    results = _accept(simulator, job, [item for at, item in enumerate(job.items) if at in accepted])
    told = [at in answered for at in sorted(accepted)]
    results["messages"] = [each for each, tell in zip(results["messages"], told, strict=True) if tell]
    return results


async def hang(request: web.Request) -> None:
    """Say nothing until the client gives up."""
    for _ in range(int(HOLD / LOOK)):
        if not _connected(request):
            break
        await asyncio.sleep(LOOK)


def reset(request: web.Request) -> web.Response:
    """Close with a TCP reset: with linger 0 the kernel drops the connection instead of ending it."""
    if request.transport is not None and _connected(request):
        peer = request.transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        request.transport.abort()
    return web.Response()


def _connected(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


async def drip(request: web.Request, body: bytes) -> web.StreamResponse:
    slow = web.StreamResponse(headers={"Content-Type": "application/json"})
    slow.content_length = len(body)
    await slow.prepare(request)
    for at in range(len(body)):
        await slow.write(body[at : at + 1])
        await asyncio.sleep(DRIP)
    return slow


def _garble(body: bytes, job: Job) -> web.Response:
    """A 200 that is no answer: a gateway's HTML page, or half of the JSON."""
    page, *_ = chances("garble", job.items[0].id)
    if page < 1 / 2:
        return web.Response(text="<html><body>Service is up</body></html>", content_type="text/html")
    return web.Response(body=body[: len(body) // 2], content_type="application/json")

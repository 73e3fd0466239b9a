"""The HTTP server of the simulated customer; its routes are in the package's docstring."""

import asyncio
import base64
import json
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

CLIENT_ID, CLIENT_SECRET = "kabar", "s3cret"
SHUTDOWN = 0.5  # seconds; hanging requests are part of the simulation and not waited for


class Control(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rule(Control):
    """How to answer what fits: `share` of it, at most `times`."""

    status: int = Field(default=204, ge=200, le=599)
    headers: dict[str, str] = {}
    body: str = ""
    delay_ms: int = Field(default=0, ge=0)
    drip_ms: int = Field(default=0, ge=0)
    drop: bool = False
    path: str = ""
    contains: str = ""
    share: float = Field(default=1, ge=0, le=1)
    times: int | None = None


class Behaviour(Control):
    seed: int = 1
    rules: list[Rule] = []


class Tokens(Control):
    """How tokens are given out and asked for."""

    required: bool = False
    status: int = 200
    expires_in: int | None = 3600
    delay_ms: int = Field(default=0, ge=0)
    revoke: bool = False


@dataclass
class Customer:
    """What came in, and how it is answered."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    behaviour: Behaviour = field(default_factory=Behaviour)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    tokens: Tokens = field(default_factory=Tokens)
    good: dict[str, float] = field(default_factory=dict)  # token -> until
    asked: int = 0

    def rule_for(self, path: str, body: str) -> Rule:
        for rule in self.behaviour.rules:
            if not path.startswith(rule.path) or rule.contains not in body or rule.times == 0:
                continue
            if self.chance.random() >= rule.share:
                continue
            if rule.times is not None:
                rule.times -= 1
            return rule
        return Rule()

    def authorized(self, headers: Mapping[str, str]) -> bool:
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        return not self.tokens.required or self.good.get(token, 0) > time.time()


CUSTOMER = web.AppKey("customer", Customer)


async def called(request: web.Request) -> web.StreamResponse:
    """A callback: record it, then answer as told."""
    customer = request.app[CUSTOMER]
    body = (await request.read()).decode("utf-8", "replace")
    rule = customer.rule_for(request.path, body)
    status = rule.status if customer.authorized(request.headers) else 401
    entry = {
        "n": len(customer.calls) + 1,
        "at": time.time_ns() // 1_000_000,
        "path": request.path,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": body,
        "status": 0,
    }
    customer.calls.append(entry)
    await asyncio.sleep(rule.delay_ms / 1000)
    if request.transport is None or request.transport.is_closing():
        return web.Response(status=500)  # the caller hasn't waited
    if rule.drop:
        request.transport.abort()
        return web.Response(status=500)
    entry["status"] = status
    if not rule.drip_ms:
        return web.Response(status=status, headers=rule.headers, text=rule.body or None)
    response = web.StreamResponse(status=status, headers=rule.headers)
    await response.prepare(request)
    for letter in rule.body:
        await response.write(letter.encode())
        await asyncio.sleep(rule.drip_ms / 1000)
    return response


async def token(request: web.Request) -> web.Response:
    """RFC 6749, 4.4: client credentials by HTTP Basic."""
    customer = request.app[CUSTOMER]
    customer.asked += 1
    await asyncio.sleep(customer.tokens.delay_ms / 1000)
    if customer.tokens.status != 200:
        return web.json_response({"error": "temporarily_unavailable"}, status=customer.tokens.status)
    form = await request.post()
    expected = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    if request.headers.get("Authorization") != expected or form.get("grant_type") != "client_credentials":
        return web.json_response({"error": "invalid_client"}, status=401)
    made, life = secrets.token_urlsafe(16), customer.tokens.expires_in
    customer.good[made] = time.time() + (life or 3600)
    return web.json_response(
        {"access_token": made, "token_type": "Bearer"} | ({"expires_in": life} if life else {})
    )


async def got(request: web.Request) -> web.Response:
    calls = request.app[CUSTOMER].calls
    page = calls[int(request.query.get("after", "0")) :][:10_000]
    return web.json_response({"calls": page, "next": page[-1]["n"] if page else len(calls)})


async def behave(request: web.Request) -> web.Response:
    customer = request.app[CUSTOMER]
    customer.behaviour = Behaviour.model_validate_json(await request.text() or "{}")
    customer.chance = random.Random(customer.behaviour.seed)
    return web.json_response(customer.behaviour.model_dump())


async def set_tokens(request: web.Request) -> web.Response:
    customer = request.app[CUSTOMER]
    if request.method == "POST":
        customer.tokens = Tokens.model_validate_json(await request.text() or "{}")
        if customer.tokens.revoke:
            customer.good.clear()
    return web.json_response({"asked": customer.asked, "given": len(customer.good)})


@web.middleware
async def errors(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except ValidationError as error:
        return web.json_response(json.loads(error.json()), status=400)
    return response


def build() -> web.Application:
    app = web.Application(middlewares=[errors])
    app[CUSTOMER] = Customer()
    app.router.add_get("/_got", got)
    app.router.add_post("/_behave", behave)
    app.router.add_delete("/_behave", behave)
    app.router.add_get("/_tokens", set_tokens)
    app.router.add_post("/_tokens", set_tokens)
    app.router.add_post("/token", token)
    app.router.add_route("*", "/{path:.*}", called)
    return app


async def start(port: int) -> tuple[web.AppRunner, str]:
    """Listen on 127.0.0.1 (port 0: any free one); returns what to clean up, and the URL."""
    runner = web.AppRunner(build(), access_log=None, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"

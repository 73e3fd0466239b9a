"""Posts to the customer's webhooks, and posts again when that fails."""

import asyncio
import hmac
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from local.carrier.registry import Json

ATTEMPTS = 6
RETRY_UNIT = 0.5  # Infobip waits 1 min + 1 min * retry^2; here a minute takes half a second
TIMEOUT = ClientTimeout(total=20)
AT_ONCE = 4  # each post in flight is a Lambda worker to start on this machine


@dataclass
class Tally:
    """How many events (not posts) arrived, wait, or were given up."""

    posted: int = 0
    pending: int = 0
    failed: int = 0


@dataclass
class Outlet:
    """One account's webhooks. `authorization` is that header's value, if the account wants one."""

    authorization: str | None = None
    answers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[bool]] = set()

    async def __aenter__(self) -> Self:
        self._session = ClientSession(timeout=TIMEOUT, connector=TCPConnector(limit=AT_ONCE))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._session.close()

    def send(
        self, url: str, body: Json, events: int, tally: Tally, *, secret: str = ""
    ) -> "asyncio.Task[bool]":
        """Post `body`, which carries so many events, signed with `secret` if there is one; the task says whether it
        arrived in the end.
        """
        tally.pending += events
        task = asyncio.create_task(self._deliver(url, body, events, tally, secret))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _deliver(self, url: str, body: Json, events: int, tally: Tally, secret: str) -> bool:
        payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        arrived = False
        for retry in range(ATTEMPTS):
            if retry:
                await asyncio.sleep(RETRY_UNIT * (1 + retry**2))
            async with self._places:
                arrived = await self._post(url, payload, secret)
            if arrived:
                break
        tally.pending -= events
        if arrived:
            tally.posted += events
        else:
            tally.failed += events
        return arrived

    async def _post(self, url: str, payload: bytes, secret: str) -> bool:
        headers = {"Content-Type": "application/json"}
        if secret:
            at = str(int(time.time()))
            signature = hmac.new(secret.encode(), f"{at}.".encode() + payload, "sha256").hexdigest()
            headers |= {"X-Timestamp": at, "X-Signature": f"sha256={signature}"}
        elif self.authorization:
            headers["Authorization"] = self.authorization
        try:
            async with self._session.post(
                url, data=payload, headers=headers, allow_redirects=False
            ) as response:
                await response.read()
                self.answers[str(response.status)] += 1
                return 200 <= response.status < 300
        except (ClientError, TimeoutError, ValueError) as error:
            self.answers[type(error).__name__] += 1
            return False

"""The simulated carrier's memory: one account, what it accepted, what it owes."""

import itertools
import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Annotated

from aiohttp import encode_basic_auth, web
from pydantic import Field

from local.carrier.faults import Control, FaultPlan, Faults
from local.carrier.outlet import Outlet, Tally
from local.carrier.receipts import Receipts
from local.carrier.truth import Log
from local.carrier.wire import ApiError

LOG_READS_PER_MINUTE = 120
MINUTE = 60.0
Address = Annotated[str, Field(pattern=r"^https?://[^\s/]+")]


class GatewayTerms(Control):
    """What the gateway of one message a call promises of a repeated `ref`, and whether its receipts carry it."""

    dedupes: bool = False
    echoes: bool = True
    secret: str = ""  # signs its receipts


class Account(Control):
    """The body of `POST /_account`: the customer as the carrier knows it; `rate_limit` is in messages/s."""

    api_key: Annotated[str, Field(min_length=1)]
    receipts_url: Address | None = None
    replies_url: Address | None = None
    webhook_user: str | None = None
    webhook_password: str = ""
    rate_limit: Annotated[float | None, Field(gt=0)] = None
    gateway: GatewayTerms = GatewayTerms()


@dataclass
class Simulator:
    """All state of one run; until `/_account` was called every key is refused."""

    max_recipients: int = 1000
    account: Account | None = None
    log: Log = field(default_factory=Log)
    faults: Faults = field(default_factory=lambda: Faults(FaultPlan()))
    outlet: Outlet = field(default_factory=Outlet)
    replies: Tally = field(default_factory=Tally)
    requests: int = 0

    def __post_init__(self) -> None:
        self.receipts = Receipts(self.outlet)
        self.numbers = itertools.count(2_250_000_000_000_000_000)
        self._log_reads: deque[float] = deque()
        self._allowance = 0.0
        self._allowance_at = time.monotonic()

    def open_account(self, account: Account) -> None:
        self.account = account
        self.receipts.default_url = account.receipts_url
        user = account.webhook_user
        self.outlet.authorization = (
            encode_basic_auth(user, account.webhook_password, "utf-8") if user else None
        )
        self.receipts.gateway = account.gateway
        self._allowance, self._allowance_at = account.rate_limit or 0.0, time.monotonic()

    def plan_faults(self, plan: FaultPlan) -> None:
        self.faults = Faults(plan)
        self.receipts.plan = plan

    def authenticate(self, request: web.Request) -> Account:
        """The account whose key the request carries; ApiError 401 without."""
        header = request.headers.get("Authorization", "")
        if self.account is None or header != f"App {self.account.api_key}":
            raise ApiError(401)
        return self.account

    def spend(self, messages: int, account: Account) -> None:
        """Take so many messages from the account's rate; ApiError 429 when it is used up."""
        if account.rate_limit is None:
            return
        now = time.monotonic()
        earned = (now - self._allowance_at) * account.rate_limit
        self._allowance = min(account.rate_limit, self._allowance + earned)
        self._allowance_at = now
        if self._allowance <= 0:
            raise ApiError(429, retry_after=math.ceil((1 - self._allowance) / account.rate_limit))
        self._allowance -= messages  # may go below zero: a large request is paid off later

    def count_log_read(self) -> None:
        """ApiError 429 beyond 120 reads of the logs in any minute."""
        now = time.monotonic()
        while self._log_reads and self._log_reads[0] <= now - MINUTE:
            self._log_reads.popleft()
        if len(self._log_reads) >= LOG_READS_PER_MINUTE:
            raise ApiError(429, retry_after=math.ceil(self._log_reads[0] + MINUTE - now))
        self._log_reads.append(now)


SIMULATOR = web.AppKey("simulator", Simulator)

"""Delivery reports: how a message ends, when, and the posts that tell it."""

import asyncio
import heapq
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from local.carrier.faults import FaultPlan, ReceiptPlan, chances
from local.carrier.outlet import Outlet, Tally
from local.carrier.registry import ENROUTE, FINAL, NO_ERROR, Json, Outcome
from local.carrier.truth import NETWORK, Message, stamp

if TYPE_CHECKING:
    from local.carrier.simulator import GatewayTerms

TICK = 0.05  # seconds between looks at what is due
LINGER = 500  # ms a report waits for company, since Infobip posts in batches


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(order=True, slots=True)
class Due:
    """A report that is to leave at `at`, epoch milliseconds."""

    at: int
    order: int
    message: Message = field(compare=False)
    outcome: Outcome = field(compare=False)


@dataclass
class Receipts:
    """Reports in waiting. `default_url` gets what names no address of its own; else it waits for the pull."""

    outlet: Outlet
    plan: FaultPlan = field(default_factory=FaultPlan)
    default_url: str | None = None
    gateway: "GatewayTerms | None" = None
    tally: Tally = field(default_factory=Tally)
    lost: int = 0
    duplicated: int = 0

    def __post_init__(self) -> None:
        self._due: list[Due] = []
        self._order = 0
        self._pull: deque[tuple[Message, Outcome]] = deque()
        self._random = Random()

    def follow(self, message: Message) -> None:
        """Fix how and when an accepted message ends (by its id and the seed), and queue its reports."""
        plan = self.plan.receipts
        ending, delay, again, loss = chances(self.plan.seed, message.id)
        outcome = FINAL[_word(plan, ending)]
        wait = int(_between(plan, delay))
        message.status, message.error, message.due = outcome.status, outcome.error, message.at + wait
        if loss < plan.lost_share:
            self.lost += 1
            return
        if message.terms.intermediate:
            early, *_ = chances(self.plan.seed, message.id, "intermediate")
            self._push(
                message.at + int(_between(plan, early) if plan.shuffle else wait / 2),
                message,
                Outcome(ENROUTE, NO_ERROR),
            )
        self._push(message.due, message, outcome)
        if again < plan.duplicate_share:
            self.duplicated += 1
            self._push(message.due + int(_between(plan, delay)), message, outcome)

    def _push(self, at: int, message: Message, outcome: Outcome) -> None:
        self._order += 1
        self.tally.pending += 1
        heapq.heappush(self._due, Due(at, self._order, message, outcome))

    async def run(self) -> None:
        """Post what falls due, for ever."""
        while True:
            await asyncio.sleep(TICK)
            self._release(now_ms())

    def _release(self, now: int) -> None:
        batches: defaultdict[str, list[Due]] = defaultdict(list)
        if not self._due or self._due[0].at > now - LINGER:
            return
        while self._due and self._due[0].at <= now:
            report = heapq.heappop(self._due)
            self.tally.pending -= 1
            url = report.message.terms.report_url or self.default_url
            if not report.message.terms.notify:
                continue
            if url:
                batches[url].append(report)
            else:
                self._pull.append((report.message, report.outcome))
        plan = self.plan.receipts
        for url, due in batches.items():
            for each in due:
                if each.message.terms.gateway:
                    self._post_single(url, each)
            reports = [each for each in due if not each.message.terms.gateway]
            if plan.shuffle:
                self._random.shuffle(reports)
            for start in range(0, len(reports), plan.per_post):
                part = reports[start : start + plan.per_post]
                body = {"results": [_report(each.message, each.outcome) for each in part]}
                self.outlet.send(url, body, len(part), self.tally)

    def _post_single(self, url: str, report: Due) -> None:
        """The gateway's own shape: one receipt a post, signed."""
        message, terms = report.message, self.gateway
        if terms is None:
            return
        body = gateway_report(message, report.outcome, echo=terms.echoes)
        self.outlet.send(url, body, 1, self.tally, secret=terms.secret)

    def pull(self, message_ids: set[str], bulk_ids: set[str], limit: int) -> list[Json]:
        """Reports that nobody gets by webhook; each is returned once."""
        taken: list[Json] = []
        kept: deque[tuple[Message, Outcome]] = deque()
        for message, outcome in self._pull:
            wanted = (not message_ids or message.id in message_ids) and (
                not bulk_ids or message.bulk_id in bulk_ids
            )
            if wanted and len(taken) < limit:
                taken.append(_report(message, outcome))
            else:
                kept.append((message, outcome))
        self._pull = kept
        return taken


SMPP = {
    "received": "DELIVRD",
    "failed": "UNDELIV",
    "expired": "EXPIRED",
    "rejected": "REJECTD",
    "dead": "DEAD",
}


def gateway_report(message: Message, outcome: Outcome, *, echo: bool) -> Json:
    """A receipt of the gateway: `id` is its own, `ref` the customer's."""
    word = next((word for word, final in FINAL.items() if final is outcome), "failed")
    report: Json = {
        "id": message.bulk_id,
        "to": message.to,
        "status": SMPP[word],
        "time": message.due // 1000,
    }
    return report | ({"ref": message.id} if echo else {})


def _word(plan: ReceiptPlan, chance: float) -> str:
    total, word = 0.0, "received"
    for word, share in plan.final.items():  # noqa: B007 - the last word takes what rounding left over
        total += share
        if chance < total:
            break
    return word


def _between(plan: ReceiptPlan, chance: float) -> float:
    least, most = plan.delay_ms
    return least + chance * (most - least)


def _report(message: Message, outcome: Outcome) -> Json:
    report: Json = {
        "bulkId": message.bulk_id,
        "price": {"pricePerMessage": 0.01, "currency": "EUR"},
        "status": outcome.status,
        "error": outcome.error,
        "messageId": message.id,
        "to": message.to,
        "sender": message.terms.sender,
        "sentAt": stamp(message.at),
        "doneAt": stamp(message.due if outcome.status is message.status else message.at),
        "messageCount": message.segments,
        "mccMnc": NETWORK,
    }
    terms = message.terms
    if terms.callback_data is not None:
        report["callbackData"] = terms.callback_data
    if terms.campaign_reference_id is not None:
        report["campaignReferenceId"] = terms.campaign_reference_id
    if terms.platform is not None:
        report["platform"] = terms.platform
    return report

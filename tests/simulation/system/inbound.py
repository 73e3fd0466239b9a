"""What comes back: receipts and replies through their queues, and the people table's stream in four shards."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from zlib import crc32

from kabar.domain.inbound import packed_receipt, packed_reply
from kabar.domain.messages import Receipt, Reply
from kabar.domain.statuses import Status
from kabar.storage.dynamo import encode_item
from tests.simulation.system.kernel import Kernel

SHARDS = 4
FINAL = (Status.RECEIVED, Status.RECEIVED, Status.RECEIVED, Status.FAILED, Status.EXPIRED, Status.FROZEN)
Invoke = Callable[[str, dict[str, Any], Callable[[Any, str | None], None]], None]


class Inbound:
    """`told` are the receipts that reached us, by message id."""

    def __init__(
        self, kernel: Kernel, invoke: Invoke, *, carrier: str, echoes: bool, patterns: list[Any]
    ) -> None:
        self._kernel = kernel
        self._invoke = invoke
        self._carrier = carrier
        self._echoes = echoes
        self._patterns = patterns
        self._named = {name for each in patterns for name in each["dynamodb"]["NewImage"]}
        self._waiting: dict[str, list[str]] = {"ApplyReceipts": [], "HandleReply": [], "SendMessages": []}
        self._shards: list[list[dict[str, Any]]] = [[] for _ in range(SHARDS)]
        self._reading = [False] * SHARDS
        self.told: dict[str, list[Status]] = {}
        self.workspace_of: Callable[[str], str] = lambda _id: ""

    # ---- receipts and replies ----

    def deliver(self, accept: Any) -> None:
        """The carrier tells what became of a message: early, late, twice, out of order or never."""
        random = self._kernel.random
        if random.random() < 0.25:
            return
        statuses = [random.choice(FINAL)]
        if random.random() < 0.2:
            statuses.append(random.choice(FINAL))
        statuses *= random.choice((1, 1, 1, 2))
        random.shuffle(statuses)
        for status in statuses:
            delay = random.choice((1, 50, 2_000, 90_000))
            self._kernel.after(delay, partial(self._receipt, accept, status))

    def _receipt(self, accept: Any, status: Status) -> None:
        message_id = accept.id if self._echoes else f"carrier-{accept.id}"
        receipt = Receipt(message_id, accept.mobile, status, self._kernel.now, "0")
        if self._echoes:
            self.told.setdefault(accept.id, []).append(status)
        body = {"workspace": self.workspace_of(accept.id), "carrier": self._carrier}
        self.queue("ApplyReceipts", json.dumps(body | {"receipts": [packed_receipt(receipt)]}))

    def reply(self, workspace: str, mobile: str, to: str, text: str, number: int) -> None:
        """Somebody answers; a carrier may tell twice."""
        reply = Reply(f"reply-{number}", mobile, to, text, self._kernel.now)
        body = json.dumps({"workspace": workspace, "carrier": self._carrier, "reply": packed_reply(reply)})
        for _ in range(self._kernel.random.choice((1, 1, 2))):
            self.queue("HandleReply", body)

    def queue(self, function: str, body: str) -> None:
        """Have a function take a message soon."""
        waiting = self._waiting[function]
        waiting.append(body)
        if len(waiting) == 1:
            self._kernel.after(self._kernel.random.randint(1, 1000), lambda: self._drain(function))

    def _drain(self, function: str) -> None:
        waiting = self._waiting[function]
        self._kernel.random.shuffle(waiting)  # a standard queue keeps no order
        batch, self._waiting[function] = waiting[:10], waiting[10:]
        if self._waiting[function]:
            self._kernel.after(1, lambda: self._drain(function))
        self._handle(function, batch)
        if self._kernel.random.random() < 0.05:  # at least once
            self._kernel.after(self._kernel.random.randint(1, 5_000), lambda: self._handle(function, batch))

    def _handle(self, function: str, batch: list[str]) -> None:
        records = [
            {"messageId": f"m{number}", "body": body, "receiptHandle": f"r{number}"}
            for number, body in enumerate(batch)
        ]

        def answered(value: Any, error: str | None) -> None:
            failed = {each["itemIdentifier"] for each in (value or {}).get("batchItemFailures", ())}
            left = [body for number, body in enumerate(batch) if error or f"m{number}" in failed]
            if left:  # visible again after a while
                later = self._kernel.random.randint(1_000, 60_000)
                self._kernel.after(later, lambda: self._handle(function, left))

        self._invoke(function, {"Records": records}, answered)

    # ---- stream ----

    def written(self, old: Any, new: Any) -> None:
        """A change of the people table."""
        image = {name: _wire(new[name]) for name in self._named if name in new}
        record: dict[str, Any] = {
            "eventID": "e",
            "eventName": "MODIFY" if old else "INSERT",
            "dynamodb": {"NewImage": image},
        }
        if not any(_matches(pattern, record) for pattern in self._patterns):
            return
        born: Any = self._kernel.now // 1000
        record["dynamodb"] = {"NewImage": encode_item(new), "ApproximateCreationDateTime": born}
        shard = crc32(new["pk"].encode()) % SHARDS
        self._shards[shard].append(record)
        if not self._reading[shard]:
            self._reading[shard] = True
            self._kernel.after(self._kernel.random.randint(1, 3_000), lambda: self._read(shard))

    def _read(self, shard: int) -> None:
        batch, self._shards[shard] = self._shards[shard], []
        self._follow(shard, [batch])

    def _follow(self, shard: int, batches: list[list[dict[str, Any]]]) -> None:
        batch = batches[0]

        def answered(_value: Any, error: str | None) -> None:
            rest = batches[1:]
            if error:  # in halves, as BisectBatchOnFunctionError has it
                middle = len(batch) // 2
                rest = [part for part in (batch[:middle], batch[middle:]) if part] + rest
            if rest:
                self._kernel.after(self._kernel.random.randint(1, 2_000), lambda: self._follow(shard, rest))
            elif self._shards[shard]:
                self._kernel.after(1, lambda: self._read(shard))
            else:
                self._reading[shard] = False

        self._invoke("FollowPeople", {"Records": batch}, answered)
        if self._kernel.random.random() < 0.05:  # replayed
            later = self._kernel.random.randint(1, 20_000)
            self._kernel.after(
                later, lambda: self._invoke("FollowPeople", {"Records": batch}, lambda _v, _e: None)
            )


def _wire(value: Any) -> dict[str, Any]:
    return {"S": value} if isinstance(value, str) else {"": value}


def _matches(pattern: Any, value: Any) -> bool:
    """An event filter pattern: leaves are lists of allowed values or {"exists": …}, {"prefix": …} tests."""
    for name, wanted in pattern.items():
        found = value.get(name) if isinstance(value, dict) else None
        if isinstance(wanted, dict):
            if not _matches(wanted, found or {}):
                return False
        elif not any(_allowed(each, found) for each in wanted):
            return False
    return True


def _allowed(test: Any, found: Any) -> bool:
    if isinstance(test, dict):
        if "exists" in test:
            return bool((found is not None) == test["exists"])
        return isinstance(found, str) and found.startswith(test["prefix"])
    return bool(test == found)

"""One campaign in this process, started by local/bench/send.py; the last line printed holds the figures.

Settings come from the environment, as in Lambda. Handlers are called as Step Functions would, receipts come
100 at a time, stream records are what BatchWriteItem was given.
"""

import importlib.util
import json
import math
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from kabar.domain.campaigns import CHUNK_SIZE, lanes
from kabar.domain.statuses import Status, status_of
from kabar.storage import dynamo, keys, workspaces
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.ids import reserve
from local import http, paths
from local.trouble import Trouble, run

RECIPIENTS = 5_000
SLICE = 100
PER_POST = 100  # receipts that the carrier pushes at a time
POSTS_PER_EVENT = 10  # queue messages in one batch, as the template says
PER_STREAM_BATCH = 1_000  # stream records in one batch, as the template says
WORKSPACE, CARRIER, SENDER = "bench", "infobip", "3774"
TEXT = "Hi %%1%%, your order %%2%% is ready at %%3%%. Show this message until Friday. To stop, answer STOP."

Handler = Callable[[dict[str, Any], Any], Any]
HUNDRED_THOUSAND = 100_000
RATES = (100, 1000, 10_000)  # segments a second
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}


class Meter:
    """Sums write and read units of all calls of the process, and keeps the facts of receipts that it wrote.

    Write units are what DynamoDB says was consumed; read units come from the sizes of items, since the local engine
    counts them as a constant: 4 kB a unit and at least one an item (a query: in all), half if eventually consistent.
    """

    def __init__(self, client: Any) -> None:
        self.writes = 0.0
        self.reads = 0.0
        self.received: list[dict[str, Any]] = []
        self._asked = threading.local()
        self._events = client.meta.events
        self._events.register("provide-client-params.dynamodb", self._ask)
        self._events.register("after-call.dynamodb", self._count)

    def stop(self) -> None:
        """Count no more: reckoning sizes takes CPU, too."""
        self._events.unregister("provide-client-params.dynamodb", self._ask)
        self._events.unregister("after-call.dynamodb", self._count)

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        self._asked.params = params
        if model.name == "BatchWriteItem":
            items = (
                put["PutRequest"]["Item"]
                for put in params["RequestItems"].get(os.environ["PEOPLE_TABLE"], [])
            )
            self.received += [item for item in items if item.get("via") == {"S": "receipt"}]
        return {**params, "ReturnConsumedCapacity": "TOTAL"} if model.name in WRITES else params

    def _count(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        params = self._asked.params
        if model.name in WRITES:
            consumed = parsed.get("ConsumedCapacity", [])
            for part in consumed if isinstance(consumed, list) else [consumed]:
                self.writes += part["CapacityUnits"]
        elif model.name == "GetItem":
            self.reads += units(params, parsed.get("Item", {}))
        elif model.name == "Query":
            self.reads += units(params, *parsed.get("Items", []))
        elif model.name == "BatchGetItem":
            for table, asked in params["RequestItems"].items():
                found = parsed["Responses"].get(table, [])
                absent = len(asked["Keys"]) - len(found)
                self.reads += sum(units(asked, item) for item in found) + absent * units(asked)


def units(asked: dict[str, Any], *items: dict[str, Any]) -> float:
    """Read units of items that are read together."""
    whole = max(1, math.ceil(sum(map(size, items)) / 4096))
    return whole if asked.get("ConsistentRead") else whole / 2


def size(item: dict[str, Any]) -> int:
    """Bytes of an item, as DynamoDB reckons them: names and values, a number about half its digits."""
    total = 0
    for name, value in item.items():
        ((kind, raw),) = value.items()
        total += len(name.encode())
        if kind == "N":
            total += len(raw) // 2 + 2
        elif kind in ("S", "B"):
            total += len(raw.encode() if isinstance(raw, str) else raw)
        elif kind == "M":
            total += 3 + size(raw)
        elif kind == "L":
            total += 3 + sum(1 + size({"": each}) for each in raw)
        else:
            total += 1
    return total


class Context:
    """What Lambda hands to a handler."""

    function_name = "bench"
    function_version = "$LATEST"
    memory_limit_in_mb = "1024"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    aws_request_id = "bench"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 900_000


def main() -> int:
    """Send RECIPIENTS messages, deliver their receipts, and print the figures."""
    campaign = prepare()
    meter = Meter(dynamo.client())
    handlers = {
        name: load(name)
        for name in ("plan_leg", "send_lane", "settle_leg", "apply_receipts", "follow_people")
    }
    cpu = send(campaign, handlers)
    accepted = list(truth())
    must("messages that the carrier accepted", len(accepted), RECIPIENTS)
    deliver(accepted, handlers["apply_receipts"])
    for records in grouped(meter.received, PER_STREAM_BATCH):
        at = int(time.time())
        images = [{"NewImage": item, "ApproximateCreationDateTime": at} for item in records]
        inserts = [{"eventName": "INSERT", "eventID": "", "dynamodb": image} for image in images]
        handlers["follow_people"]({"Records": inserts}, Context)
    must("receipts that became facts", len(meter.received), RECIPIENTS)
    must("recipients whose chunk says received", received(campaign), RECIPIENTS)
    figures = {
        "send_cpu_us_per_message": cpu,
        "write_units_per_message": meter.writes / RECIPIENTS,
        "read_units_per_message": meter.reads / RECIPIENTS,
        "transitions_per_1000": max(transitions(HUNDRED_THOUSAND, rate) for rate in RATES),
    }
    print(json.dumps(figures))
    return 0


def send(campaign: int, handlers: dict[str, Handler]) -> float:
    """Leg after leg until the campaign is over, as the state machine does; µs of CPU in SendLane per message.

    The first leg sends the first slice alone: a cold start that makes the clients, and no part of the figure.
    """
    cpu, number, sent, outcome = 0.0, 0, 0, ""
    while outcome not in ("complete", "completed"):
        number += 1
        leg = {"workspace": WORKSPACE, "campaign": campaign, "leg": number, "execution": f"bench-{number}"}
        plan = handlers["plan_leg"](leg, Context)
        must("lanes to send", plan["outcome"], "send")
        before = time.process_time()
        told = [handlers["send_lane"]({**leg, "lane": lane}, Context) for lane in plan["lanes"]]
        if number > 1:
            cpu += time.process_time() - before
            sent += sum(lane["accepted"] for lane in told)
        try:
            outcome = handlers["settle_leg"](leg, Context)["outcome"]
        except ClientError:
            outcome = "go on"  # there is no state machine here to start the next leg of
    return cpu / sent * 1e6


def transitions(recipients: int, rate: int) -> float:
    """State transitions per 1,000 recipients at `rate`, by arithmetic: legs as PlanLeg lays them out, the first one
    for the first slice alone, each with PlanLeg, HasLanes, SendLanes, SettleLeg and its start, and a start and
    SendLane for every lane.
    """
    left, legs, children = list(range(-(-recipients // CHUNK_SIZE))), 1, 1
    while left:
        planned = lanes(left, CHUNK_SIZE, rate)
        left = [chunk for chunk in left if chunk > planned[-1]["last"]]
        legs, children = legs + 1, children + len(planned)
    return (5 * legs + 2 * children) * 1000 / recipients


def prepare() -> int:
    """A workspace, its carrier, a list of RECIPIENTS members and a campaign to it; the campaign's id."""
    table = dynamo.Table(os.environ["WORKSPACES_TABLE"])
    now = time.time_ns() // 1_000_000
    workspaces.create(table, WORKSPACE, timezone="UTC", email="", sender=SENDER, carrier=CARRIER, now=now)
    workspaces.save_carrier(
        table,
        WORKSPACE,
        CARRIER,
        base_url=os.environ["CARRIER_URL"],
        rate=100_000,  # the pace is reserved as ever, but never waited for
        slice_size=SLICE,
        secret=os.environ["CARRIER_SECRET"],
    )
    list_id, campaign = reserve(table), reserve(table)
    table.put(
        keys.list_head(WORKSPACE, list_id)
        | {
            "id": list_id,
            "name": "bench",
            "members": RECIPIENTS,
            "opted_out": 0,
            "deleted": 0,
            "created_at": now,
        }
    )
    dynamo.Table(os.environ["MEMBERS_TABLE"]).batch_put(
        keys.member(list_id, mobile)
        | {
            "params": [f"Budi {n % 97}", f"TR-{n:06d}", "Kadikoy"],
            "import": "0",
            "before": "absent",
            "at": now,
        }
        for n, mobile in ((n, f"+90532{n:07d}") for n in range(RECIPIENTS))
    )
    head = {
        "id": campaign,
        "name": "bench",
        "list_id": list_id,
        "text": TEXT,
        "sender": SENDER,
        "carrier": CARRIER,
        "due_at": now,
        "created_at": now,
    }
    Campaigns(table, dynamo.Table(os.environ["ACTIVITY_TABLE"])).create(WORKSPACE, head, "bench")
    return campaign


def must(what: str, value: object, expected: object) -> None:
    """A figure counts only if the work was done."""
    if value != expected:
        raise Trouble(f"{what}: {value}, not {expected}")


def load(function: str) -> Handler:
    """The handler of a function, as Lambda would import it."""
    path = paths.ROOT / "functions" / function / "handler.py"
    spec = importlib.util.spec_from_file_location(function, path) if path.exists() else None
    if spec is None or spec.loader is None:
        raise Trouble(f"{path} is missing.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


def truth() -> Iterator[dict[str, Any]]:
    """Every message that the carrier accepted."""
    after = 0
    while True:
        page = http.call("GET", f"{os.environ['CARRIER_URL']}/_truth?after={after}").body
        yield from page["accepted"]
        after = page["next"]
        if not page["more"]:
            return


def deliver(accepted: list[dict[str, Any]], apply_receipts: Handler) -> None:
    """Receipts for all, in an order of their own, as the webhook puts them into the queue."""
    random.Random(2).shuffle(accepted)
    receipts = [
        {
            "id": message["id"],
            "mobile": "+" + message["to"].removeprefix("+"),
            "status": "received",
            "at": time.time_ns() // 1_000_000,
            "code": "5 0",
        }
        for message in accepted
    ]
    bodies = [
        {"workspace": WORKSPACE, "carrier": CARRIER, "receipts": post} for post in grouped(receipts, PER_POST)
    ]
    for posts in grouped(bodies, POSTS_PER_EVENT):
        records = [{"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(posts)]
        apply_receipts({"Records": records}, Context)


def received(campaign: int) -> int:
    """How many positions of the campaign's vectors ended as received."""
    vectors = (
        item["vector"]
        for item in Chunks(dynamo.Table(os.environ["DISPATCH_TABLE"])).every(campaign, RECIPIENTS)
    )
    return sum(status_of(byte) is Status.RECEIVED for vector in vectors for byte in vector)


def grouped(entries: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


if __name__ == "__main__":
    run(main)

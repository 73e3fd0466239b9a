"""Receipts coming in: CPU of taking a post of 100 into the queue, of applying one from the queue, and of following it.

Following is what the stream of the people table brings: a callback queued, since the workspace has an endpoint, and
the status vectors raised.

CPU is that of the whole handler with the SDK, warm; the engine, with tables and queues but no functions, runs
in a process of its own. Run as a command, this module is the measured process.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from kabar.storage import dynamo, keys, workspaces
from local import engine, paths, processes, stack
from local.bench.campaign import Meter
from local.trouble import Trouble, run

STACK = "bench-inbound"
POSTS = 100
PER_POST = 100
STREAMED = 1000  # records in one batch of the stream, as the template says
POSTS_PER_EVENT = 10  # queue messages in one batch, as the template says
FIRST = 5000
DEPLOYMENT, WORKSPACE, CARRIER, TOKEN, SECRET = "0000be4c", "bench", "infobip", "t0ken", "bench/carrier"
ACCOUNT = {"api_key": "bench", "webhook_user": "bench", "webhook_password": "bench"}
TABLES = ("workspaces", "people", "dispatch")


def measure() -> dict[str, float]:
    """`webhook_ms_per_100_receipts`, `receipt_cpu_us` (applied), `receipt_cpu_us_told` (applied, followed and queued
    for the customer) and `receipt_write_units`. Raises Trouble.
    """
    stack.stop(STACK)
    folder = stack.home(STACK)
    (folder / "log").mkdir(parents=True)
    processes.of(os.getpid()).save(folder / "owner.json")  # should we be killed, the next command clears up
    try:
        return _figures(_settings(engine.start(folder)))
    finally:
        stack.stop(STACK)


def _settings(local: engine.Engine) -> dict[str, str]:
    """Make tables, queues and the carrier's secret; the settings that name them."""
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    for name in TABLES:
        local.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=attributes,
            KeySchema=schema,
            BillingMode="PAY_PER_REQUEST",
        )
    local.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(ACCOUNT))
    queues = {
        name: local.client("sqs").create_queue(QueueName=name)
        for name in ("receipts", "replies", "callbacks")
    }
    return {
        **{f"{name.upper()}_TABLE": name for name in TABLES},
        **{f"{name.upper()}_QUEUE_URL": queue["QueueUrl"] for name, queue in queues.items()},
        "DEPLOYMENT": DEPLOYMENT,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "AWS_ENDPOINT_URL": local.url,
        "AWS_DEFAULT_REGION": engine.REGION,
        "AWS_ACCESS_KEY_ID": engine.CREDENTIALS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": engine.CREDENTIALS["secret_access_key"],
    }


def _figures(settings: dict[str, str]) -> dict[str, float]:
    search = os.pathsep.join([str(paths.ROOT / "layers" / "kabar"), str(paths.ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "local.bench.inbound"],
        env={**settings, "PYTHONPATH": search, "PATH": os.environ.get("PATH", ""), "TZ": "UTC"},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Trouble(f"taking receipts failed:\n{done.stdout[-2000:]}\n{done.stderr.strip()[-4000:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> int:
    """Take POSTS posts, apply what they put into the queue, and print the figures."""
    table = dynamo.Table("workspaces")
    workspaces.add_webhook(table, TOKEN, workspace=WORKSPACE, carrier_name=CARRIER, secret=SECRET)
    block = {"first": FIRST, "size": POSTS * PER_POST, "workspace": WORKSPACE, "chunk_size": 500}
    table.put({**keys.id_block(FIRST), **block, "campaign": 4000, "list": 3000})

    receive, apply = _handler("receive_webhook"), _handler("apply_receipts")
    posts = [_post(number) for number in range(POSTS)]
    receive(posts[0], None)  # makes the clients, reads the secret
    webhook_seconds = sum(_cpu(receive, post) for post in posts)
    batches = list(_queued(os.environ["RECEIPTS_QUEUE_URL"]))
    applied = PER_POST * sum(len(batch["Records"]) for batch in batches)
    apply(batches[0], None)  # makes the client, reads the block
    meter = Meter(dynamo.client())
    receipt_seconds = sum(_cpu(apply, batch) for batch in batches)
    if applied != (POSTS + 1) * PER_POST or not _stored(FIRST) or not _stored(FIRST + POSTS * PER_POST - 1):
        raise Trouble(f"{applied} receipts were applied, not all are facts.")
    follow_seconds = _followed(meter.received)
    figures = {
        "webhook_ms_per_100_receipts": webhook_seconds / POSTS * 1e3,
        "receipt_cpu_us": receipt_seconds / applied * 1e6,
        "receipt_cpu_us_told": (receipt_seconds + follow_seconds) / applied * 1e6,
        "receipt_write_units": meter.writes / applied,
    }
    print(json.dumps(figures))
    return 0


def _followed(facts: list[dict[str, Any]]) -> float:
    """Seconds of CPU to follow the facts, as the stream brings them, and to queue what the customer is told."""
    endpoint = keys.callback_settings(WORKSPACE, "receipts")
    dynamo.Table("workspaces").put({**endpoint, "id": 7000, "kind": "receipts", "version": 1})
    follow, at = _handler("follow_people"), 1_772_359_205
    records = [
        {"eventID": "", "dynamodb": {"ApproximateCreationDateTime": at, "NewImage": fact}} for fact in facts
    ]
    follow({"Records": records[:1]}, None)  # makes the client of the queue
    batches = [records[at : at + STREAMED] for at in range(0, len(records), STREAMED)]
    return sum(_cpu(follow, {"Records": batch}) for batch in batches)


def _handler(function: str) -> Any:
    spec = importlib.util.spec_from_file_location(
        function, paths.ROOT / "functions" / function / "handler.py"
    )
    if spec is None or spec.loader is None:
        raise Trouble(f"functions/{function}/handler.py is missing.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def _cpu(handler: Any, event: dict[str, Any]) -> float:
    before = time.process_time()
    handler(event, None)
    return time.process_time() - before


def _post(number: int) -> dict[str, Any]:
    """The sample post with PER_POST receipts of their own."""
    sample: dict[str, Any] = json.loads((paths.ROOT / "events" / "receive_webhook_receipts.json").read_text())
    one = json.loads(sample["body"])["results"][0]
    ids = range(FIRST + number * PER_POST, FIRST + (number + 1) * PER_POST)
    results = [{**one, "messageId": f"{DEPLOYMENT}-{id_}", "to": f"90532{id_:07d}"} for id_ in ids]
    return {
        **sample,
        "headers": {"authorization": "Basic YmVuY2g6YmVuY2g="},  # bench:bench
        "pathParameters": {"carrier": CARRIER, "token": TOKEN},
        "body": json.dumps({"results": results}),
    }


def _queued(url: str) -> Iterator[dict[str, Any]]:
    """What the queue holds, as batches that a function gets."""
    import boto3

    queue = boto3.client("sqs")
    while messages := queue.receive_message(QueueUrl=url, MaxNumberOfMessages=POSTS_PER_EVENT).get(
        "Messages"
    ):
        yield {"Records": [{"messageId": entry["MessageId"], "body": entry["Body"]} for entry in messages]}


def _stored(message: int) -> bool:
    key = keys.fact(WORKSPACE, f"+90532{message:07d}", message, "received")
    return dynamo.Table("people").get(key, consistent=True) is not None


if __name__ == "__main__":
    run(main)

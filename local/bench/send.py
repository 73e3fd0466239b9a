"""Sending a campaign: CPU of SendLane, and the write units of a message from its submission to its receipt.

The engine, with tables but no functions, and the simulated carrier run in processes of their own; so does
`local.bench.campaign`, which calls our handlers as Step Functions, the queue and the stream would.
"""

import json
import os
import re
import subprocess
import sys
import time
from typing import Any

from local import engine, http, package, paths, processes, stack
from local.trouble import Trouble

STACK = "bench"
_CARRIER_SECONDS = 15
_TABLE_PROPERTIES = ("KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes")


def measure() -> dict[str, float]:
    """`send_cpu_us_per_message`, `write_units_per_message`, `read_units_per_message` and `transitions_per_1000`.

    Units are counted over a whole campaign of 5,000, where what a campaign costs once weighs more than at 100,000;
    transitions are reckoned for 100,000 at the slowest of 100, 1,000 and 10,000 a second. Raises Trouble.
    """
    stack.stop(STACK)
    folder = stack.home(STACK)
    (folder / "log").mkdir(parents=True)
    processes.of(os.getpid()).save(folder / "owner.json")  # should we be killed, the next command clears up
    try:
        local = engine.start(folder)
        settings = tables(local)
        local.client("s3").create_bucket(Bucket=settings["WORK_BUCKET"])
        return figures("campaign", {**settings, **_account(local, _carrier())})
    finally:
        stack.stop(STACK)


def tables(local: engine.Engine) -> dict[str, str]:
    """Create the template's tables; the settings that name them, and the rest of what the handlers read."""
    dynamodb = local.client("dynamodb")
    settings = {}
    for logical, properties in package.resources(package.load(), "AWS::DynamoDB::Table"):
        wanted = {name: properties[name] for name in _TABLE_PROPERTIES if name in properties}
        dynamodb.create_table(TableName=logical, **wanted)
        settings[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", logical).upper()] = logical
    account = f"{engine.REGION}:000000000000"
    return {
        **settings,
        "WORK_BUCKET": "bench-work",
        "RUN_CAMPAIGN_ARN": f"arn:aws:states:{account}:stateMachine:bench-run-campaign",
        "SCHEDULER_ROLE_ARN": "arn:aws:iam::000000000000:role/bench",
        "SCHEDULE_PREFIX": "bench",
        "PLAN_SHARDS_ABOVE": "100000",
        "DEPLOYMENT": "0000be4c",
        "DEFAULT_TIMEZONE": "UTC",
        "LEASE_SECONDS": "60",
        "ASK_AFTER_SECONDS": "60",
        "GIVE_UP_SECONDS": "3600",
        "LOCAL_ADDRESSES": "refused",
        "CALLBACKS_QUEUE_URL": local.client("sqs").create_queue(QueueName="bench-callbacks")["QueueUrl"],
        "POWERTOOLS_SERVICE_NAME": "kabar",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "AWS_ENDPOINT_URL": local.url,
        "AWS_DEFAULT_REGION": engine.REGION,
        "AWS_REGION": engine.REGION,
        "AWS_ACCESS_KEY_ID": engine.CREDENTIALS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": engine.CREDENTIALS["secret_access_key"],
    }


def _carrier() -> str:
    """Start the simulated carrier; its address."""
    folder = stack.home(STACK)
    state = folder / "carrier-state.json"
    command = [sys.executable, "-m", "local.carrier", "--port", "0", "--state-file", str(state)]
    process = processes.start(command, folder / "log" / "carrier.log", {"PYTHONUNBUFFERED": "1"}, paths.ROOT)
    process.save(folder / "carrier.json")
    deadline = time.monotonic() + _CARRIER_SECONDS
    while process.alive and time.monotonic() < deadline:
        if state.exists():
            return str(json.loads(state.read_text())["url"])
        time.sleep(0.05)
    raise Trouble(f"The simulated carrier doesn't start. The end of {process.log}:\n{process.tail()}")


def _account(local: engine.Engine, carrier_url: str) -> dict[str, str]:
    """Open an account that gets no receipts pushed: the measured process delivers them itself."""
    account = {"api_key": "bench", "webhook_user": "bench", "webhook_password": "bench"}
    opened = http.call("POST", f"{carrier_url}/_account", account)
    if opened.status != 200:
        raise Trouble(f"The simulated carrier opened no account: {opened.status} {opened.body}")
    secret = {**account, "receipts_url": ""}
    local.client("secretsmanager").create_secret(Name="bench/carrier", SecretString=json.dumps(secret))
    return {"CARRIER_URL": carrier_url, "CARRIER_SECRET": "bench/carrier"}


def figures(module: str, settings: dict[str, str]) -> dict[str, float]:
    """What a module of this package prints that runs in a process of its own. Raises Trouble."""
    search = os.pathsep.join([str(paths.ROOT / "layers" / "kabar"), str(paths.ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", f"local.bench.{module}"],
        env={**settings, "PYTHONPATH": search, "PATH": os.environ.get("PATH", ""), "TZ": "UTC"},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Trouble(f"{module} failed:\n{done.stdout[-2000:]}\n{done.stderr.strip()[-4000:]}")
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {key: float(value) for key, value in printed.items()}

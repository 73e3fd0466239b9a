"""Handlers loaded as Lambda does, with fakes where boto3 would make clients."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from kabar.storage import dynamo

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "WORKSPACES_TABLE": "workspaces",
    "MEMBERS_TABLE": "members",
    "PEOPLE_TABLE": "people",
    "DISPATCH_TABLE": "dispatch",
    "ACTIVITY_TABLE": "activity",
    "CALLBACKS_TABLE": "callbacks",
    "CALLBACKS_QUEUE_URL": "https://queues/callbacks",
    "CALLBACK_SECRETS": "kabar/callbacks",
    "DATA_KEY": "arn:aws:kms:eu-west-1:000000000000:key/data",
    "RETRY_CALLBACKS_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:retry",
    "LOCAL_ADDRESSES": "allowed in 000000000000",
    "RECEIPTS_QUEUE_URL": "https://queues/receipts",
    "REPLIES_QUEUE_URL": "https://queues/replies",
    "MESSAGES_QUEUE_URL": "https://queues/messages",
    "DEPLOYMENT": "1a2b3c4d",
    "MAIL_SENDER": "kabar@example.com",
    "LEASE_SECONDS": "60",
    "ASK_AFTER_SECONDS": "30",
    "GIVE_UP_SECONDS": "300",
}


def load(name: str, monkeypatch: pytest.MonkeyPatch, **clients: Any) -> ModuleType:
    """A fresh `functions/<name>/handler.py`, cold; `clients` are by service (`dynamodb=…`)."""
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: clients[service])
    dynamo.client.cache_clear()
    path = ROOT / "functions" / name / "handler.py"
    spec = importlib.util.spec_from_file_location(f"{name}_handler", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def logged(function: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What its log lines will say."""
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(function.logger, "info", lambda message, **says: lines.append({"": message, **says}))
    return lines


def sample(name: str) -> dict[str, Any]:
    """An event of `events/`."""
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return event


def queued(*bodies: Any) -> dict[str, Any]:
    """An SQS event of these bodies."""
    records = [{"messageId": f"m{n}", "body": json.dumps(body)} for n, body in enumerate(bodies)]
    return {"Records": records}

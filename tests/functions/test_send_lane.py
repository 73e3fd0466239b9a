"""What SendLane does with a lane that can't be sent: nothing, or it pauses the campaign with the reason."""

from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from kabar.storage import accounts, keys
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.fake_secrets import FakeSecrets
from tests.functions.loading import load, sample

EVENT = sample("send_lane_first_chunks")
WORKSPACE, CAMPAIGN = EVENT["workspace"], EVENT["campaign"]
PLAN = {"first_id": 5000, "chunks": 4, "chunk_size": 500, "slice": 100, "recipients": 2000}


@pytest.fixture
def dynamo() -> FakeDynamo:
    return FakeDynamo()


@pytest.fixture
def function(dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    accounts.client.cache_clear()
    monkeypatch.setenv("WORK_BUCKET", "work")
    yield load("send_lane", monkeypatch, dynamodb=dynamo, secretsmanager=FakeSecrets())
    accounts.client.cache_clear()


def campaign(dynamo: FakeDynamo, **changes: Any) -> None:
    item = {"id": CAMPAIGN, "workspace": WORKSPACE, "status": "sending", "edition": 0, "carrier": "infobip"}
    item |= {"leg": EVENT["leg"], "leg_execution": EVENT["execution"], "due_at": 1, "created_at": 1}
    key = keys.campaign_head(WORKSPACE, CAMPAIGN)
    dynamo.seed("workspaces", key, **item | {"list_id": 7, "sender": "3774", "text": "Merhaba"} | changes)


def head(dynamo: FakeDynamo) -> dict[str, Any]:
    return dynamo.find("workspaces", keys.campaign_head(WORKSPACE, CAMPAIGN)) or {}


def run(function: ModuleType) -> str:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
    return str(function.handler(EVENT, context)["outcome"])


def test_a_lane_of_a_campaign_without_a_plan_of_its_own_is_over(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    assert run(function) == "superseded"
    campaign(dynamo)
    assert run(function) == "superseded"
    assert head(dynamo)["status"] == "sending"


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (None, "is not set up"),
        ({"secret": "s", "base_url": "https://c"}, "credentials of infobip are missing"),
    ],
)
def test_a_campaign_whose_carrier_can_not_be_used_is_paused_with_the_reason(
    function: ModuleType, dynamo: FakeDynamo, account: dict[str, Any] | None, reason: str
) -> None:
    """Nobody fails by that: whoever mends it resumes, and the campaign goes on where it was."""
    campaign(dynamo, plan=PLAN)
    if account:
        dynamo.seed("workspaces", keys.carrier(WORKSPACE, "infobip"), rate=1, **account)
    assert run(function) == "carrier unusable"
    assert head(dynamo)["status"] == "paused"
    assert reason in head(dynamo)["status_reason"]
    assert dynamo.tables["dispatch"] == {}

"""Notes of a large list's plan in the making: each is said once, and known to the next who asks. [P54]"""

from typing import Any

import pytest

from kabar.storage.dynamo import Table
from kabar.storage.plan_parts import PlanParts
from tests.functions.fake_dynamo import FakeDynamo

TERMS: dict[str, Any] = {"max_digits": 15}


def written(folder: str) -> dict[str, Any]:
    return {"folder": folder, "recipients": 3, "segments": 3, "left_out": {}}


@pytest.fixture
def dynamo() -> FakeDynamo:
    return FakeDynamo()


@pytest.fixture
def parts(dynamo: FakeDynamo) -> PlanParts:
    return PlanParts(Table("dispatch", dynamo))


def folders(parts: PlanParts, attempt: str = "a") -> list[str]:
    return [shard["folder"] for shard in parts.shards(1, attempt)]


def test_what_was_said_first_stands(parts: PlanParts) -> None:
    """All shards go by the same terms, and a plan counts what the folder that it names holds."""
    parts.begin(1, "a", TERMS, 5_000)
    parts.begin(1, "a", {"max_digits": 7}, 6_000)
    parts.keep(1, "a", 2, written("first"), 5_000)
    parts.keep(1, "a", 2, written("second"), 6_000)
    assert (parts.terms(1, "a"), folders(parts)) == (TERMS, ["first"])


def test_what_was_just_said_is_known(parts: PlanParts, dynamo: FakeDynamo) -> None:
    """Shards are planned as soon as the plan has begun, and put together as soon as the last is there."""
    dynamo.lag()
    parts.begin(1, "a", TERMS, 5_000)
    parts.keep(1, "a", 10, written("ten"), 5_000)
    parts.keep(1, "a", 2, written("two"), 5_000)
    assert (parts.terms(1, "a"), folders(parts)) == (TERMS, ["two", "ten"])


def test_a_plan_that_nobody_began_has_no_terms_and_no_shards(parts: PlanParts) -> None:
    parts.begin(1, "a", TERMS, 5_000)
    parts.keep(1, "a", 2, written("two"), 5_000)
    with pytest.raises(LookupError, match="plan b of campaign 1"):
        parts.terms(1, "b")
    assert folders(parts, "b") == []

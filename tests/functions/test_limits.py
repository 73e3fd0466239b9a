"""How often one caller may call, over several processes."""

import pytest

from kabar.storage.dynamo import Table
from limits import Limits
from problems import Problem
from tests.functions.fake_dynamo import FakeDynamo

NOON = 1_780_000_020_000  # a minute begins here


@pytest.fixture
def dynamo() -> FakeDynamo:
    return FakeDynamo()


def allowed(limits: Limits, calls: int, now: int = NOON, who: str = "key:1") -> int:
    count, refused = 0, []
    for _ in range(calls):
        try:
            limits.take("acme", who, now)
        except Problem as problem:
            refused.append((problem.kind.status, int(problem.headers["Retry-After"]) in range(1, 61)))
        else:
            count += 1
    assert set(refused) <= {(429, True)}
    return count


@pytest.mark.parametrize("per_minute", [1, 7, 100, 1200])
def test_a_caller_gets_exactly_the_limit_each_minute(dynamo: FakeDynamo, per_minute: int) -> None:
    limits = Limits(Table("idempotency", dynamo), per_minute)
    assert allowed(limits, 2 * per_minute) == per_minute
    assert allowed(limits, 1, NOON + 59_999) == 0
    assert allowed(limits, 2 * per_minute, NOON + 60_000) == per_minute


def test_many_processes_share_one_limit(dynamo: FakeDynamo) -> None:
    processes = [Limits(Table("idempotency", dynamo), 200) for _ in range(10)]
    assert sum(allowed(processes[n % 10], 1) for n in range(1000)) == 200


def test_callers_do_not_take_from_each_other(dynamo: FakeDynamo) -> None:
    limits = Limits(Table("idempotency", dynamo), 5)
    assert allowed(limits, 9) == 5
    assert allowed(limits, 9, who="key:2") == 5


def test_counting_costs_a_hundredth_of_a_write_per_call_and_a_refusal_none(dynamo: FakeDynamo) -> None:
    limits = Limits(Table("idempotency", dynamo), 1200)
    allowed(limits, 5000)
    assert len(dynamo.calls) == 101


def test_the_wait_ends_with_the_minute(dynamo: FakeDynamo) -> None:
    limits = Limits(Table("idempotency", dynamo), 1)
    limits.take("acme", "key:1", NOON + 15_000)
    with pytest.raises(Problem) as refused:
        limits.take("acme", "key:1", NOON + 15_500)
    assert refused.value.headers == {"Retry-After": "45"}

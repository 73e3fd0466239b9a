"""The same request twice is one effect, whoever dies in between."""

from collections.abc import Callable
from itertools import count

import pytest

from kabar.storage import idempotency
from kabar.storage.dynamo import Table
from kabar.storage.idempotency import KEPT_MS, LEASE_MS, Answered, Attempt, InFlight, KeyReused
from tests.functions.fake_dynamo import FakeDynamo

NOW = 1_780_000_000_000
Begin = Callable[..., Attempt | Answered]


@pytest.fixture
def dynamo() -> FakeDynamo:
    return FakeDynamo()


@pytest.fixture
def table(dynamo: FakeDynamo) -> Table:
    return Table("idempotency", dynamo)


@pytest.fixture
def begin(table: Table) -> Begin:
    ids = count(1000)

    def begin(now: int = NOW, body: str = "a") -> Attempt | Answered:
        return idempotency.begin(
            table, "acme", "POST /x", "k", body_hash=body, now=now, reserve=lambda: next(ids)
        )

    return begin


def attempt(of: Attempt | Answered) -> Attempt:
    assert isinstance(of, Attempt)
    return of


def test_a_finished_request_is_answered_again(table: Table, begin: Begin) -> None:
    idempotency.finish(table, attempt(begin()), 201, '{"id": 1000}')
    assert begin() == Answered(201, '{"id": 1000}')


def test_another_body_is_refused_whether_finished_or_not(table: Table, begin: Begin) -> None:
    first = attempt(begin())
    with pytest.raises(KeyReused):
        begin(body="b")
    idempotency.finish(table, first, 201, "{}")
    with pytest.raises(KeyReused):
        begin(body="b")


@pytest.mark.parametrize(("after", "retry_after"), [(0, 30), (1, 30), (29_000, 1), (LEASE_MS - 1, 1)])
def test_a_request_in_flight_says_when_it_is_over(begin: Begin, after: int, retry_after: int) -> None:
    begin()
    with pytest.raises(InFlight) as refused:
        begin(NOW + after)
    assert refused.value.retry_after == retry_after


def test_a_lease_that_ran_out_is_taken_over_under_the_same_id(table: Table, begin: Begin) -> None:
    dead = attempt(begin())
    heir = attempt(begin(NOW + LEASE_MS))
    assert heir.resource == dead.resource
    idempotency.finish(table, dead, 500, "late")
    idempotency.release(table, dead)
    idempotency.forget(table, dead)
    with pytest.raises(InFlight):
        begin(NOW + LEASE_MS)
    idempotency.finish(table, heir, 201, "{}")
    assert begin(NOW + LEASE_MS) == Answered(201, "{}")


def test_only_one_of_two_takes_over(dynamo: FakeDynamo, begin: Begin) -> None:
    begin()
    heirs: list[Attempt | Answered] = []
    dynamo.before.append(lambda: heirs.append(begin(NOW + LEASE_MS)))
    with pytest.raises(InFlight):
        begin(NOW + LEASE_MS)
    assert len(heirs) == 1


def test_only_one_of_two_first_requests_goes_on(dynamo: FakeDynamo, begin: Begin) -> None:
    firsts: list[Attempt | Answered] = []
    dynamo.before.append(lambda: firsts.append(begin()))
    with pytest.raises(InFlight):
        begin()
    assert len(firsts) == 1


def test_a_released_request_is_repeated_at_once_under_the_same_id(table: Table, begin: Begin) -> None:
    first = attempt(begin())
    idempotency.release(table, first)
    assert attempt(begin()).resource == first.resource


def test_a_forgotten_request_frees_its_key(table: Table, begin: Begin) -> None:
    idempotency.forget(table, attempt(begin()))
    assert isinstance(begin(body="b"), Attempt)


@pytest.mark.parametrize(("after", "known"), [(KEPT_MS - 1000, True), (KEPT_MS, False)])
def test_f72_a_key_is_remembered_for_24_hours_even_if_the_table_keeps_it_longer(
    table: Table, begin: Begin, after: int, known: bool
) -> None:
    idempotency.finish(table, attempt(begin()), 201, "{}")
    assert isinstance(begin(NOW + after), Answered if known else Attempt)

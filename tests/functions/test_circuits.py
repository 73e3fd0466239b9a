"""The stored circuit of an account, where many meet it at once: one tries for all, no failure is lost [F8]."""

import pytest

from kabar.domain.circuit import FIRST, OPENS_AT, SOON
from kabar.storage import circuits
from kabar.storage.circuits import AccountCircuit
from kabar.storage.dynamo import Table
from tests.functions.fake_dynamo import FakeDynamo

START = 1_800_000_000_000
SECOND = 1000
WHY = "no route"


class Account:
    """One account's circuit; each `request` meets it on its own."""

    def __init__(self) -> None:
        self.now = START
        self.dynamo = FakeDynamo()
        self.table = Table("workspaces", self.dynamo)

    def request(self) -> AccountCircuit:
        return AccountCircuit(self.table, "acme", "infobip", lambda: self.now)

    def fails(self, times: int = 1) -> None:
        """Somebody's tries, one after the other, to no result."""
        for _ in range(times):
            self.now += 1
            self.request().failed(self.now, WHY)

    @property
    def failures(self) -> int:
        return circuits.stored(self.table, "acme", "infobip").failures


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def due(account: Account) -> Account:
    """It was open; it is time that somebody tries."""
    account.fails(OPENS_AT)
    account.now += FIRST
    return account


def test_of_those_who_come_when_it_is_time_one_tries(due: Account) -> None:
    assert [due.request().wait() for _ in range(3)] == [None, due.now + SOON, due.now + SOON]


def test_of_two_who_saw_that_it_is_time_the_faster_tries(due: Account) -> None:
    tries: list[int | None] = []
    due.dynamo.before.append(lambda: tries.append(due.request().wait()))
    assert due.request().wait() == due.now + SOON
    assert tries == [None]


def test_whoever_saw_that_it_is_time_leaves_it_when_another_has_tried_in_vain(due: Account) -> None:
    due.dynamo.before.append(due.fails)
    until = due.request().wait()
    assert until == circuits.stored(due.table, "acme", "infobip").open_until
    assert until > due.now + SOON


def test_whoever_saw_that_it_is_time_is_held_up_no_longer_when_another_was_successful(due: Account) -> None:
    another = due.request()
    assert another.wait() is None
    late = due.request()
    due.now += 70 * SECOND  # the other one seemed to be dead
    due.dynamo.before.append(lambda: another.worked(due.now))
    assert (late.wait() or due.now) <= due.now + SECOND
    assert due.request().wait() is None


@pytest.mark.parametrize("earlier", [0, 1])
def test_two_failures_at_once_count_as_two(account: Account, earlier: int) -> None:
    account.fails(earlier)
    account.dynamo.before.append(account.fails)
    account.request().failed(account.now + 1, WHY)
    assert account.failures == earlier + 2


def test_a_failure_from_before_it_opened_says_nothing_new(account: Account) -> None:
    started = account.now
    account.fails(OPENS_AT)
    open_until = circuits.stored(account.table, "acme", "infobip").open_until
    account.now += 5 * SECOND
    assert account.request().failed(started, "time-out") == open_until
    assert account.failures == OPENS_AT


def test_a_result_closes_it_unless_others_failed_after_its_call_began(account: Account) -> None:
    account.fails()
    early, started = account.request(), account.now + 1
    assert early.wait() is None
    account.fails(OPENS_AT - 1)
    early.worked(started)
    assert account.failures == OPENS_AT
    assert account.request().wait() is not None
    account.now += FIRST
    trying = account.request()
    assert trying.wait() is None
    trying.worked(account.now)
    trying.worked(account.now)
    assert account.failures == 0
    assert account.request().wait() is None

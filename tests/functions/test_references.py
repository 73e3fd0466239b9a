"""Ids that carriers give to our messages, and receipts that come for ids before we know them [F10] [H2]."""

import pytest

from kabar.domain.messages import Receipt
from kabar.domain.statuses import Status
from kabar.storage.dynamo import Table
from kabar.storage.references import ORPHANS_KEPT_SECONDS, References
from tests.functions.fake_dynamo import FakeDynamo

START = 1_800_000_000_000
DELIVERED = Receipt("g-1", "+6421", Status.RECEIVED, START, "DELIVRD")
FAILED = Receipt("g-1", "+6421", Status.FAILED, START + 1, "UNDELIV")


@pytest.fixture
def references() -> References:
    return References(Table("dispatch", FakeDynamo()), "acme", "http")


def test_an_id_goes_on_meaning_the_message_that_had_it_first(references: References) -> None:
    told = [references.note("g-1", message, "+6421", START) for message in ("x-1", "x-1", "x-2", "x-1")]
    assert told == [True, True, False, True]
    assert references.named([DELIVERED]) == {"g-1": ("x-1", "+6421")}


def test_an_id_means_nothing_at_another_account() -> None:
    table = Table("dispatch", FakeDynamo())
    first, *others = (
        References(table, *account) for account in (("acme", "http"), ("rival", "http"), ("acme", "infobip"))
    )
    assert first.note("g-1", "x-1", "+6421", START)
    first.keep([DELIVERED], START)
    for other in others:
        assert (other.named([DELIVERED]), other.waiting(["g-1"], START)) == ({}, [])
        assert other.note("g-1", "x-2", "+6422", START)


def test_every_status_waits_once_for_72_hours(references: References) -> None:
    again = Receipt("g-1", "+6421", Status.RECEIVED, START + 5, "again")
    references.keep([DELIVERED, FAILED], START)
    references.keep([again], START + 5)
    end = START + ORPHANS_KEPT_SECONDS * 1000
    for at, waiting in ((START, {DELIVERED, FAILED}), (end - 1, {DELIVERED, FAILED}), (end, set())):
        assert set(references.waiting(["g-1"], at)) == waiting

"""Claims of carrier calls: of whoever reads the same one, one goes on; what was read too early stands for nothing."""

from dataclasses import replace

import pytest

from kabar.domain.slices import Claim
from kabar.domain.statuses import Status
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Table
from tests.functions.fake_dynamo import FakeDynamo

SENT = bytes([Status.SENT, Status.SENT])
HELD = Claim(owner="first", attempt=1, claimed_at=1, lease=60_000, vector=bytes(2))
FREE = replace(HELD, owner="")


@pytest.fixture
def ledger() -> ChunkLedger:
    return ChunkLedger(Table("dispatch", FakeDynamo()), campaign=1, chunk=0)


MEANWHILE = [
    ("its owner told the result", HELD, [replace(FREE, vector=SENT)]),
    ("its owner is calling", HELD, [replace(HELD, calling=True)]),
    ("another took it", HELD, [replace(HELD, owner="second", attempt=2)]),
    (
        "another took it and told the result",
        FREE,
        [replace(HELD, attempt=2), replace(FREE, attempt=2, vector=SENT)],
    ),
]


@pytest.mark.parametrize(("read", "written"), [m[1:] for m in MEANWHILE], ids=[m[0] for m in MEANWHILE])
def test_a_claim_is_taken_over_only_as_it_was_read(
    ledger: ChunkLedger, read: Claim, written: list[Claim]
) -> None:
    assert ledger.take(7, read, None)
    before = read
    for claim in written:
        assert ledger.record(7, claim, before)
        before = claim
    assert not ledger.take(7, replace(HELD, owner="third", attempt=read.attempt + 1), read)
    assert ledger.claims() == {7: before}


def test_of_two_that_find_no_claim_one_has_it(ledger: ChunkLedger) -> None:
    assert ledger.take(7, HELD, None)
    assert not ledger.take(7, replace(HELD, owner="second"), None)
    assert ledger.claim(7) == HELD


@pytest.mark.parametrize(
    "taken",
    [replace(HELD, owner="second", attempt=2), replace(HELD, owner="second"), replace(FREE, attempt=2)],
)
def test_who_lost_a_claim_records_nothing(ledger: ChunkLedger, taken: Claim) -> None:
    assert ledger.take(7, HELD, None)
    assert ledger.record(7, taken, HELD)
    assert not ledger.record(7, replace(FREE, vector=SENT), HELD)
    assert ledger.claim(7) == taken


def test_what_is_forgotten_by_now_is_recorded_by_nobody(ledger: ChunkLedger) -> None:
    assert not ledger.record(7, replace(FREE, vector=SENT), HELD)
    assert ledger.claim(7) is None

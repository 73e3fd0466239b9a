"""The laws of status vectors [H1], and the words and ranks that everybody sees."""

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.statuses import (
    MEANINGS,
    REPLIED_OPT_OUT,
    Reason,
    Status,
    cell,
    merge,
    place,
    reason_of,
    status_of,
)

CELLS = st.builds(
    lambda status, reason, flag: cell(status, reason if status is Status.SUPPRESSED else Reason.NONE) | flag,
    st.sampled_from(Status),
    st.sampled_from(Reason),
    st.sampled_from([0, REPLIED_OPT_OUT]),
)
VECTORS = st.lists(CELLS, max_size=40).map(bytes)
CHANGES = st.lists(st.tuples(st.integers(0, 30), CELLS), max_size=40)


def padded(vector: bytes, length: int) -> bytes:
    return vector.ljust(length, b"\0")


@given(VECTORS)
def test_merging_a_vector_with_itself_changes_nothing(vector: bytes) -> None:
    assert merge(vector, vector) == vector


@given(VECTORS, VECTORS)
def test_merging_does_not_care_which_came_first(a: bytes, b: bytes) -> None:
    assert merge(a, b) == merge(b, a)


@given(VECTORS, VECTORS, VECTORS)
def test_merging_does_not_care_how_changes_were_grouped(a: bytes, b: bytes, c: bytes) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(VECTORS, VECTORS)
def test_a_status_never_moves_back_and_an_opt_out_is_never_forgotten(old: bytes, new: bytes) -> None:
    merged = merge(old, new)
    assert len(merged) == max(len(old), len(new))
    for before, after in zip(padded(old, len(merged)), merged, strict=True):
        assert status_of(after) >= status_of(before)
        assert after & REPLIED_OPT_OUT >= before & REPLIED_OPT_OUT


@given(VECTORS)
def test_an_empty_vector_adds_nothing(vector: bytes) -> None:
    assert merge(vector, b"") == merge(b"", vector) == vector


@given(CHANGES, st.randoms(use_true_random=False))
def test_placing_changes_gives_the_same_vector_in_any_order(
    changes: list[tuple[int, int]], random: Random
) -> None:
    shuffled = changes * 2
    random.shuffle(shuffled)
    assert place(shuffled) == place(changes)


@given(CHANGES, CHANGES)
def test_placing_in_two_batches_and_merging_is_placing_once(
    one: list[tuple[int, int]], two: list[tuple[int, int]]
) -> None:
    assert merge(place(one), place(two)) == place(one + two)


def test_the_ranks_are_those_of_the_product_page() -> None:
    assert ", ".join(status.word for status in sorted(Status)) == (
        "pending, held, submitted, suppressed, cancelled, missed, uncertain, sent, "
        "frozen, expired, failed, dead, rejected, received"
    )


@pytest.mark.parametrize("word", [status.word for status in Status])
def test_every_status_has_a_word_that_leads_back_to_it_and_a_meaning(word: str) -> None:
    assert Status.of(word).word == word
    assert MEANINGS[Status.of(word)]


@pytest.mark.parametrize(("status", "reason"), list(itertools.product(Status, Reason)))
def test_a_cell_holds_status_reason_and_opt_out_side_by_side(status: Status, reason: Reason) -> None:
    byte = cell(status, reason) | REPLIED_OPT_OUT
    assert (status_of(byte), reason_of(byte), byte & REPLIED_OPT_OUT) == (status, reason, REPLIED_OPT_OUT)


@pytest.mark.parametrize("final", [Status.SUPPRESSED, Status.CANCELLED, Status.MISSED])
def test_a_receipt_outranks_what_we_thought_was_never_handed_over(final: Status) -> None:
    byte = cell(final, Reason.OPTED_OUT if final is Status.SUPPRESSED else Reason.NONE)
    merged = merge(bytes([byte]), bytes([cell(Status.RECEIVED)]))
    assert status_of(merged[0]) is Status.RECEIVED


def test_delivered_stays_delivered_when_sent_comes_later() -> None:
    """F18"""
    delivered = bytes([cell(Status.RECEIVED)])
    assert merge(delivered, bytes([cell(Status.SENT)])) == delivered


def test_a_delivery_three_days_after_expiry_corrects_it() -> None:
    """F21"""
    assert merge(bytes([cell(Status.EXPIRED)]), bytes([cell(Status.RECEIVED)])) == bytes(
        [cell(Status.RECEIVED)]
    )

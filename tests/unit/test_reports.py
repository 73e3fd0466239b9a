"""A report's counts add up to the recipients, whatever the vectors say [M1] [H1]."""

from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.charges import Charges
from kabar.domain.statuses import REPLIED_OPT_OUT, Reason, Status, cell
from kabar.storage.chunks import Chunk
from kabar.storage.reports import count

CELLS = st.builds(
    lambda status, reason, flag: cell(status, reason if status is Status.SUPPRESSED else Reason.NONE) | flag,
    st.sampled_from(Status),
    st.sampled_from(Reason),
    st.sampled_from([0, REPLIED_OPT_OUT]),
)
CHUNKS = st.lists(
    st.builds(
        lambda cells, pair: Chunk(bytes(cells), 1, charges=Charges.of([pair] * len(cells))),
        st.lists(CELLS),
        st.tuples(st.integers(1, 9), st.integers(0, 900)),
    ),
    max_size=5,
)


@given(CHUNKS, st.integers(0, 50))
def test_the_counts_of_all_statuses_add_up_to_the_recipients(chunks: list[Chunk], unreached: int) -> None:
    recipients = sum(len(chunk.vector) for chunk in chunks) + unreached
    report = count(recipients, chunks)
    assert set(report.statuses) == set(Status)
    assert sum(report.statuses.values()) == report.recipients == recipients
    assert all(number >= 0 for number in report.statuses.values())


@given(CHUNKS)
def test_the_reasons_never_exceed_the_suppressed_and_the_opted_out_are_counted_once(
    chunks: list[Chunk],
) -> None:
    cells = [byte for chunk in chunks for byte in chunk.vector]
    report = count(len(cells), chunks)
    assert sum(report.suppressed.values()) <= report.statuses[Status.SUPPRESSED]
    gone = {cell(Status.SUPPRESSED, Reason.OPTED_OUT), cell(Status.SUPPRESSED, Reason.BLACKLISTED)}
    assert report.opted_out == sum(byte & 0x7F in gone or bool(byte & REPLIED_OPT_OUT) for byte in cells)


@given(CHUNKS, st.randoms(use_true_random=False))
def test_the_order_of_the_chunks_changes_nothing(chunks: list[Chunk], random: st.DataObject) -> None:
    total = sum(len(chunk.vector) for chunk in chunks)
    shuffled = sorted(chunks, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert count(total, chunks) == count(total, shuffled)


def test_a_campaign_in_full() -> None:
    vector = bytes(
        [
            cell(Status.RECEIVED),
            cell(Status.RECEIVED) | REPLIED_OPT_OUT,
            cell(Status.SENT),
            cell(Status.SUPPRESSED, Reason.OPTED_OUT),
            cell(Status.SUPPRESSED, Reason.BLACKLISTED),
            cell(Status.SUPPRESSED, Reason.NO_CONSENT),
            cell(Status.SUPPRESSED, Reason.NO_COMMON_HOURS),
        ]
    )
    report = count(9, [Chunk(vector, 3, charges=Charges.of([(1, 20), (2, 40), *[(2, 10)] * 5]))])
    assert {status: n for status, n in report.statuses.items() if n} == {
        Status.PENDING: 2,
        Status.RECEIVED: 2,
        Status.SENT: 1,
        Status.SUPPRESSED: 4,
    }
    assert (report.segments, report.cost, report.replied_opt_out, report.opted_out) == (5, 70, 1, 3)
    assert report.suppressed == {
        Reason.OPTED_OUT: 1,
        Reason.BLACKLISTED: 1,
        Reason.NO_CONSENT: 1,
        Reason.NO_COMMON_HOURS: 1,
    }

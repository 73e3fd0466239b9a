"""What a chunk's messages cost, told from its vector [E3]."""

from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.charges import Charges
from kabar.domain.statuses import REPLIED_OPT_OUT, Status, cell

PAIRS = st.tuples(st.integers(1, 3), st.sampled_from([0, 12_300, 50_000]))
MESSAGES = st.lists(st.tuples(PAIRS, st.sampled_from(Status), st.booleans(), st.booleans()), max_size=30)


@given(MESSAGES, st.integers(0, 5))
def test_the_accepted_are_charged_each_at_its_own_price(
    messages: list[tuple[tuple[int, int], Status, bool, bool]], unreached: int
) -> None:
    """`unreached` messages at the end are beyond the vector."""
    vector = bytes(cell(status) | (REPLIED_OPT_OUT if flag else 0) for _, status, flag, _ in messages)
    refused = {at for at, message in enumerate(messages) if message[3]}
    charges = Charges.of([pair for pair, *_ in messages] + [(9, 9)] * unreached)
    taken = {Status.SENT, Status.FROZEN, Status.EXPIRED, Status.FAILED, Status.DEAD, Status.REJECTED}
    expected = [
        pair for pair, status, _, no in messages if status is Status.RECEIVED or (status in taken and not no)
    ]
    assert charges.total(vector, refused) == (sum(p[0] for p in expected), sum(p[1] for p in expected))


@given(st.lists(PAIRS, max_size=20))
def test_messages_that_come_to_the_same_take_no_room(messages: list[tuple[int, int]]) -> None:
    assert (Charges.of(messages).each == b"") == (len(set(messages)) < 2)


def test_a_rejection_costs_nothing_when_it_was_the_answer_and_its_segments_when_it_came_later() -> None:
    vector = bytes([Status.REJECTED, Status.REJECTED])
    assert Charges.of([(2, 10), (3, 20)]).total(vector, {0}) == (3, 20)


def test_refused_positions_beyond_the_vector_say_nothing() -> None:
    assert Charges.of([(1, 1)] * 4).total(bytes([Status.SENT]), {3}) == (1, 1)
    assert Charges().total(bytes([Status.SENT]), ()) == (0, 0)

"""The circuit that holds requests while their carrier gives no results [F8]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.circuit import FIRST, LONGEST, OPENS_AT, SOON, TRYING, Circuit

START = 1_800_000_000_000


def failed(circuit: Circuit, now: int, *, at_once: bool = False, jitter: float = 0.0) -> Circuit:
    after = circuit.failed(now, now, "no route", at_once=at_once, jitter=jitter)
    assert after
    return after


def test_it_opens_at_the_third_failure_in_a_row_and_at_one_refusal() -> None:
    circuit = Circuit()
    for number in range(1, OPENS_AT):
        circuit = failed(circuit, START + number)
        assert (circuit.level, circuit.wait(START + number)) == (0, None)
    circuit = failed(circuit, START + OPENS_AT)
    assert (circuit.since, circuit.wait(START + OPENS_AT)) == (START + 3, START + 3 + FIRST)
    assert failed(Circuit(), START, at_once=True).wait(START) == START + FIRST


def test_open_it_stays_open_whatever_fails_next() -> None:
    refused = failed(Circuit(), START, at_once=True)
    again = failed(refused, refused.open_until)
    assert (again.level, again.wait(again.changed_at)) == (2, refused.open_until + 2 * FIRST)


@given(st.floats(0, 1), st.integers(1, 30))
def test_each_try_in_vain_waits_twice_as_long_up_to_five_minutes(jitter: float, times: int) -> None:
    circuit, now = Circuit(), START
    for number in range(times):
        circuit = failed(circuit, now, at_once=True, jitter=jitter)
        wait = circuit.open_until - now
        most = min(LONGEST, FIRST * 2**number)
        assert 0.75 * most - 1 <= wait <= most
        assert (circuit.since, circuit.wait(now)) == (START, circuit.open_until)
        now = circuit.open_until + 1
        assert circuit.wait(now) is None


def test_a_failure_of_a_call_from_before_the_outage_was_known_makes_it_no_longer() -> None:
    circuit = failed(Circuit(), START, at_once=True)
    assert circuit.failed(START - 1, START + 5000, "", at_once=True, jitter=0) is None
    assert circuit.failed(START, START + 5000, "", at_once=True, jitter=0) is None


@pytest.mark.parametrize(("after", "wait"), [(0, SOON), (TRYING - 1000, 1000), (TRYING, None)])
def test_while_one_tries_the_others_look_again_soon_until_it_counts_as_dead(
    after: int, wait: int | None
) -> None:
    circuit = Circuit(level=1, changed_at=START - FIRST, open_until=START, trying=START + TRYING)
    now = START + after
    assert circuit.wait(now) == (None if wait is None else now + wait)

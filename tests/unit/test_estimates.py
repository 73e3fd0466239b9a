"""What a message to many would come to [E3] [F6]."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.composing import composer
from kabar.domain.estimates import EXAMPLES, Estimate, restored
from kabar.domain.prices import amount, micros, prices

EURO = prices({"currency": "EUR", "countries": {"TR": "0.0123", "NZ": "0.1"}})
PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["+905321234567", "+6421555666", "+12125550123", "+80012345678"]),
        st.lists(st.sampled_from(["", "Amy", "Ayşe", "“x”", "😀" * 40, "a" * 50]), max_size=3),
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    ("price", "of", "shown"),
    [("0.0123", 12_300, "0.0123"), ("12", 12_000_000, "12.00"), ("0.5", 500_000, "0.50"), ("0", 0, "0.00")],
)
def test_money_is_exact(price: str, of: int, shown: str) -> None:
    assert (micros(price), amount(of)) == (of, shown)


@given(st.integers(0, 10**18))
def test_what_is_shown_is_what_was_summed(of: int) -> None:
    assert Decimal(amount(of)) * 10**6 == of


def test_a_country_without_a_price_takes_the_default_or_is_said_to_have_none() -> None:
    assert EURO
    with_default = prices({"currency": "EUR", "default": "1", "countries": {"TR": "2"}})
    assert with_default
    assert (EURO.of("TR"), EURO.of("US"), EURO.of(None)) == (12_300, None, None)
    assert (with_default.of("TR"), with_default.of("US"), with_default.of(None)) == (
        2_000_000,
        1_000_000,
        1_000_000,
    )
    assert (EURO.cost("+905321234567", 3), EURO.cost("+12125550123", 3)) == (36_900, 0)


def test_sums_say_who_gets_what_for_how_much() -> None:
    estimate, made = Estimate(), composer({"text": "Hi %%1%% %%2%%", "smart": True})
    estimate.add(made, EURO, "+905321234567", ["Ayşe", "a" * 50])
    estimate.add(made, EURO, "+905321234568", ["“" * 80, "b" * 80])
    estimate.add(made, EURO, "+12125550123", ["😀", ""])
    assert (estimate.recipients, estimate.segments) == (3, 4)
    assert estimate.by_segments == {1: 2, 2: 1}
    assert estimate.by_alphabet == {"gsm7": 2, "ucs2": 1}
    assert (estimate.cost, estimate.unpriced) == (3 * 12_300, 1)
    assert estimate.by_country == {"TR": [2, 3, 36_900], "US": [1, 1, 0]}
    assert (estimate.missing, estimate.examples) == ({2: 1}, {2: ["+12125550123"]})
    assert estimate.replaced == {("ş", "s"): 1, ("“", '"'): 80}
    assert estimate.outside == {"😀": 1}


def test_only_some_of_those_without_a_param_are_named() -> None:
    estimate, made = Estimate(), composer({"text": "%%1%%"})
    for number in range(EXAMPLES + 5):
        estimate.add(made, None, f"+9053200000{number:02d}", [])
    assert (estimate.missing[1], len(estimate.examples[1])) == (EXAMPLES + 5, EXAMPLES)
    assert estimate.by_country == {}


@given(PEOPLE, st.integers(0, 12), st.booleans())
def test_parts_add_up_to_the_whole_and_survive_being_stored(
    people: list[tuple[str, list[str]]], cut: int, smart: bool
) -> None:
    made = composer({"text": "Hi %%1%%, “%%2%%”", "smart": smart})
    whole, first, rest = Estimate(), Estimate(), Estimate()
    for at, (mobile, params) in enumerate(people):
        whole.add(made, EURO, mobile, params)
        (first if at < cut else rest).add(made, EURO, mobile, params)
    first = restored(first.stored())
    first.merge(restored(rest.stored()))
    assert first == whole
    assert sum(first.by_segments.values()) == sum(first.by_alphabet.values()) == len(people)
    assert sum(row[2] for row in first.by_country.values()) == first.cost

"""Who a campaign goes to, of the members of its list [F6]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.composing import composer
from kabar.domain.prices import prices
from kabar.domain.recipients import LeftOut, Row, Selection, left_out

EURO = prices({"currency": "EUR", "countries": {"TR": "0.01"}})


def test_what_no_carrier_could_take_is_left_out_and_counted() -> None:
    selection = Selection(composer({"text": "%%1%%"}), max_digits=12)
    members = [
        ("+905321234567", ["Amy"]),
        ("+905321234567", ["Amy"]),
        ("+905321234568", [""]),
        ("+9053212345678", ["x"]),
        ("+123456", ["x"]),
        ("+905321234569", ["b" * 161]),
    ]
    rows = list(selection.rows(members, EURO))
    assert rows == [
        Row("+905321234567", ["Amy"], 1, 10_000),
        Row("+905321234569", ["b" * 161], 2, 20_000),
    ]
    assert selection.left_out == {LeftOut.DUPLICATE: 1, LeftOut.EMPTY: 1, LeftOut.INVALID: 2}


@pytest.mark.parametrize(
    ("mobile", "params", "why"),
    [
        ("+905321234567", ["Amy"], None),
        ("+905321234567", [""], LeftOut.EMPTY),
        ("+905321234567", [], LeftOut.EMPTY),
        ("+9053212345678", ["Amy"], LeftOut.INVALID),
        ("+123456", ["Amy"], LeftOut.INVALID),
    ],
)
def test_one_member_is_told_by_the_same_rule(mobile: str, params: list[str], why: LeftOut | None) -> None:
    assert left_out((mobile, params), composer({"text": "%%1%%"}), max_digits=12) is why


MOBILES = st.lists(st.integers(10**6, 10**15).map("+{}".format), max_size=40).map(sorted)


@given(MOBILES, st.integers(7, 15))
def test_everybody_is_a_recipient_once_or_left_out(mobiles: list[str], max_digits: int) -> None:
    selection = Selection(composer({"text": "Hi"}), max_digits)
    chosen = [row.mobile for row in selection.rows([(mobile, []) for mobile in mobiles], None)]
    assert len(chosen) == len(set(chosen))
    assert len(chosen) + sum(selection.left_out.values()) == len(mobiles)
    assert chosen == sorted(chosen)

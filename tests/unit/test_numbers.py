"""One number cell becomes one mobile number, or says why not [B1]-[B6]."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.numbers import CHANGES, MAX_DIGITS, Numbers, change_names

NEW_ZEALAND = {"021": "6421"}
SEPARATORS = " \t\u00a0\u2009\u3000\u200b\u200e\u2060\ufeff-.()/"
numbers_of_any_length = st.from_regex(r"\+[1-9][0-9]{6,13}", fullmatch=True)


@pytest.mark.parametrize(
    ("cell", "mobile", "changes"),
    [
        ("+64211234567", "+64211234567", []),
        ("  +64211234567\u00a0\r\n", "+64211234567", []),
        ("021555666", "+6421555666", ["prefix_mapped", "plus_added"]),
        ("021 555 666", "+6421555666", ["separators_removed", "prefix_mapped", "plus_added"]),
        ("64211234567", "+64211234567", ["plus_added"]),
        ("+64 (21) 123-45.67/8", "+64211234 5678".replace(" ", ""), ["separators_removed"]),
        ("+ 64 21 123 4567", "+64211234567", ["separators_removed"]),
        ("+6421\u200b1234\u202f567", "+64211234567", ["separators_removed"]),
        ("\u202a+905321234567\u202c", "+905321234567", ["separators_removed"]),
        ('="+905321234567"', "+905321234567", ["unwrapped"]),
        ("'+905321234567", "+905321234567", ["unwrapped"]),
        ("'021555666", "+6421555666", ["unwrapped", "prefix_mapped", "plus_added"]),
        ("+٩٠٥٣٢١٢٣٤٥٦٧", "+905321234567", ["digits_converted"]),
        ("+۹۰۵۳۲۱۲۳۴۵۶۷", "+905321234567", ["digits_converted"]),
        ("+６４２１１２３４５６７", "+64211234567", ["digits_converted"]),
    ],
)
def test_f36_a_number_that_can_be_read_is_read_and_says_what_was_changed(
    cell: str, mobile: str, changes: list[str]
) -> None:
    number = Numbers(NEW_ZEALAND).clean(cell)
    assert (number.mobile, change_names(number.changes), number.code) == (mobile, changes, "")


@pytest.mark.parametrize(
    ("cell", "code", "detail"),
    [
        ("", "number_missing", ""),
        ("  ", "number_missing", ""),
        ("+", "number_missing", ""),
        ("-", "number_missing", ""),
        ("+614xxxxxxxx", "letters", "x"),
        ("0800 FLOWERS", "letters", "F"),
        ("+64211234567 ext 5", "letters", "e"),
        ("12345;6789", "two_values", ";"),
        ("+123456789;1234", "two_values", ";"),
        ("+64211234567, +64211234568", "two_values", ","),
        ("+64211234567 +64211234568", "two_values", "+"),
        ("64211234567.0", "not_a_number_cell", ""),
        ("'+64211234567.00 ", "not_a_number_cell", ""),
        ("2014-01-02", "not_a_number_cell", ""),
        ("'2014-01-02", "not_a_number_cell", ""),
        ("31/12/2012", "not_a_number_cell", ""),
        ("1.12.2012", "not_a_number_cell", ""),
        ("+44 (0)20 7946 0958", "unexpected_character", "(0)"),
        ("6.42E+10", "digits_lost", ""),
        ("9.0532E+11", "digits_lost", ""),
        ("9,0532e+11", "digits_lost", ""),
        ("#64211234567", "unexpected_character", "#"),
        ("+6421\u20131234567", "unexpected_character", "\u2013"),
        ("++64211234567", "unexpected_character", "+"),
        ("+6421१२३४५६७", "unexpected_character", "१"),
        ("+0211234567", "first_digit_zero", ""),
        ("0064211234567", "first_digit_zero", ""),
    ],
)
def test_f36_a_number_that_would_have_to_be_guessed_is_rejected_by_name(
    cell: str, code: str, detail: str
) -> None:
    number = Numbers(NEW_ZEALAND).clean(cell)
    assert (number.mobile, number.code, number.detail) == ("", code, detail)


@pytest.mark.parametrize(
    ("digits", "upper", "code"),
    [
        (6, 14, "too_short"),
        (7, 14, ""),
        (14, 14, ""),
        (15, 14, "too_long"),
        (15, 15, ""),
        (16, 15, "too_long"),
    ],
)
def test_f40_a_number_has_seven_digits_up_to_the_workspaces_bound(digits: int, upper: int, code: str) -> None:
    cell = "+6" + "4" * (digits - 1)
    numbers = Numbers({}, upper)
    assert numbers.clean(cell).code == code
    assert bool(re.fullmatch(numbers.pattern, cell)) == (not code)


def test_the_longest_prefix_wins_and_is_replaced_once() -> None:
    numbers = Numbers({"0": "90", "021": "6421", "64": "1", "6421": "999"})
    assert numbers.clean("021555666").mobile == "+6421555666"
    assert numbers.clean("02555666").mobile == "+902555666"
    assert numbers.clean("64555666777").mobile == "+1555666777"
    assert numbers.clean("+64555666777").mobile == "+64555666777"


def test_a_prefix_may_stand_for_nothing() -> None:
    numbers = Numbers({"00": ""})
    assert numbers.clean("0064211234567").mobile == "+64211234567"
    assert numbers.clean("00").code == "too_short"
    assert numbers.clean("000211234567").code == "first_digit_zero"


def test_numbers_of_the_source_that_are_implausible_are_accepted() -> None:
    for cell in ("+6427123456", "+642912345", "+6421000000"):
        assert Numbers({}).clean(cell).mobile == cell


@given(mobile=numbers_of_any_length, data=st.data())
def test_separators_never_change_which_number_it_is(mobile: str, data: st.DataObject) -> None:
    noise = st.text(SEPARATORS, max_size=3)
    written = "+" + "".join(digit + data.draw(noise) for digit in mobile[1:])
    number = Numbers(NEW_ZEALAND).clean(written)
    looks_like_another = number.code == "not_a_number_cell" or number.detail == "(0)"
    assert number.mobile == mobile or looks_like_another


@given(st.text(st.characters() | st.sampled_from("+0123456789 -'=\"eE.;٠０"), max_size=30))
def test_whatever_comes_out_is_a_number_or_a_code(cell: str) -> None:
    number = Numbers(NEW_ZEALAND).clean(cell)
    assert bool(number.mobile) != bool(number.code)
    if number.mobile:
        assert re.fullmatch(Numbers({}).pattern, number.mobile)
        assert Numbers({}).clean(number.mobile) == (number.mobile, 0, "", "")
    assert number.changes <= sum(CHANGES)


@given(st.text(st.sampled_from("+0123456789- \u200b"), max_size=20))
def test_a_number_is_unchanged_exactly_if_it_was_international_once_trimmed(cell: str) -> None:
    number = Numbers(NEW_ZEALAND).clean(cell)
    trimmed = cell.strip()
    as_it_was = trimmed[:1] == "+" and trimmed[1:].isdigit() and number.mobile == trimmed
    assert (bool(number.mobile) and not number.changes) == as_it_was


@given(st.lists(st.text(st.sampled_from("+00123456789 -.'=()\u00a0\u200b\t٢xé"), max_size=18)))
def test_usual_cells_are_cleaned_at_once_as_one_by_one(cells: list[str]) -> None:
    numbers = Numbers({"021": "6421", "05": "", "0": "620"})
    for cell, mobile, changes in zip(cells, *numbers.usual(cells), strict=True):
        assert not mobile or (mobile, changes) == numbers.clean(cell)[:2]


@pytest.mark.parametrize(
    "cell",
    ["+64 21-555.666", "+6421555666\u00a0", "(021) 555 666", "6421555666", "'+64 21555666", " ' 021555666"],
)
def test_usual_cells_are_usual(cell: str) -> None:
    mobile, changes, *_ = Numbers(NEW_ZEALAND).clean(cell)
    assert Numbers(NEW_ZEALAND).usual([cell]) == ([mobile], [changes])


@pytest.mark.parametrize("cell", ["64211234567.0", "'2014-01-02", "31/12/2012 ", "+44 (0)20 7946 0958"])
def test_what_would_be_misread_is_not_usual(cell: str) -> None:
    assert Numbers({}).usual([cell])[0] == [""]


def test_the_default_bound_is_the_sources() -> None:
    assert MAX_DIGITS == 14


def test_every_kind_of_space_is_removed() -> None:
    spaces = [char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace()]
    cell = "".join(f"{space}{digit}" for space, digit in zip(spaces, "6421555666" * 5, strict=False))
    assert Numbers({}, 40).clean("+" + cell).mobile == "+" + ("6421555666" * 5)[: len(spaces)]

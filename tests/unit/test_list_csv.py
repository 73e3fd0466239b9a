"""A download holds nothing that a spreadsheet runs, and imports again to exactly the same list [C5]."""

import csv
import io
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kabar.domain import list_csv
from kabar.domain.imports import Totals, validate
from kabar.domain.numbers import Numbers
from tests.unit.import_rig import Kept

Members = dict[str, list[str]]
PARAM = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
# what means something to CSV, to spreadsheets or to the quoting itself, more often than by chance
TRICKY = st.text(st.sampled_from("'=+-@\t\r\n,;|\" aé0＝"), max_size=12)
MEMBERS = st.dictionaries(
    st.from_regex(r"\+[1-9][0-9]{6,13}", fullmatch=True),
    st.lists(st.one_of(PARAM, TRICKY), max_size=6),
    min_size=1,
    max_size=30,
)


def exported(members: Members) -> bytes:
    return "".join(
        [list_csv.header(), *(list_csv.line(mobile, params) for mobile, params in members.items())]
    ).encode()


def read(data: bytes, prefixes: dict[str, str] | None = None) -> tuple[Totals, Kept]:
    kept = Kept()
    return validate([data], Numbers(prefixes or {}), kept), kept


@given(MEMBERS)
@example({"+905327650007": ["\r\n" * 25] * 6, "+905327650008": ["\n" * 50] * 6})
@example({"+905327650007": ["'", "''", "'=1", "=1"]})
@example({"+905327650007": ["", ""], "+905327650008": [], "+905327650009": ["'"]})
def test_export_then_import_is_the_identity_on_members(members: Members) -> None:
    totals, kept = read(exported(members), {"9": "1"})
    assert (totals.accepted, totals.rows_read) == (len(members), len(members))
    assert {mobile: params for mobile, params, _ in kept.rows} == members
    assert {changes for _, _, changes in kept.rows} == {0}


def test_a_download_of_many_blocks_is_read_as_it_was() -> None:
    chance = random.Random(41)  # noqa: S311  # no secret
    members = {
        f"+90532{number:07d}": [
            "".join(chance.choices("'=+-@\t\r\n,;|\" aé0", k=chance.randint(0, 50)))
            for _ in range(chance.randint(0, 6))
        ]
        for number in range(4_000)
    }
    totals, kept = read(exported(members))
    assert (totals.accepted, totals.rows_read) == (4_000, 4_000)
    assert {mobile: params for mobile, params, _ in kept.rows} == members


@given(MEMBERS)
def test_any_csv_reader_sees_one_row_per_member_none_of_which_runs(members: Members) -> None:
    _, *rows = csv.reader(io.StringIO(exported(members).decode("utf-8-sig"), newline=""), strict=True)
    assert [row[0] for row in rows] == list(members)
    for row in rows:
        for cell in row[1:]:
            digits = cell.removeprefix("+")
            is_number = digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15
            assert cell[:1] not in tuple("=+-@\t\r\n\0") or is_number


@pytest.mark.parametrize(
    "cell",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1",
        "@SUM(A1:A9)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\0=1",
        "＝1+1",
        "+",
        "=",
        "'",
        "+٣٣٣٣٣٣٣٣",
    ],
)
def test_f41_a_formula_cell_is_quoted_as_asvs_1_2_10_says(cell: str) -> None:
    assert list_csv.quoted(cell) == f"'{cell}"
    assert list_csv.unquoted(list_csv.quoted(cell)) == cell


@pytest.mark.parametrize("cell", ["+905327650007", "+6421555666", "+1234567", "+123456789012345"])
def test_f41_an_e164_cell_stays_byte_exact(cell: str) -> None:
    assert list_csv.quoted(cell) == cell
    assert list_csv.line("+905327650007", [cell]) == f"+905327650007,{cell}\r\n"


def test_f41_a_file_with_formulas_and_numbers_imports_again_as_it_was() -> None:
    members = {"+905327650007": ["=cmd|' /C calc'!A0", "+6421555666", "+1+1", "@SUM", "\t", "\r"]}
    data = exported(members)
    assert b"\r\n+905327650007,\"'=cmd|' /C calc'!A0\",+6421555666,'+1+1,'@SUM,\"'\t\",\"'\r\"\r\n" in data
    assert [(mobile, params) for mobile, params, _ in read(data)[1].rows] == [*members.items()]


def test_a_quoted_param_of_50_characters_is_not_too_long() -> None:
    totals, kept = read(exported({"+905327650007": ["=" + "x" * 49]}))
    assert totals.accepted == 1
    assert kept.rows[0][1] == ["=" + "x" * 49]


def test_without_our_header_an_apostrophe_is_part_of_the_param() -> None:
    for header in (b"", b"mobile,name\r\n"):
        _, kept = read(header + b"+905327650007,'=1,'Amy\r\n+905327650008,\"'=1\"\r\n")
        assert [params for _, params, _ in kept.rows] == [["'=1", "'Amy"], ["'=1"]]


def test_the_rejected_rows_of_a_download_are_still_quoted_and_import_once_corrected() -> None:
    _, kept = read(exported({"+9053x": ["=1", "'Amy"]}))
    assert isinstance(kept.rejected, io.StringIO)
    corrected = kept.rejected.getvalue().replace("+9053x", "+905327650007")
    assert ",'=1,''Amy" in corrected
    assert [params for _, params, _ in read(corrected.encode())[1].rows] == [["=1", "'Amy"]]


def test_a_spreadsheet_with_another_delimiter_splits_no_cell() -> None:
    line = list_csv.line("+905327650007", ["a;=1", "b|=1", "c\t=1"])
    assert line == '+905327650007,"a;=1","b|=1","c\t=1"\r\n'

"""The first sheet of a workbook is read like a CSV file, and a bomb is refused before it goes off [D2]."""

import pytest

from kabar.domain import xlsx_rows
from kabar.domain.encodings import FileRefused
from tests.unit.workbooks import xlsx, zipped

Found = list[tuple[int, list[str], str]]


def rows(data: bytes) -> Found:
    return [(row.line, row.cells, row.fault) for run in xlsx_rows.read([data]) for row in run.odd.values()]


def refused(data: bytes) -> str:
    with pytest.raises(FileRefused) as error:
        rows(data)
    return error.value.code


def test_rows_keep_their_numbers_and_blank_ones_are_none() -> None:
    data = xlsx({1: ["Phone", "Name"], 3: ["+64211111111", "Amy"], 4: [" "], 7: ["+64211111112", "", "Bü"]})
    assert rows(data) == [
        (1, ["Phone", "Name"], ""),
        (3, ["+64211111111", "Amy"], ""),
        (7, ["+64211111112", "", "Bü"], ""),
    ]


@pytest.mark.parametrize(
    ("value", "cell", "fault"),
    [
        (64211111112.0, "64211111112", ""),
        (905321234567.0, "905321234567", ""),
        ("6.42E+10", "6.42E+10", ""),  # text: the number's own rule names it
        (6.42e15, "6420000000000000.0", "digits_lost"),
        (6421111.5, "6421111.5", "not_a_number_cell"),
        (-64211111112.0, "-64211111112", "not_a_number_cell"),
    ],
)
def test_a_number_in_a_number_cell_keeps_its_digits_or_is_refused(
    value: str | float, cell: str, fault: str
) -> None:
    assert rows(xlsx({1: [value]})) == [(1, [cell], fault)]


def test_300_columns_in_one_row_cost_the_others_nothing() -> None:
    found = rows(xlsx({1: ["+64211111111", *["x"] * 45], 2: ["+64211111112", "Amy"]}))
    assert [len(cells) for _, cells, _ in found] == [46, 2]


def test_f37_an_archive_is_no_workbook() -> None:
    assert refused(zipped({"list.csv": b"+64211111111"})) == "file_is_archive"


def test_f37_an_archive_in_a_workbook_is_refused() -> None:
    assert refused(xlsx({1: ["x"]}, {"xl/inner.bin": zipped({"a": b"b"})})) == "xlsx_suspicious"


def test_f37_a_bomb_is_refused_by_its_ratio() -> None:
    assert refused(xlsx({1: ["x"]}, {"xl/media/a.xml": b" " * 3_000_000})) == "xlsx_suspicious"


def test_f37_a_bomb_that_lies_about_its_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "MAX_UNPACKED", 100_000)
    data = bytearray(xlsx({1: ["x"]}, {"xl/media/a.xml": b"0123456789" * 20_000}))
    told = (200_000).to_bytes(4, "little")
    assert data.count(told) == 2  # in front of the entry and in the list of entries
    assert refused(bytes(data.replace(told, (10).to_bytes(4, "little")))) == "xlsx_unreadable"
    assert refused(bytes(data)) == "xlsx_suspicious"


def test_f37_a_bomb_is_refused_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "MAX_UNPACKED", 1_000)
    assert refused(xlsx({1: ["x" * 2_000]})) == "xlsx_suspicious"


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="A1"/></row><row r="199999"><c r="XFD199999"/></row>',
        "<row r='1'><c r='A1'/></row><row r='199999'><c r='XFD199999'/></row>",
        '<row r="1"><c r="a1"/></row><row r="199999"><c r="xfd199999"/></row>',
        '<row r="1"><c r="A1"/></row><row r="199999"><c r' + " " * 300_000 + '= "XFD199999"/></row>',
        '<x:row r="1"><x:c r="A1"/></x:row><x:row r="199999"><x:c r="XFD199999"/></x:row>',
        '<row r="1">' + "<c/>" * 16_000 + '</row><row r="199999"><c/></row>',
        '<row r="1">' + "<c\n></c>" * 16_000 + "</row>" + "<row\t></row>" * 199_999,
        '<row r="1" s=" r=\'1\'">' + "<c/>" * 9_000 + "</row>" + "<row s=\" r='1'\"/>" * 199_999,
    ],
    ids=["plain", "quotes", "case", "blanks", "prefix", "row only", "no places", "feigned places"],
)
@pytest.mark.parametrize("name", ["sheet1", "sheet2"])
def test_f37_cells_that_span_a_vast_sheet_are_refused(
    cells: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_rows, "MAX_RATIO", 10_000)  # what else would refuse some of them
    sheet = f"<worksheet><sheetData>{cells}</sheetData></worksheet>".encode()
    assert refused(xlsx({1: ["x"]}, {f"xl/worksheets/{name}.xml": sheet})) == "xlsx_suspicious"


def test_a_full_sheet_is_not_taken_for_a_vast_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "MAX_CELLS", 700)
    full: dict[int, list[str | float]] = {row: ["x"] * 7 for row in range(1, 101)}
    assert len(rows(xlsx(full))) == 100
    assert refused(xlsx(full | {101: ["x"]})) == "xlsx_suspicious"


def test_f37_names_that_lead_out_of_the_archive_are_never_used() -> None:
    assert rows(xlsx({1: ["+64211111111"]}, {"../../../../tmp/evil": b"x"})) == [(1, ["+64211111111"], "")]


def test_a_damaged_workbook_is_refused() -> None:
    data = xlsx({1: ["+64211111111", "Amy"]})
    assert refused(data[:-100]) == "xlsx_unreadable"
    assert refused(b"PK\x03\x04nonsense") == "xlsx_unreadable"


def test_a_longer_sheet_than_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "MAX_ROWS", 3)
    assert len(rows(xlsx({3: ["+64211111111"]}))) == 1
    assert refused(xlsx({4: ["+64211111111"]})) == "xlsx_too_long"


def test_a_larger_file_than_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "MAX_FILE", 100)
    assert refused(xlsx({1: ["x"]})) == "xlsx_too_large"

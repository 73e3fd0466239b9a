"""Bytes become rows with their line numbers, whatever is in them [D2]."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain import csv_rows
from kabar.domain.csv_rows import MAX_ROW, read
from kabar.domain.encodings import EncodingUnsupported, NotUtf8

Read = list[tuple[int, list[str], str]]


def rows(data: bytes, size: int = 0, delimiter: str = ",") -> Read:
    """(line, cells, fault) of every row that isn't blank, read in chunks of `size` bytes."""
    chunks = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    found: Read = []
    for each in read(chunks, delimiter):
        for at, line in enumerate(each.lines, each.line):
            if at in each.odd:
                assert not (line and each.odd[at].fault)
                found.append(each.odd[at])
            elif line:
                found.append((at, line.split(csv_rows.BETWEEN), ""))
    return found


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_as_one_line(end: str) -> None:
    data = end.join(["a,1", "", "b,2", '"c\nd",3', "e", ""]).encode()
    assert rows(data) == [
        (1, ["a", "1"], ""),
        (3, ["b", "2"], ""),
        (4, ["c\nd", "3"], ""),
        (6, ["e"], ""),
    ]


def test_only_line_ends_end_lines() -> None:
    assert rows("a\x0b\x0c\x1c\x85\u2028b,c\nd".encode()) == [
        (1, ["a\x0b\x0c\x1c\x85\u2028b", "c"], ""),
        (2, ["d"], ""),
    ]


def test_a_quoted_cell_keeps_commas_quotes_and_line_ends_as_they_are() -> None:
    data = b'+1,"a, ""b""\r\nc",d\r\n+2,x'
    assert rows(data) == [(1, ["+1", 'a, "b"\r\nc', "d"], ""), (3, ["+2", "x"], "")]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("a\nçağrı".encode("cp1254"), 2),
        (b"a\r\nb\rc\nd\xff", 4),
    ],
    ids=["cp1254", "mixed"],
)
def test_what_is_not_utf_8_is_refused_naming_the_line(data: bytes, line: int) -> None:
    with pytest.raises(NotUtf8) as refused:
        rows(data)
    assert refused.value.line == line


def test_a_bad_byte_far_into_a_file_is_found_in_its_line() -> None:
    data = b"+64211234567,Amy\n" * 50_000
    with pytest.raises(NotUtf8) as refused:
        rows(data + b"\xe7\n" + data, 65_536)
    assert refused.value.line == 50_001


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_f34_cells_between_other_delimiters_keep_their_commas(delimiter: str) -> None:
    text = '+1;a\n+2;1,50;b\n\n+3;"x;y, z\n";c\n+4;"open\n+5;d'.replace(";", delimiter)
    assert rows(text.encode(), delimiter=delimiter) == [
        (1, ["+1", "a"], ""),
        (2, ["+2", "1,50", "b"], ""),
        (4, ["+3", f"x{delimiter}y, z\n", "c"], ""),
        (6, [f'+4{delimiter}"open'], "unclosed_quote"),
        (7, ["+5", "d"], ""),
    ]


def test_f32_an_unclosed_quote_costs_its_own_line_and_no_other() -> None:
    found = rows(b'+1,a\n+2,"b\n+3,c\n' + b"+4,d\n" * 200)
    assert found[:3] == [(1, ["+1", "a"], ""), (2, ['+2,"b'], "unclosed_quote"), (3, ["+3", "c"], "")]
    assert len(found) == 203


def test_f32_an_unclosed_quote_does_not_swallow_the_quoted_row_behind_it() -> None:
    assert rows(b'+1,"a\n+2,"b, c"\n+3,d\n') == [
        (1, ['+1,"a'], "unclosed_quote"),
        (2, ["+2", "b, c"], ""),
        (3, ["+3", "d"], ""),
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'+1,"a"b', "bad_quotes"),
        (b"+1,a\0b", "nul_character"),
        (b'+1,"a\0b"', "nul_character"),
        (b"+1," + b"x" * MAX_ROW, "row_too_long"),
        (b'+1,"' + b"x" * MAX_ROW + b'"', "row_too_long"),
        (b"x" * 3_000_000, "row_too_long"),
        (b'"' * 300_001, "row_too_long"),
        (b'+1,"' + b"\n" * 350 + b'"', "unclosed_quote"),
    ],
    ids=[
        "text behind a quote",
        "nul",
        "quoted nul",
        "long",
        "long cell",
        "huge",
        "quotes only",
        "many lines",
    ],
)
def test_f32_a_poisoned_row_is_a_row_error_and_the_rows_behind_it_count(line: bytes, fault: str) -> None:
    data = b"+0,first\n" + line + b"\n+2,after\r\n+3,last"
    found = rows(data, 65_536)
    assert (found[0], found[1][0], found[1][2]) == ((1, ["+0", "first"], ""), 2, fault)
    behind = 3 + line.count(b"\n")
    assert found[-2:] == [(behind, ["+2", "after"], ""), (behind + 1, ["+3", "last"], "")]


def test_f32_a_row_of_300_columns_is_read_whole() -> None:
    assert rows(b"," * 299 + b"\n+2") == [(1, [""] * 300, ""), (2, ["+2"], "")]


def _written(row: list[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()


cells = st.lists(st.text('ab,"\n\r é;\\', max_size=6), min_size=1, max_size=4)


@given(table=st.lists(cells, max_size=12), size=st.sampled_from([1, 3, 0]))
def test_what_a_csv_writer_wrote_is_read_back_exactly(table: list[list[str]], size: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(table)
    found = rows(text.getvalue().encode(), size)
    assert [row for _, row, _ in found] == table
    assert not [fault for _, _, fault in found if fault]


@given(table=st.lists(cells, min_size=20, max_size=40), size=st.sampled_from([1, 50, 128, 1000]))
def test_rows_across_blocks_are_read_back_exactly(table: list[list[str]], size: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(table)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(csv_rows, "_BLOCK", 128)
        assert [row for _, row, _ in rows(text.getvalue().encode(), size)] == table


@given(data=st.text('+1a,"\n\r\0', max_size=60).map(str.encode), size=st.integers(1, 7))
def test_where_the_chunks_are_cut_never_matters(data: bytes, size: int) -> None:
    try:
        expected: Read | int = rows(data)
    except NotUtf8 as refused:
        expected = refused.line
    try:
        found: Read | int = rows(data, size)
    except NotUtf8 as refused:
        found = refused.line
    assert found == expected


@given(st.text('+1a,"\n\r', max_size=60))
def test_every_line_is_in_exactly_one_row(text: str) -> None:
    found = rows(text.encode())
    starts = [line for line, _, _ in found]
    assert starts == sorted(set(starts))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    spanned = sum(
        cell.replace("\r\n", "\n").replace("\r", "\n").count("\n") for _, row, _ in found for cell in row
    )
    assert len([line for line in lines if line]) <= len(found) + spanned


def test_f32_a_line_of_100_mb_is_one_row_error() -> None:
    chunks = [b"+1,a\n", *[b"x" * 1_000_000] * 100, b"\n+2,b\n"]
    found = [row for run in read(chunks) for row in run.odd.values()]
    assert [(row.line, len(row.cells[0]), row.fault) for row in found] == [
        (2, csv_rows.SHOWN, "row_too_long")
    ]
    assert [line for run in read(chunks) for line in run.lines if line] == ["+1\0a", "+2\0b"]


@given(
    st.lists(st.text('+1a,;"\n\r \0', max_size=12) | cells.map(_written), max_size=12).map("\n".join),
    st.sampled_from([",", ";"]),
)
def test_a_block_at_once_is_what_it_is_row_by_row(text: str, delimiter: str) -> None:
    at_once = rows(text.encode(), delimiter=delimiter)
    with pytest.MonkeyPatch.context() as slow:
        slow.setattr(csv_rows, "_at_once", lambda *_: None)
        assert rows(text.encode(), delimiter=delimiter) == at_once


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"+1\n  \n+2", [(1, ["+1"], ""), (2, ["  "], ""), (3, ["+2"], "")]),
        (b'+1\n"  "\n""\n+2', [(1, ["+1"], ""), (2, ["  "], ""), (3, [""], ""), (4, ["+2"], "")]),
        (b'"+1","1,50"\r\n"+2",",""x"""\r\n', [(1, ["+1", "1,50"], ""), (2, ["+2", ',"x"'], "")]),
        (b'+1,5" pipe\n+2,"""x"""', [(1, ["+1", '5" pipe'], ""), (2, ["+2", '"x"'], "")]),
    ],
    ids=["blank", "quoted and blank", "all quoted", "inch and quote"],
)
def test_quotes_are_read_away(data: bytes, expected: Read) -> None:
    assert rows(data) == expected


@pytest.mark.parametrize("encoding", ["iso2022_jp", "iso2022_kr"])
def test_text_that_shifts_into_another_character_set_is_refused(encoding: str) -> None:
    text = "+1,a\n+2," + ("東京" if encoding == "iso2022_jp" else "서울")
    with pytest.raises(EncodingUnsupported) as refused:
        rows(text.encode(encoding))
    assert refused.value.line == 2


def test_an_escape_character_alone_is_a_character() -> None:
    assert rows(b"+1,\x1b[1mAmy") == [(1, ["+1", "\x1b[1mAmy"], "")]

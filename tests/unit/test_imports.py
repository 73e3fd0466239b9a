"""Every row of a file ends in exactly one bucket, and the fast way says what the plain way says [D3]."""

import csv
import io
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain import import_codes
from kabar.domain.imports import PART_ROWS, PartRow, Totals, has_left, part_rows, part_text, validate
from kabar.domain.numbers import Numbers
from local import demo_data
from tests.unit.import_rig import Kept

HEADER = "kabar_line,kabar_code,kabar_reason"


def read(data: bytes | str, prefixes: dict[str, str] | None = None) -> tuple[Totals, Kept]:
    kept = Kept()
    content = data if isinstance(data, bytes) else data.encode()
    return validate([content], Numbers(prefixes or {}), kept), kept


def buckets(totals: Totals) -> tuple[int, int, int, int]:
    assert totals.rows_read == totals.accepted + totals.corrected + totals.duplicates + totals.rejected
    return totals.accepted, totals.corrected, totals.duplicates, totals.rejected


def test_the_sources_sample_is_accepted_as_it_is() -> None:
    totals, kept = read("+64211234567,Amy,Scott,12 Nov,$159.62,0800123456")
    assert buckets(totals) == (1, 0, 0, 0)
    assert kept.rows == [("+64211234567", ["Amy", "Scott", "12 Nov", "$159.62", "0800123456"], 0)]


def test_each_row_is_in_the_first_bucket_that_applies() -> None:
    totals, kept = read(
        "+64211234567,first\n"
        "64 211 234 567,the same\n"  # corrected and duplicate: duplicate
        "+64211234567,a,b,c,d,e,f,g\n"  # duplicate and rejected: rejected
        "64 211 234 568,new\n"
        "+64211234568,the same again\n",
    )
    assert buckets(totals) == (1, 1, 2, 1)
    assert [row[:2] for row in kept.rows] == [("+64211234567", ["first"]), ("+64211234568", ["new"])]
    assert kept.report("duplicates") == [
        ["2", "duplicate", "The same number as in line 1.", "64 211 234 567", "the same"],
        ["5", "duplicate", "The same number as in line 4.", "+64211234568", "the same again"],
    ]
    assert [row[:2] for row in kept.report("rejected")] == [["3", "too_many_columns"]]


def test_a_rejected_row_is_nobodys_first() -> None:
    totals, _ = read(f"+64211234567,{'x' * 51}\n+64211234567,ok\n")
    assert buckets(totals) == (1, 0, 0, 1)


def test_f38_the_same_number_in_five_notations_is_one_recipient() -> None:
    cells = ["+6421555666", "021555666", "64 21 555 666", '"=""+6421555666"""', "+٦٤٢١٥٥٥٦٦٦"]
    totals, _ = read("\n".join(cells), {"021": "6421"})
    assert buckets(totals) == (1, 0, 4, 0)


def test_f42_six_params_of_fifty_characters_are_the_most() -> None:
    full = "ğ" * 50
    line = ",".join(["+64211234567", *[full] * 6])
    totals, kept = read(line)
    assert buckets(totals) == (1, 0, 0, 0)
    assert kept.rows[0][1] == [full] * 6
    assert read(line + ",")[0].codes == {"too_many_columns": 1}
    assert read(line + "ğ")[0].codes == {"param_too_long": 1}


@pytest.mark.parametrize("quote", ["", '"'], ids=["plain", "quoted"])
def test_params_are_kept_exactly(quote: str) -> None:
    params = ["", "  two ", "\\t", "\t", "%%2%%", ""]
    _, kept = read("+64211234567," + ",".join(f"{quote}{param}{quote}" for param in params))
    assert kept.rows == [("+64211234567", params, 0)]


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        ("mobile,name", True),
        ('"Cep telefonu","Ad"', True),
        ("Nomor HP", True),
        ("Phone 1,Name", True),
        ("رقم,اسم", True),
        ("+614xxxxxxxx,Amy", False),
        ("+64211234567,name", False),
        (",name", False),
        ("12345;6789", False),
    ],
)
def test_a_header_row_is_recognised_skipped_and_reported(first: str, is_header: bool) -> None:
    totals, _ = read(f"\ufeff\n{first}\n+64211111111,a\n")
    assert bool(totals.header) == is_header
    assert totals.rows_read == (1 if is_header else 2)


def test_words_below_the_first_row_are_no_header() -> None:
    totals, _ = read("mobile\nmobile\n")
    assert (totals.rows_read, totals.codes) == (1, {"letters": 1})


def test_blank_lines_are_no_rows_and_lines_count_as_in_the_file() -> None:
    totals, kept = read("\n  \n+64211111111\r\n\r\n\t\n+64211111112\n,,\n")
    assert buckets(totals) == (2, 0, 0, 1)
    assert [row[0] for row in kept.rows] == ["+64211111111", "+64211111112"]
    assert kept.report("rejected")[0][:2] == ["7", "number_missing"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "no_rows"),
        ("\n\n", "no_rows"),
        ("mobile,name\n", "no_rows"),
        ("mobile\n+1\n", "no_valid_rows"),
        ("+64211111111", ""),
    ],
)
def test_f31_a_file_that_leaves_nothing_to_import_says_so(data: str, problem: str) -> None:
    assert read(data)[0].problem == problem


def test_a_rejected_row_tells_line_code_column_reason_and_what_it_was() -> None:
    _, kept = read('mobile,name\n+64211111111,a\n+614xxxxxxxx,"b, c"\n+6421,"open\n')
    assert kept.report("rejected") == [
        [
            "3",
            "letters",
            "Column 1: The number contains letters. Write it in digits. ('x')",
            "+614xxxxxxxx",
            "b, c",
        ],
        ["4", "unclosed_quote", "A quote is opened and not closed. Close or remove it.", '+6421,"open'],
    ]
    assert kept.rejected.getvalue().startswith(f"{HEADER},mobile,name\r\n")


def test_the_rejected_rows_file_imports_again_once_corrected() -> None:
    _, kept = read('+64211111111\n+6421x,"b, c",\n+64 21,d\n')
    corrected = kept.rejected.getvalue().replace("+6421x", "+64212222222").replace("+64 21", "64213333333")
    totals, again = read(corrected)
    assert buckets(totals) == (1, 1, 0, 0)
    assert [row[:2] for row in again.rows] == [("+64212222222", ["b, c", ""]), ("+64213333333", ["d"])]


def test_an_uncorrected_rejected_rows_file_is_rejected_again_row_by_row() -> None:
    first, kept = read("+6421x\n+64\n" + '+1,"a"b\n' + "+1,a,b,c,d,e,f,g\n")
    totals, again = read(kept.rejected.getvalue())
    assert (totals.rows_read, totals.rejected) == (4, first.rejected)
    assert [row[3:] for row in again.report("rejected")] == [row[3:] for row in kept.report("rejected")]


def test_parts_are_bounded_and_in_the_files_order() -> None:
    count = 2 * PART_ROWS + 1
    totals, kept = read("".join(f"+642{n:08d},{n}\n" for n in range(count)))
    assert [len(part) for part in kept.parts] == [PART_ROWS, PART_ROWS, 1]
    assert [row[1] for row in kept.rows] == [[str(n)] for n in range(count)]
    assert totals.parts == 3


@given(
    st.lists(
        st.tuples(
            st.just("+64211234567"),
            st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"))),
            st.integers(0, 31),
        )
    )
)
def test_a_part_is_read_as_it_was_written(rows: list[PartRow]) -> None:
    assert part_rows(part_text(rows)) == rows


def test_what_was_changed_is_counted_by_kind() -> None:
    totals, _ = read("021 555 666\n'+64211111111\n", {"021": "6421"})
    assert totals.changes == {"separators_removed": 1, "prefix_mapped": 1, "plus_added": 1, "unwrapped": 1}


@pytest.mark.parametrize("language", import_codes.LANGUAGES)
def test_every_code_has_a_sentence_and_a_fix_in_every_language(language: str) -> None:
    named = {value for name, value in vars(import_codes).items() if name.isupper() and isinstance(value, str)}
    told, english = import_codes.messages(language), import_codes.messages()
    assert named == set(told.rows) | set(told.imports)
    assert (set(told.rows), set(told.imports)) == (set(english.rows), set(english.imports))
    assert all(each.sentence and each.fix for each in [*told.rows.values(), *told.imports.values()])
    for name, phrase in english.phrases.items():
        assert ("{line}" in told.phrases[name], "{column}" in told.phrases[name]) == (
            "{line}" in phrase,
            "{column}" in phrase,
        )
        assert not set(told.phrases[name]) & set(',"')  # they stand unquoted in CSV


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("tr", "tr"),
        ("tr-TR,tr;q=0.9,en;q=0.8", "tr"),
        ("de, id;q=0.5, tr;q=0.4", "id"),
        ("fr", "en"),
        ("en;q=0.1, tr;q=0", "en"),
        ("tr;q=x", "en"),
    ],
)
def test_the_language_is_the_one_liked_best_of_those_known(header: str, language: str) -> None:
    assert import_codes.language_of(header) == language


def test_reasons_are_told_in_the_workspaces_language() -> None:
    kept = Kept()
    validate([b"+64211111111\n+6421x\n+64211111111\n"], Numbers({}), kept, language="tr")
    assert kept.report("rejected")[0][2] == "1. sütun: Numarada harf var. Numarayı rakamlarla yazın. ('x')"
    assert kept.report("duplicates")[0][2] == "1. satırdakiyle aynı numara."


@pytest.mark.parametrize(
    ("standing", "left"),
    [
        (None, False),
        ({}, False),
        ({"lists": {}}, False),
        ({"lists": {"7": {"at": 1}}}, True),
        ({"blacklisted": {"at": 1}}, True),
        ({"everything": {"at": 1}}, True),
    ],
)
def test_whoever_left_an_earlier_campaign_is_dropped(standing: dict[str, Any] | None, left: bool) -> None:
    assert has_left(standing) == left


def test_the_demos_answers_are_the_importers() -> None:
    rows = demo_data.rows(1500)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([demo_data.HEADER, *(cells for cells, _ in rows)])
    totals, _ = read(text.getvalue(), demo_data.PREFIX_MAP)
    found = dict(zip(("accepted", "corrected", "duplicates", "rejected"), buckets(totals), strict=True))
    assert found == {name: sum(bucket == name for _, bucket in rows) for name in found}


# ---- the fast way against the plain way ------------------------------------------------------------------

PIECES = [
    "+64211111111",
    "64 21-111 1112",
    "0211111113",
    "٢",
    "x",
    ";",
    "'",
    '="+64211111114"',
    "",
    " ",
    "a" * 51,
    "é\\",
    "\t",
    '"',
    '""',
]


def _plainly(text: str, prefixes: dict[str, str]) -> list[tuple[int, str, list[str], str]]:
    """(line, mobile, params, bucket) of every line, for files without quotes and headers."""
    numbers, seen, found = Numbers(prefixes), set[str](), []
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        cells = content.split(",")
        number = numbers.clean(cells[0])
        bad = len(cells) > 7 or any(len(cell) > 50 for cell in cells[1:]) or number.code
        if bad:
            bucket = "rejected"
        elif number.mobile in seen:
            bucket = "duplicate"
        else:
            seen.add(number.mobile)
            bucket = "corrected" if number.changes else "accepted"
        found.append((line, number.mobile, cells[1:], bucket))
    return found


lines_without_quotes = st.lists(
    st.lists(st.sampled_from([piece for piece in PIECES if '"' not in piece]), max_size=8).map(",".join),
    max_size=25,
)


@given(lines_without_quotes)
def test_the_fast_way_says_what_the_plain_way_says(lines: list[str]) -> None:
    text = "+64299999999\n" + "\n".join(lines)
    expected = _plainly(text, {"021": "6421"})
    totals, kept = read(text, {"021": "6421"})
    assert [(*row[:2], "corrected" if row[2] else "accepted") for row in kept.rows] == [
        each[1:] for each in expected if each[3] in {"accepted", "corrected"}
    ]
    assert [int(row[0]) for row in kept.report("duplicates")] == [
        e[0] for e in expected if e[3] == "duplicate"
    ]
    assert [int(row[0]) for row in kept.report("rejected")] == [e[0] for e in expected if e[3] == "rejected"]
    assert totals.rows_read == len(expected)


@given(st.lists(st.lists(st.sampled_from([*PIECES, "\n", "\r\n"]), max_size=8).map(",".join), max_size=25))
def test_any_file_adds_up(lines: list[str]) -> None:
    totals, kept = read("\n".join(lines), {"021": "6421"})
    imported, _, duplicates, rejected = buckets(totals)
    assert imported + totals.corrected == len(kept.rows)
    assert duplicates == len(kept.report("duplicates"))
    assert rejected == len(kept.report("rejected")) == sum(totals.codes.values())
    told = [int(row[0]) for row in [*kept.report("duplicates"), *kept.report("rejected")]]
    assert len(set(told)) + len(kept.rows) == totals.rows_read


@given(lines_without_quotes)
def test_quoted_cells_say_what_plain_cells_say(lines: list[str]) -> None:
    """A quoted line takes the way of single rows, a plain one that of columns."""
    rows = [line.split(",") for line in ["+64299999999", *lines] if line.strip()]
    quoted = "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    (plain_totals, plain), (totals, kept) = (
        read(text, {"021": "6421"}) for text in ("\n".join(map(",".join, rows)), quoted)
    )
    assert (totals, kept.rows) == (plain_totals, plain.rows)
    for which in ("rejected", "duplicates"):
        assert kept.report(which) == plain.report(which)


def test_a_large_noisy_file_is_read_the_same_in_any_chunks() -> None:
    dice = random.Random(4)  # noqa: S311  # seeded on purpose
    text = "\n".join(
        ",".join(dice.choices(PIECES[:11], k=dice.randrange(1, 9))) for _ in range(20_000)
    ).encode()
    whole = read(text)
    kept = Kept()
    totals = validate((text[at : at + 1000] for at in range(0, len(text), 1000)), Numbers({}), kept)
    assert (totals, kept.rows) == (whole[0], whole[1].rows)
    assert kept.report("rejected") == whole[1].report("rejected")


def test_two_numbers_written_five_thousand_times_each_are_two_members() -> None:
    totals, kept = read("+64211234567,Amy\n" * 5000 + "64 21 999 8888,Bob\n" * 5000)
    assert buckets(totals) == (1, 1, 9998, 0)
    assert [row[0] for row in kept.rows] == ["+64211234567", "+64219998888"]
    assert kept.report("duplicates")[-1][:3] == ["10000", "duplicate", "The same number as in line 5001."]

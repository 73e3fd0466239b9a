"""Files made from rows, in any dialect, against an answer worked out cell by cell from the rules [B1]-[B5] [D3]."""

import csv
import io
import re
from collections import Counter
from typing import Literal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kabar.domain.imports import validate
from kabar.domain.numbers import Numbers
from tests.unit.import_rig import Kept

PREFIXES = {"0": "90", "021": "6421"}
_SPACES = " \t\u00a0\u2009\u202f\u3000"
_LEFT_OUT = set(_SPACES + "\u200b\u200c\u200d\ufeff-.()/")


def mobile_of(cell: str) -> tuple[str, bool]:
    """(the mobile or "", whether it stood there like that), as a careful person reads it."""
    text = cell.strip()
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        text = text[2:-1].strip()
    text = text.removeprefix("'").strip() if text.startswith("'") else text
    left = "".join(char for char in text if char not in _LEFT_OUT)
    plus = left.startswith("+") and text.strip(_SPACES + "\u200b\u200c\u200d\ufeff").startswith("+")
    digits = left.removeprefix("+") if plus else left
    if not re.fullmatch("[0-9]+", digits):
        return "", False
    if not plus:
        longest = max((prefix for prefix in PREFIXES if digits.startswith(prefix)), key=len, default="")
        digits = PREFIXES.get(longest, "") + digits[len(longest) :]
    mobile = f"+{digits}"
    return (mobile if re.fullmatch(r"\+[1-9][0-9]{6,13}", mobile) else ""), mobile == cell.strip()


def answers(rows: list[list[str]]) -> tuple[Counter[str], list[tuple[str, list[str]]]]:
    """(how many rows are in each bucket, the members that an import makes)."""
    buckets: Counter[str] = Counter()
    members: dict[str, list[str]] = {}
    for cell, *params in rows:
        mobile, as_it_was = mobile_of(cell)
        if not mobile or len(params) > 6 or any(len(param) > 50 for param in params):
            buckets["rejected"] += 1
        elif mobile in members:
            buckets["duplicates"] += 1
        else:
            buckets["accepted" if as_it_was else "corrected"] += 1
            members[mobile] = params
    return buckets, list(members.items())


digits = st.text("0123456789", min_size=5, max_size=15)
grouped = st.builds(
    lambda number, at, between: number[:at] + between + number[at:],
    digits,
    st.integers(1, 5),
    st.sampled_from(["", " ", "-", ".", "\u00a0", "(", "/", "x", ";", "E+"]),
)
few = st.sampled_from(["64211234567", "64211234568", "0211234567", "021 123 4567"])
numbers = st.builds(
    lambda before, number, behind: f"{before}{number}{behind}",
    st.sampled_from(["+", "+", "", "'", "'+", " +", '="+']),
    few | grouped | digits,
    st.sampled_from(["", "", "", " ", "\u00a0", '"']),
)
params = st.lists(st.text("aşİ ,;|\"'=+1\n", max_size=8) | st.just("x" * 51), max_size=7)
rows_of = st.lists(st.builds(lambda number, rest: [number, *rest], numbers, params), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    rows_of,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
@example([["+64211234567"]] * 3, ",", "\n", False, False)
@example([["+64211234567", "\n1\n"]], ";", "\n", False, False)
def test_every_row_is_where_a_careful_person_puts_it(
    rows: list[list[str]], delimiter: str, end: str, everything_quoted: bool, marked: bool
) -> None:
    # a first row of numbers settles which delimiter it is, and that there is no header
    rows = [
        ["+64219999990", "first", "row"],
        *(row if len(row) > 1 or delimiter == "," else [*row, ""] for row in rows),
    ]
    text = io.StringIO(newline="")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if everything_quoted else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    content = text.getvalue().encode("utf-8-sig" if marked else "utf-8")
    kept = Kept()
    totals = validate([content], Numbers(PREFIXES), kept)
    buckets, members = answers(rows)
    assert totals.rows_read == len(rows)
    found = Counter(
        accepted=totals.accepted,
        corrected=totals.corrected,
        duplicates=totals.duplicates,
        rejected=totals.rejected,
    )
    assert found == buckets
    assert [(mobile, cells) for mobile, cells, _ in kept.rows] == members

"""Which rows are duplicates, and of which line, in memory that doesn't grow with the file [D3]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain import duplicates
from kabar.domain.duplicates import Duplicates
from kabar.domain.imports import validate
from kabar.domain.numbers import Numbers
from tests.unit.import_rig import Kept

FIRST, SECOND = "+64211234567", "+905321234567"


@pytest.fixture(params=[10**9, 0, 3], ids=["few numbers", "many numbers", "few become many"])
def _few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "FEW", request.param)


@pytest.mark.usefixtures("_few")
@pytest.mark.parametrize("turns", ["by halves", "by turns"])
def test_two_numbers_5000_times_each_are_two_recipients_and_9998_explained_duplicates(turns: str) -> None:
    lines = [FIRST] * 5_000 + [SECOND] * 5_000 if turns == "by halves" else [FIRST, SECOND] * 5_000
    kept = Kept()
    totals = validate(["\n".join(lines).encode()], Numbers({}), kept)
    assert (totals.rows_read, totals.accepted, totals.duplicates) == (10_000, 2, 9_998)
    assert [mobile for mobile, _, _ in kept.rows] == [FIRST, SECOND]
    begins = {mobile: lines.index(mobile) + 1 for mobile in (FIRST, SECOND)}
    assert kept.report("duplicates") == [
        [str(line), "duplicate", f"The same number as in line {begins[mobile]}.", mobile]
        for line, mobile in enumerate(lines, 1)
        if line != begins[mobile]
    ]


@given(
    st.lists(st.lists(st.integers(10**6, 10**6 + 20) | st.integers(10**6, 10**15 - 1), max_size=8)),
    st.integers(0, 12),
)
def test_every_repeat_is_found_with_the_line_of_the_first(batches: list[list[int]], few: int) -> None:
    numbers = [number for batch in batches for number in batch]
    wanted = [
        (3 * at, 3 * numbers.index(number), f"row\r\n{at}, ş")
        for at, number in enumerate(numbers, 1)
        if numbers.index(number) < at - 1
    ]
    found, at = [], 0
    with pytest.MonkeyPatch.context() as patch, Duplicates() as held:
        patch.setattr(duplicates, "FEW", few)
        for batch in batches:
            lines = [3 * line for line in range(at + 1, at + len(batch) + 1)]
            for place in held.repeats(batch, lines):
                held.keep(batch[place], lines[place], f"row\r\n{at + place + 1}, ş")
            at += len(batch)
        found = list(held.kept())
    assert found == [(line, first + 3, row) for line, first, row in wanted]

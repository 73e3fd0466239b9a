"""A split keeps every row once, in order, and gives each list its own parts [D7]."""

from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.imports import PART_ROWS, PartRow
from kabar.domain.splits import MAX_LISTS, NAME_SUFFIX, names, part_count, parts_per_list, recut, sizes


@given(st.integers(0, 12_000), st.integers(1, 9_000), st.integers(1, PART_ROWS))
def test_rows_go_to_lists_in_their_order_and_no_part_belongs_to_two(
    rows: int, records: int, cut: int
) -> None:
    records = max(records, rows // MAX_LISTS + 1)
    file: list[PartRow] = [(f"+{n}", [], 0) for n in range(rows)]
    parts = [*recut((file[at : at + cut] for at in range(0, rows, cut)), records)]
    planned = sizes(rows, records)
    assert [row for part in parts for row in part] == file
    assert all(len(part) <= PART_ROWS for part in parts)
    assert len(parts) == part_count([{"records": size} for size in planned])
    lists = [0] * len(planned)
    for number, part in enumerate(parts, 1):
        lists[(number - 1) // parts_per_list(records)] += len(part)
    assert lists == planned
    assert sum(planned) == rows


def test_a_name_says_which_of_how_many() -> None:
    assert names("Gym", 2) == ["Gym (1/2)", "Gym (2/2)"]
    assert max(map(len, names("", MAX_LISTS))) == NAME_SUFFIX

"""docs/imports.md says what the code does: codes, changes, limits [D2] [D3]."""

from pathlib import Path

import pytest

from kabar.domain import import_codes as codes
from kabar.domain import splits, xlsx_rows
from kabar.domain.numbers import CHANGES
from kabar.storage.import_files import MAX_FILE

TEXT = (Path(__file__).parents[2] / "docs" / "imports.md").read_text(encoding="utf-8")
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("code", sorted({*codes.ROWS, *codes.IMPORTS} - {codes.DUPLICATE}))
def test_every_code_stands_with_its_sentence_and_what_to_do(code: str) -> None:
    english = codes.messages("en")
    told = english.imports.get(code)
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{code}` |")]
    said = f"{told.sentence} {told.fix}" if told else english.rows[code]
    assert row == f"| `{code}` | {said} |"


@pytest.mark.parametrize("change", CHANGES.values())
def test_every_change_of_a_number_is_named(change: str) -> None:
    assert f"`{change}`" in TEXT


def test_limits_are_those_of_the_code() -> None:
    for limit in (
        f"up to {xlsx_rows.MAX_ROWS:,} rows and {xlsx_rows.MAX_FILE // MEGABYTE} MB",
        f"more than {xlsx_rows.MAX_UNPACKED // MEGABYTE} MB or {xlsx_rows.MAX_RATIO} times its size",
        f"more than {xlsx_rows.MAX_CELLS:,} cells",
        f"Up to {MAX_FILE // MEGABYTE // 1024} GB as a drop",
        f"up to {splits.MAX_LISTS} lists",
    ):
        assert limit in TEXT

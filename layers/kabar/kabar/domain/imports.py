"""Every row of a file into exactly one bucket, and the rows to load in parts [D3].

The order of the buckets is: rejected, then duplicate, then (see `has_left`) opted out, then corrected. One row
goes through `_Validation.row`, the reference; a run of plain lines goes through `_Validation.run`, which says
the same faster and is held against it by a test. Speed is bought there in three ways: one pattern decides
whether a number is clean, cells are only cut where a length demands it, and a row becomes JSON as text.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, TextIO

from kabar.domain import import_codes as codes
from kabar.domain.csv_rows import Row, Run, read
from kabar.domain.numbers import Number, Numbers, change_names

MAX_PARAMS = 6
MAX_PARAM = 50  # characters [C2]
PART_ROWS = 2_500  # a part is the unit of retry: 100 BatchWrites
REPORT_COLUMNS = ["kabar_line", "kabar_code", "kabar_reason"]

_COMMA, _BETWEEN = ",", '","'  # between params in a line, and in JSON

PartRow = tuple[int, str, list[str], int]
"""(line, mobile, params, changes as flags, 0 when accepted as it was)"""


class Output(Protocol):
    """Where validation puts what it finds."""

    @property
    def rejected(self) -> TextIO:
        """The file of rejected rows."""

    @property
    def duplicates(self) -> TextIO:
        """The file of duplicates, each with the line that came first."""

    def part(self, number: int, rows: str) -> None:
        """Keep one part, counted from 1: a JSON array of PartRow."""

    def progress(self, totals: "Totals") -> None:
        """See how far it is; called often."""


@dataclass
class Totals:
    """How many rows are where. `header` holds the cells of a header row."""

    accepted: int = 0
    by_change: Counter[int] = field(default_factory=Counter)
    duplicates: int = 0
    rejected: int = 0
    parts: int = 0
    header: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def corrected(self) -> int:
        return sum(self.by_change.values())

    @property
    def changes(self) -> Counter[str]:
        """How often each thing was changed; a number may need several."""
        counts: Counter[str] = Counter()
        for flags, count in self.by_change.items():
            for name in change_names(flags):
                counts[name] += count
        return counts

    @property
    def rows_read(self) -> int:
        return self.accepted + self.corrected + self.duplicates + self.rejected

    @property
    def problem(self) -> str:
        """The code of a file that leaves nothing to import, or ''."""
        if not self.rows_read:
            return codes.NO_ROWS
        return "" if self.accepted + self.corrected else codes.NO_VALID_ROWS


def validate(chunks: Iterable[bytes], numbers: Numbers, output: Output) -> Totals:
    """Read a whole file. Raises EncodingUnsupported; then nothing that was put out counts."""
    validation = _Validation(numbers, output)
    for found in read(chunks):
        if isinstance(found, Run):
            validation.run(found)
        else:
            validation.row(found)
        output.progress(validation.totals)
    validation.finish()
    return validation.totals


def has_left(standing: Mapping[str, Any] | None) -> bool:
    """Whether an import with `remove_opt_outs` drops this number: blacklisted, or out of any list [D4] [I4]."""
    return bool(standing and any(standing.get(mark) for mark in ("blacklisted", "everything", "lists")))


class _Validation:
    """The state of one reading: what was seen, and the part being filled."""

    def __init__(self, numbers: Numbers, output: Output) -> None:
        self.totals = Totals()
        self._numbers = numbers
        self._output = output
        self._seen: dict[int, int] = {}  # digits -> line of the first; all that grows with the file
        self._part: list[str] = []
        self._begun = False  # the first row was looked at: header or not
        self._ours = 0  # leading columns that our own report put there
        self._reports: dict[str, Any] = {}

    def run(self, run: Run) -> None:
        """Plain lines: as `row` for each, faster."""
        lines, slow = run.lines, 0
        while slow < len(lines) and (not self._begun or self._ours or not run.simple):
            self._plain_line(run.line + slow, lines[slow])
            slow += 1
        self._simple_lines(run.line + slow, lines[slow:] if slow else lines)

    def _simple_lines(self, start: int, lines: list[str]) -> None:
        is_clean, clean, first_line = self._numbers.is_clean, self._numbers.clean, self._seen.setdefault
        part, changed = self._part, self.totals.by_change
        before, corrected = len(part), 0
        for at, line in enumerate(lines, start):
            mobile, comma, params = line.partition(",")
            changes = 0
            if not is_clean(mobile):
                number = clean(mobile)
                mobile, changes, code, _ = number
                if code:
                    if line.strip():  # a blank line is no row
                        self._refuse(at, line.split(","), number)
                    continue
            if params.count(",") >= MAX_PARAMS or (
                len(params) > MAX_PARAM and max(map(len, params.split(","))) > MAX_PARAM
            ):
                self._plain_line(at, line)
                continue
            first = first_line(int(mobile), at)
            if first != at:
                self._duplicate(at, first, line.split(","))
                continue
            if changes:
                changed[changes] += 1
                corrected += 1
            if comma:
                part.append(f'[{at},"{mobile}",["{params.replace(_COMMA, _BETWEEN)}"],{changes}]')
            else:
                part.append(f'[{at},"{mobile}",[],{changes}]')
        self.totals.accepted += len(part) - before - corrected
        self._close_full_parts()

    def _plain_line(self, at: int, line: str) -> None:
        if line.strip():  # a blank line is no row
            self.row(Row(at, line.split(","), ""))

    def row(self, row: Row) -> None:
        """One row, by the rules as they are written."""
        cells = row.cells
        if not self._begun:
            self._begun = True
            if self._is_header(row):
                return
        if not row.fault:
            cells = cells[self._ours :]
        cell = cells[0] if cells else ""
        if row.fault:
            self._reject(row.line, cells, row.fault)
            return
        number = self._numbers.clean(cell)
        if number.code or _fault(cells)[0]:
            self._refuse(row.line, cells, number)
            return
        first = self._seen.setdefault(int(number.mobile), row.line)
        if first != row.line:
            self._duplicate(row.line, first, cells)
            return
        self._part.append(
            json.dumps([row.line, number.mobile, cells[1:], number.changes], ensure_ascii=False)
        )
        if number.changes:
            self.totals.by_change[number.changes] += 1
        else:
            self.totals.accepted += 1
        self._close_full_parts()

    def finish(self) -> None:
        """Keep what is left."""
        if self._part:
            self._close_part()

    def _is_header(self, row: Row) -> bool:
        """A first row whose first cell is words: it holds a letter and not 3 digits, `Phone 1` say."""
        if row.fault:
            return False
        if row.cells[: len(REPORT_COLUMNS)] == REPORT_COLUMNS:
            self._ours = len(REPORT_COLUMNS)
            self.totals.header = row.cells[self._ours :]
            return True
        cell = row.cells[0]
        if any(map(str.isalpha, cell)) and sum(map(str.isdigit, cell)) < 3:
            self.totals.header = row.cells
            return True
        return False

    def _refuse(self, line: int, cells: list[str], number: Number) -> None:
        """Reject a row for its columns, else for its number."""
        code, column = _fault(cells)
        if code:
            self._reject(line, cells, code, column)
        else:
            self._reject(line, cells, number.code, 1, number.detail)

    def _reject(self, line: int, cells: list[str], code: str, column: int = 0, detail: str = "") -> None:
        self.totals.rejected += 1
        self.totals.codes[code] += 1
        self._report("rejected", [line, code, _reason(code, column, detail), *cells])

    def _duplicate(self, line: int, first: int, cells: list[str]) -> None:
        self.totals.duplicates += 1
        self._report("duplicates", [line, codes.DUPLICATE, f"The same number as in line {first}.", *cells])

    def _report(self, which: str, cells: list[Any]) -> None:
        if which not in self._reports:
            # CRLF, so that the csv module quotes a cell with either
            self._reports[which] = csv.writer(getattr(self._output, which), lineterminator="\r\n")
            self._reports[which].writerow([*REPORT_COLUMNS, *self.totals.header])
        self._reports[which].writerow(cells)

    def _close_full_parts(self) -> None:
        while len(self._part) >= PART_ROWS:
            self._close_part()

    def _close_part(self) -> None:
        self.totals.parts += 1
        self._output.part(self.totals.parts, "[" + ",\n".join(self._part[:PART_ROWS]) + "]")
        del self._part[:PART_ROWS]


@lru_cache(maxsize=256)
def _reason(code: str, column: int, detail: str) -> str:
    place = f"Column {column}: " if column else ""
    name = f" ({detail!r})" if detail else ""
    return f"{place}{codes.ROWS[code]}{name}"


def _fault(cells: list[str]) -> tuple[str, int]:
    """(code, column) of what is wrong with the columns, ("", 0) when nothing is [C2]."""
    if len(cells) > MAX_PARAMS + 1:
        return codes.TOO_MANY_COLUMNS, MAX_PARAMS + 2
    for column, cell in enumerate(cells[1:], 2):
        if len(cell) > MAX_PARAM:
            return codes.PARAM_TOO_LONG, column
    return "", 0

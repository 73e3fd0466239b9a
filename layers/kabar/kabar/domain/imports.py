"""Every row of a file into exactly one bucket, and the rows to load in parts [D3].

The order of the buckets is: rejected, then duplicate, then (see `has_left`) opted out, then corrected. One row
goes through `_Validation.row`, the reference; a run of plain lines goes through `_Validation.run`, which says
the same faster and is held against it by a test. Speed is bought by columns: one pattern over all lines decides
which are clean, one translation cleans most others, and a clean line goes into its part as it stands.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain, compress
from typing import Any, Protocol, TextIO

from kabar.domain import import_codes as codes
from kabar.domain import list_csv
from kabar.domain.csv_rows import BETWEEN, Row, Run, read
from kabar.domain.delimiters import SAMPLE_BYTES, delimiter_of
from kabar.domain.duplicates import Duplicates
from kabar.domain.encodings import as_utf8
from kabar.domain.numbers import CHANGES, Numbers, change_names

MAX_PARAMS = 6
MAX_PARAM = 50  # characters [C2]
PART_ROWS = 2_500  # a part is the unit of retry: 100 BatchWrites
_QUOTED_PARAM = BETWEEN + "'"
_LINE_END = f"{BETWEEN}\n{BETWEEN}"  # a cell for the end of a line: so one character ends every cell
_PARAMS = rf"(?:{BETWEEN}(?!\n)[^{BETWEEN}]{{0,{MAX_PARAM}}}+){{0,{MAX_PARAMS}}}+"
_FLAGS = ["", *map(str, range(1, 2 * max(CHANGES)))]
REPORT_COLUMNS = ["kabar_line", "kabar_code", "kabar_reason"]

PartRow = tuple[str, list[str], int]
"""(mobile, params, changes as flags, 0 when accepted as it was; above them when the number left the list)"""

_LEFT_BITS = 8  # more than there are flags


class Output(Protocol):
    """Where validation puts what it finds."""

    @property
    def rejected(self) -> TextIO:
        """The file of rejected rows."""

    @property
    def duplicates(self) -> TextIO:
        """The file of duplicates, each with the line that came first."""

    def part(self, number: int, rows: str) -> None:
        """Keep one part, counted from 1, as `part_rows` reads it."""

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


def validate(
    chunks: Iterable[bytes], numbers: Numbers, output: Output, encoding: str = "", language: str = "en"
) -> Totals:
    """Read a whole CSV file, in the `encoding` a person chose; reasons are told in `language`.

    Raises EncodingUnsupported and FileRefused; then nothing that was put out counts.
    """
    text = as_utf8(chunks, encoding)
    sample = b""
    for chunk in text:
        sample += chunk
        if len(sample) >= SAMPLE_BYTES:
            break
    delimiter = delimiter_of(sample[:SAMPLE_BYTES], lambda cell: not numbers.clean(cell).code)
    return validate_runs(read(chain((sample,), text), delimiter), numbers, output, language)


def validate_runs(runs: Iterable[Run], numbers: Numbers, output: Output, language: str = "en") -> Totals:
    """Read all rows of a file, wherever they come from."""
    with Duplicates() as duplicates:
        validation = _Validation(numbers, output, language, duplicates)
        for run in runs:
            validation.run(run)
            output.progress(validation.totals)
        validation.finish()
    return validation.totals


def part_rows(part: str) -> list[PartRow]:
    """The rows of a part: the mobile, behind its changes if there are any, and the params.

    A part is CSV with BETWEEN for its commas.
    """
    rows = []
    for cell, *params in csv.reader(io.StringIO(part, newline=""), delimiter=BETWEEN, strict=True):
        changes, plus, digits = cell.partition("+")
        rows.append((plus + digits, params, int(changes or 0)))
    return rows


def part_text(rows: Iterable[PartRow]) -> str:
    """A part of these rows, as `part_rows` reads it."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=BETWEEN, lineterminator="\r\n").writerows(
        [f"{changes or ''}{mobile}", *params] for mobile, params, changes in rows
    )
    return text.getvalue()


def with_left(row: PartRow, at: int) -> PartRow:
    """The row of a number that left its list at that time, in ms, and is to be loaded all the same."""
    mobile, params, changes = row
    return mobile, params, at << _LEFT_BITS | changes


def left_at(row: PartRow) -> int | None:
    """When the number left its list, as far as `with_left` told."""
    return row[2] >> _LEFT_BITS or None


def has_left(standing: Mapping[str, Any] | None) -> bool:
    """Whether an import with `remove_opt_outs` drops this number: blacklisted, or out of any list [D4] [I4]."""
    return bool(standing and any(standing.get(mark) for mark in ("blacklisted", "everything", "lists")))


def _finder(pattern: str) -> Callable[[list[str]], list[Any]]:
    """What the groups of a pattern hold in each line of a run; nothing where it doesn't match a line as a whole."""
    find = re.compile(rf"(?:{pattern}{BETWEEN}|[^\n]*)\n{BETWEEN}").findall
    return lambda lines: find(_LINE_END.join([*lines, ""]))


_apart = _finder(rf"([^{BETWEEN}\n]*+)({_PARAMS})")


class _Validation:
    """The state of one reading: what was seen, and the part being filled."""

    def __init__(self, numbers: Numbers, output: Output, language: str, duplicates: Duplicates) -> None:
        self.totals = Totals()
        self._numbers = numbers
        self._refused = numbers.refused
        self._good = _finder(rf"({numbers.pattern}){_PARAMS}")
        self._output = output
        self._language = language
        self._seen = duplicates
        self._part: list[str] = []
        self._begun = False  # the first row was looked at: header or not
        self._ours = 0  # leading columns that our own report put there
        self._quoted = False  # a download of a list: its params are behind apostrophes where they need it
        self._reports: dict[str, Callable[[str], int]] = {}

    def run(self, run: Run) -> None:
        """Consecutive lines: as `row` for each, faster."""
        taken = 0
        while taken < len(run.lines) and (self._ours or not self._begun):
            at, line = run.line + taken, run.lines[taken]
            if at in run.odd:
                self.row(run.odd[at])
            elif line.strip():  # a blank line is no row
                self.row(Row(at, line.split(BETWEEN), ""))
            taken += 1
        if taken < len(run.lines):
            at, lines, odd = run.line + taken, run.lines[taken:], run.odd
            self._columns(at, *(_quoted_apart(at, lines, odd) if self._quoted else (lines, odd)))
        while len(self._part) >= PART_ROWS:
            self._close_part()

    def _columns(self, start: int, lines: list[str], odd: dict[int, Row]) -> None:
        """Lines column by column: what is done to all at once is done in C."""
        mobiles, kept = self._good(lines), lines.copy()
        for row in odd.values():
            if row.line >= start:
                kept[row.line - start] = _writer(BETWEEN)(row.cells)[:-2]
        if self._refused:
            mobiles = ["" if mobile and self._refused(mobile) else mobile for mobile in mobiles]
        changed = self._read_left(start, lines, odd, mobiles, kept)
        rows = [*compress(range(start, start + len(lines)), mobiles)]
        digits = [*map(int, filter(None, mobiles))]
        new = [*compress(kept, mobiles)]
        for at in reversed(repeats := self._seen.repeats(digits, rows)):
            del new[at]
        for line, number in ((rows[at], digits[at]) for at in repeats):
            self._duplicate(
                line, number, odd[line].cells if line in odd else lines[line - start].split(BETWEEN)
            )
            changed.pop(line, 0)
        self._part += new
        self.totals.by_change.update(changed.values())
        self.totals.accepted += len(new) - len(changed)

    def _read_left(
        self, start: int, lines: list[str], odd: dict[int, Row], mobiles: list[str], kept: list[str]
    ) -> dict[int, int]:
        """Clean or reject the lines without a mobile yet; returns the changes by line."""
        changed: dict[int, int] = {}
        left = [at for at, mobile in enumerate(mobiles) if not mobile]
        apart = _apart([lines[at] for at in left])
        usual = self._numbers.usual([cell for cell, _ in apart])
        for at, (_, rest), mobile, changes in zip(left, apart, *usual, strict=True):
            row = odd.get(start + at)
            if mobile and not (self._refused and self._refused(mobile)):
                mobiles[at], first = mobile, _FLAGS[changes] + mobile
                kept[at] = _csv([first, *row.cells[1:]], BETWEEN) if row else first + rest
                if changes:
                    changed[start + at] = changes
                continue
            if row:
                mobiles[at], found, kept[at] = self._read_odd(row)
            elif lines[at].strip():  # a blank line is no row
                mobiles[at], found, kept[at] = self._read_row(start + at, lines[at].split(BETWEEN))
            else:
                continue
            if found:
                changed[start + at] = found
        return changed

    def row(self, row: Row) -> None:
        """One row, by the rules as they are written."""
        if not self._begun:
            self._begun = True
            if self._is_header(row):
                return
        mobile, changes, cells = self._read_odd(row)
        if not mobile:
            return
        if self._seen.repeats([int(mobile)], [row.line]):
            self._duplicate(row.line, int(mobile), row.cells[self._ours :])
            return
        self._part.append(cells)
        if changes:
            self.totals.by_change[changes] += 1
        else:
            self.totals.accepted += 1

    def _read_odd(self, row: Row) -> tuple[str, int, str]:
        if row.fault:
            self._reject(row.line, row.cells, row.fault)
            return "", 0, ""
        return self._read_row(row.line, row.cells[self._ours :])

    def _read_row(self, line: int, cells: list[str]) -> tuple[str, int, str]:
        """(mobile, changes, the row as it stands in a part); no mobile when it is rejected."""
        mobile, changes, code, detail = self._numbers.clean(cells[0] if cells else "")
        read = [*cells[:1], *map(list_csv.unquoted, cells[1:])] if self._quoted else cells
        fault, column = _fault(read)
        if fault:
            self._reject(line, cells, fault, column)
        elif code:
            self._reject(line, cells, code, 1, detail)
        elif self._refused and self._refused(mobile):
            self._reject(line, cells, codes.IMPLAUSIBLE, 1)
        else:
            return mobile, changes, _csv([f"{changes or ''}{mobile}", *read[1:]], BETWEEN)
        return "", 0, ""

    def finish(self) -> None:
        """Keep what is left, and tell of which line each duplicate is one."""
        if self._part:
            self._close_part()
        before, _, behind = codes.messages(self._language).phrases["same_number"].partition("{line}")
        for line, first, text in self._seen.kept():
            self._report("duplicates", f"{line},{codes.DUPLICATE},{before}{first}{behind},{text}")

    def _is_header(self, row: Row) -> bool:
        """A first row whose first cell is words: it holds a letter and not 3 digits, `Phone 1` say."""
        if row.fault:
            return False
        if row.cells[: len(REPORT_COLUMNS)] == REPORT_COLUMNS:
            self._ours = len(REPORT_COLUMNS)
            self.totals.header = row.cells[self._ours :]
            self._quoted = self.totals.header[:1] == [list_csv.MARK]
            return True
        cell = row.cells[0]
        self._quoted = cell == list_csv.MARK
        if any(map(str.isalpha, cell)) and sum(map(str.isdigit, cell)) < 3:
            self.totals.header = row.cells
            return True
        return False

    def _reject(self, line: int, cells: list[str], code: str, column: int = 0, detail: str = "") -> None:
        self.totals.rejected += 1
        self.totals.codes[code] += 1
        reason = _reason(self._language, code, column, detail)
        self._report("rejected", f"{line},{code},{reason},{_csv(cells)}")

    def _duplicate(self, line: int, number: int, cells: list[str]) -> None:
        self.totals.duplicates += 1
        self._seen.keep(number, line, _csv(cells))

    def _report(self, which: str, row: str) -> None:
        write = self._reports.get(which)
        if write is None:
            write = self._reports[which] = getattr(self._output, which).write
            write(_csv([*REPORT_COLUMNS, *self.totals.header]) + "\r\n")
        write(row + "\r\n")

    def _close_part(self) -> None:
        self.totals.parts += 1
        self._output.part(self.totals.parts, "\n".join(self._part[:PART_ROWS]) + "\n")
        del self._part[:PART_ROWS]


def _quoted_apart(start: int, lines: list[str], odd: dict[int, Row]) -> tuple[list[str], dict[int, Row]]:
    """The same lines, blank where a param is quoted, and those among the odd ones."""
    found = {
        at: odd.get(at) or Row(at, line.split(BETWEEN), "")
        for at, line in enumerate(lines, start)
        if _QUOTED_PARAM in line
    }
    return ["" if at in found else line for at, line in enumerate(lines, start)], odd | found


def _csv(cells: list[str], delimiter: str = ",") -> str:
    """One row, quoted where it must be."""
    text = delimiter.join(cells)
    plain = text and '"' not in text and "\n" not in text and "\r" not in text
    if plain and text.count(delimiter) == len(cells) - 1:
        return text
    written: str = _writer(delimiter)(cells)
    return written[:-2]


class _Handed:
    """A file that hands back what is written, and so does the writer of it."""

    def write(self, text: str) -> str:
        return text


@cache
def _writer(delimiter: str) -> Callable[[list[str]], Any]:
    return csv.writer(_Handed(), delimiter=delimiter, lineterminator="\r\n").writerow


@lru_cache(maxsize=256)
def _reason(language: str, code: str, column: int, detail: str) -> str:
    """Why a row is rejected, as a CSV cell."""
    told = codes.messages(language)
    place = told.phrases["column"].format(column=column) if column else ""
    name = f" ({detail!r})" if detail else ""
    return _csv([f"{place}{told.rows[code]}{name}"])


def _fault(cells: list[str]) -> tuple[str, int]:
    """(code, column) of what is wrong with the columns, ("", 0) when nothing is [C2]."""
    if len(cells) > MAX_PARAMS + 1:
        return codes.TOO_MANY_COLUMNS, MAX_PARAMS + 2
    if len(cells) < 2 or max(map(len, cells[1:])) <= MAX_PARAM:
        return "", 0
    return codes.PARAM_TOO_LONG, next(at for at, cell in enumerate(cells[1:], 2) if len(cell) > MAX_PARAM)

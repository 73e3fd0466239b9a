"""What validation of a file puts out, in memory."""

import csv
import io

from kabar.domain.imports import PartRow, Totals, part_rows


class Kept:
    """Keeps what validation puts out."""

    def __init__(self) -> None:
        self.rejected = io.StringIO(newline="")
        self.duplicates = io.StringIO(newline="")
        self.parts: list[list[PartRow]] = []

    def part(self, number: int, rows: str) -> None:
        assert number == len(self.parts) + 1
        self.parts.append(part_rows(rows))

    def progress(self, totals: Totals) -> None:
        assert totals.rows_read >= 0

    @property
    def rows(self) -> list[PartRow]:
        return [row for part in self.parts for row in part]

    def report(self, which: str) -> list[list[str]]:
        """The rows of a report, without its header."""
        text: io.StringIO = getattr(self, which)
        return list(csv.reader(io.StringIO(text.getvalue(), newline="")))[1:]

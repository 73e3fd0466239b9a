"""Validation of a file: its CPU beside a bare csv.reader's and libphonenumber's over the same text, its peak memory.

The rows: 5 % duplicates, 28 % numbers in need of repair, 3 % bad, 1 % with quoted commas.
`python -m local.bench.validate ROWS` prints the peak of one validation in MB.
"""

import csv
import io
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from typing import Any

from local import paths

ROWS = 1_000_000
OTHER_ROWS = 100_000  # of files in other dialects
MEMORY_ROWS = {"1m": 1_000_000, "5m": 5_000_000}
PHONENUMBERS_ROWS = 20_000
ROUNDS = 3
_BATCH = 5_000
_CHUNK = 65_536
PREFIXES = {"021": "6421", "05": "905", "08": "628"}
_NAMES = ("Amy", "Şükrü", "Ayşe", "Budi", "Dewi", "Noah", "İrem", "Siti", "Charlotte", "Çağlar")
_BAD = ("+614xxxxxxxx", "12345;6789", "6.42E+10", "+64 21", "+0211234567", "n/a")


def rows(count: int, seed: int = 1) -> Iterator[bytes]:
    """A file of `count` rows in chunks of 5,000; the same for the same seed."""
    dice = random.Random(seed)
    earlier = [64_211_000_000]
    yield b"\xef\xbb\xbfmobile,first,last,date,amount,phone\r\n"
    for start in range(0, count, _BATCH):
        lines = [_row(dice, earlier) for _ in range(min(_BATCH, count - start))]
        yield ("\r\n".join(lines) + "\r\n").encode()


def _row(dice: random.Random, earlier: list[int]) -> str:
    kind = dice.random()
    digits = dice.randrange(64_210_000_000, 64_299_999_999)
    if kind < 0.05:
        digits = dice.choice(earlier)
    elif dice.random() < 0.01:
        earlier.append(digits)
    mobile = _BAD[dice.randrange(len(_BAD))] if 0.05 <= kind < 0.08 else f"+{digits}"
    if 0.08 <= kind < 0.36:
        mobile = _noisy(dice, str(digits))
    place = '"Wellington, NZ"' if dice.random() < 0.01 else "12 Nov"
    name = _NAMES[dice.randrange(len(_NAMES))]
    return f"{mobile},{name},Scott,{place},$159.62,0800123456"


def _noisy(dice: random.Random, digits: str) -> str:
    country, network, rest = digits[:2], digits[2:4], digits[4:]
    return (
        f"+{country} {network} {rest[:3]} {rest[3:]}",
        f"+{country}-{network}-{rest}",
        f"+{country} ({network}) {rest}",
        f"021{rest}",
        digits,
        f"'+{digits}",
        f"+{country}.{network}.{rest}\u00a0",
    )[dice.randrange(7)]


class Sink:
    """Takes what validation puts out as the product does: reports into files, parts encoded."""

    def __init__(self, stack: ExitStack) -> None:
        self.rejected, self.duplicates = (
            stack.enter_context(tempfile.TemporaryFile("w", encoding="utf-8", newline=""))  # noqa: SIM115  # it does
            for _ in range(2)
        )

    def part(self, _number: int, rows_json: str) -> None:
        """A part costs its encoding, as on its way to the bucket."""
        rows_json.encode()

    def progress(self, totals: object) -> None:
        """Nobody looks."""


def validate(chunks: Iterator[bytes]) -> None:
    """One validation as the product does it, without the network."""
    from kabar.domain.imports import validate as run
    from kabar.domain.numbers import Numbers

    with ExitStack() as stack:
        run(chunks, Numbers(PREFIXES), Sink(stack))


def measure() -> dict[str, float]:
    """Figures by bench key; the best of the rounds, all sides measured in each."""
    # first, as the peak of a new process begins with what its parent holds
    peaks = {f"validate_peak_mb_{name}": _peak(count) for name, count in MEMORY_ROWS.items()}
    text = b"".join(rows(ROWS)).decode("utf-8-sig")
    bare, ours, theirs = [], [], []
    for _ in range(ROUNDS):
        bare.append(_bare(text, ","))
        ours.append(_ours(text))
        theirs.append(_with_phonenumbers(text))
    each = min(ours) / ROWS
    return {
        "validate_vs_csv_reader": min(bare) / min(ours),
        "validate_vs_phonenumbers": min(theirs) / PHONENUMBERS_ROWS / each,
        "validate_us_per_row": each * 1e6,
        **_other_dialects(),
        **peaks,
    }


def _other_dialects() -> dict[str, float]:
    """The same rows as other programs write them, each beside a csv.reader of the same file."""
    plain = b"".join(rows(OTHER_ROWS)).decode("utf-8-sig")
    cells = [*csv.reader(io.StringIO(plain, newline=""))]
    decimal = [[cell.replace("$159.62", "159,62") for cell in row] for row in cells]
    spanning = [[cell.replace("Scott", "Scott\nMiller") for cell in row] for row in cells]
    files = {
        "quoted": (_written(cells, quoting=csv.QUOTE_ALL), ","),
        "semicolons": (_written(decimal, delimiter=";"), ";"),
        "semicolons_quoted": (_written(decimal, delimiter=";", quoting=csv.QUOTE_ALL), ";"),
        "spanning": (_written(spanning), ","),
    }
    figures = {}
    for name, (text, delimiter) in files.items():
        rounds = [(_bare(text, delimiter), _ours(text)) for _ in range(ROUNDS)]
        bare, ours = (min(side) for side in zip(*rounds, strict=True))
        figures[f"validate_vs_csv_reader_{name}"] = bare / ours
        figures[f"validate_us_per_row_{name}"] = ours / OTHER_ROWS * 1e6
    return figures


def _written(cells: list[list[str]], **dialect: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(cells)
    return text.getvalue()


def _bare(text: str, delimiter: str) -> float:
    """CPU seconds of a csv.reader that does nothing with its rows."""
    start = time.process_time()
    deque(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), maxlen=0)
    return time.process_time() - start


def _ours(text: str) -> float:
    """CPU seconds of our validation."""
    data = text.encode()
    start = time.process_time()
    validate(data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK))
    return time.process_time() - start


def _peak(count: int) -> float:
    """The peak memory of one validation in a fresh process, in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "local.bench.validate", str(count)],
        cwd=paths.ROOT,
        env={"PYTHONPATH": "layers/kabar"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _with_phonenumbers(text: str) -> float:
    """CPU seconds of the usual way: each of the first rows' numbers parsed and looked up by libphonenumber."""
    import phonenumbers

    start = time.process_time()
    for cells in islice(csv.reader(io.StringIO(text, newline="")), PHONENUMBERS_ROWS):
        with suppress(phonenumbers.NumberParseException):
            phonenumbers.is_valid_number(phonenumbers.parse(cells[0], "NZ"))
    return time.process_time() - start


if __name__ == "__main__":
    validate(rows(int(sys.argv[1])))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

"""The demo's file: a real, messy list of customers, with the bucket that each row must end in.

Seeded, so it is the same every time. The answers come from how each row was made, never from the importer.
Numbers follow each country's shape in ranges that are fictional or not given out where there are such.
"""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PREFIX_MAP = {
    "00": "",
    "05": "905",
    "021": "6421",
    "022": "6422",
    "04": "614",
    "07": "447",
    "08": "628",
}
"""How the demo workspace reads numbers without a `+`: Türkiye, New Zealand, Australia, Britain, Indonesia."""

COUNT = 5200
SEED = 20261120
HEADER = ["Mobile", "Name", "City", "Customer since", "Amount", "Note"]

Row = tuple[list[str], str]


class Country(NamedTuple):
    """How numbers, names and amounts of one country look. `national` is what locals write before the rest."""

    code: str
    national: str
    networks: tuple[str, ...]
    rest: int
    names: tuple[str, ...]
    cities: tuple[str, ...]
    amount: str


COUNTRIES = (
    Country(
        "90",
        "0",
        ("500", "555"),
        7,
        ("Şükrü Öztürk", "Ayşegül Çağlar", "İrem Işık", "Gökçe Ünal", "Oğuzhan Güneş", "Tuğba Yıldız"),
        ("İstanbul", "Kadıköy", "Muğla", "Eskişehir"),
        "₺{}",
    ),
    Country(
        "62",
        "0",
        ("811", "822"),
        8,
        (
            "Budi Santoso",
            "Siti Nurhaliza",
            "Dewi Lestari",
            "I Gusti Ngurah",
            "Raden Ajeng",
            "Nur’aini Wulandari",
        ),
        ("Jakarta", "Yogyakarta", "Denpasar", "Banjarmasin"),
        "Rp {}.000",
    ),
    Country(
        "64",
        "0",
        ("21", "22"),
        7,
        ("Aroha Ngātai", "Māia Tūhoe", "Amy Scott", "Zoë O'Hara"),
        ("Tāmaki", "Ōtautahi"),
        "${}",
    ),
    Country(
        "61", "0", ("491",), 6, ("Chloë Nguyễn", "Jack Byrne", "Siân Müller"), ("Perth", "Hobart"), "${}"
    ),
    Country(
        "44",
        "0",
        ("7700",),
        6,
        ("Seán Ó Briain", "Zsófia Kovács", "Llŷr Evans"),
        ("Leeds", "Aberdeen"),
        "£{}",
    ),
    Country(
        "1",
        "",
        ("202555", "415555"),
        4,
        ("José Núñez", "Renée Smith", "Łukasz Nowak"),
        ("Boston", "Cañon City"),
        "${}",
    ),
)
_SHARES = (30, 30, 14, 10, 10, 6)

_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


class Mobile(NamedTuple):
    """A number in its parts."""

    country: Country
    network: str
    rest: str

    @property
    def international(self) -> str:
        return f"+{self.country.code}{self.network}{self.rest}"

    @property
    def national(self) -> str:
        """As locals write it; the prefix map knows it. Americans write no trunk 0, so theirs starts with 00."""
        if not self.country.national:
            return f"00{self.country.code}{self.network}{self.rest}"
        return f"{self.country.national}{self.network}{self.rest}"


_REPAIRABLE: tuple[Callable[[Mobile], str], ...] = (
    lambda m: f"+{m.country.code} {m.network} {m.rest[:3]} {m.rest[3:]}",
    lambda m: f"+{m.country.code}-{m.network}-{m.rest}",
    lambda m: f"+{m.country.code} ({m.network}) {m.rest[:3]}.{m.rest[3:]}",
    lambda m: f"+{m.country.code}/{m.network}/{m.rest}",
    lambda m: f"+{m.country.code}\u00a0{m.network}\u2009{m.rest}",
    lambda m: f"{m.international[:6]}\u200b{m.international[6:]}",
    lambda m: m.international[1:],
    lambda m: f"00{m.international[1:]}",
    lambda m: m.national,
    lambda m: f"{m.national[:4]} {m.national[4:7]} {m.national[7:]}",
    lambda m: f"'{m.international}",
    lambda m: f'="{m.international}"',
    lambda m: "+" + m.international[1:].translate(_ARABIC),
    lambda m: "+" + m.international[1:].translate(_FULL_WIDTH),
)
_CLEAN: tuple[Callable[[Mobile], str], ...] = (
    lambda m: m.international,
    lambda m: f" {m.international}",
    lambda m: f"{m.international}\u00a0",
)
_BAD: tuple[Callable[[Mobile], str], ...] = (
    lambda m: f"+{m.country.code}{m.network}xxxxxx",
    lambda m: f"{m.international} (work)",
    lambda m: f"{m.international};{m.rest}",
    lambda m: f"{m.international[1]}.{m.international[2:5]}E+{len(m.international) - 2}",
    lambda m: f"+{m.country.code}{m.rest[:3]}",
    lambda m: f"{m.international}{m.rest}99999",
    lambda m: f"+0{m.network}{m.rest}",
    lambda m: f"#{m.international}",
    lambda _: "",
    lambda _: "n/a",
)


def rows(count: int = COUNT) -> list[Row]:
    """`count` rows as (cells, bucket), in the order of the file."""
    return [(entry.cells, entry.bucket) for entry in _entries(count)]


def write(csv_path: Path, answers_path: Path) -> None:
    """Write the file, and the answers: {"rows": [{line, bucket, mobile?, params?}, …]}; lines count from 1."""
    lines: list[str] = [_line(HEADER, always=False)]
    answers = []
    at = 2
    for number, entry in enumerate(_entries(COUNT), 1):
        text = _line(entry.cells, always=number % 40 == 0)
        answer: dict[str, object] = {"line": at, "bucket": entry.bucket}
        if entry.bucket in {"accepted", "corrected"}:
            answer |= {"mobile": entry.mobile, "params": entry.cells[1:]}
        answers.append(answer)
        lines.append(text)
        at += 1 + len(re.findall(r"\r\n|\n", text))
        if number % 260 == 0:
            lines.append("")  # a blank line is no row
            at += 1
    csv_path.write_bytes("\ufeff".encode() + "".join(f"{line}\r\n" for line in lines).encode())
    answers_path.write_text(
        json.dumps({"rows": answers}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


class _Entry(NamedTuple):
    cells: list[str]
    bucket: str
    mobile: str


def _entries(count: int) -> list[_Entry]:
    dice = random.Random(SEED)
    used: set[str] = set()
    kept: list[Mobile] = []
    entries: list[_Entry] = []
    for _ in range(count):
        kind = dice.random()
        if kind < 0.04 and kept:
            mobile = dice.choice(kept)
            entries.append(_Entry([_spelled(dice, mobile), *_params(dice, mobile)], "duplicates", ""))
            continue
        mobile = _new(dice, used)
        if kind < 0.08:
            entries.append(_Entry(_rejected(dice, mobile), "rejected", ""))
            continue
        kept.append(mobile)
        ways, bucket = (_REPAIRABLE, "corrected") if kind < 0.36 else (_CLEAN[:1], "accepted")
        if bucket == "accepted" and dice.random() < 0.05:
            ways = _CLEAN
        cells = [dice.choice(ways)(mobile), *_params(dice, mobile)]
        entries.append(_Entry(cells, bucket, mobile.international))
    return entries


def _spelled(dice: random.Random, mobile: Mobile) -> str:
    """Any notation of the number: the same number all the same."""
    return dice.choice(_REPAIRABLE + _CLEAN)(mobile)


def _new(dice: random.Random, used: set[str]) -> Mobile:
    while True:
        country = dice.choices(COUNTRIES, _SHARES)[0]
        rest = str(dice.randrange(10**country.rest)).zfill(country.rest)
        mobile = Mobile(country, dice.choice(country.networks), rest)
        if mobile.international not in used:
            used.add(mobile.international)
            return mobile


def _params(dice: random.Random, mobile: Mobile) -> list[str]:
    """Name, city, date, amount, note; some rows have fewer, some an empty one at the end."""
    country = mobile.country
    note = dice.choices(
        (
            "",
            "VIP",
            "prefers evenings, not Mondays",
            'says "no calls"',
            "2nd floor\nring twice",
            " two  spaces ",
        ),
        (60, 20, 8, 4, 4, 4),
    )[0]
    amount = country.amount.format(f"{dice.randrange(5, 900)}.{dice.randrange(100):02d}")
    since = f"{dice.randrange(1, 29)} Nov {dice.randrange(2012, 2026)}"
    cells = [dice.choice(country.names), dice.choice(country.cities), since, amount, note]
    return cells[: dice.choices((5, 4, 1), (90, 7, 3))[0]]


def _rejected(dice: random.Random, mobile: Mobile) -> list[str]:
    params = _params(dice, mobile)
    kind = dice.randrange(8)
    if kind == 0:
        return [mobile.international, *params, *["and one more"] * (7 - len(params))]
    if kind == 1:
        return [mobile.international, "a name that nobody has, for it goes on and on and on and on"]
    return [dice.choice(_BAD)(mobile), *params]


def _line(cells: list[str], *, always: bool) -> str:
    """One line of CSV; in quotes where needed, or `always`."""
    return ",".join(
        '"' + cell.replace('"', '""') + '"' if always or re.search(r'[,"\r\n]', cell) else cell
        for cell in cells
    )

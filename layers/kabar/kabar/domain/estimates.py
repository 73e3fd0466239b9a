"""What a message to many would come to: segments, cost, replaced characters, params that are missing [E1]–[E4] [F6]."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kabar.domain import smart
from kabar.domain.composing import Composer
from kabar.domain.countries import country_of
from kabar.domain.prices import Prices
from kabar.domain.segments import outside

CHARACTERS = 500  # the most frequent ones are kept: nobody looks through more, and an item has 400 KB
EXAMPLES = 20  # numbers shown for a placeholder that some recipients have nothing for


@dataclass
class Estimate:
    """Sums over recipients; all of it adds up, whoever counted which part.

    `by_country` holds [recipients, segments, millionths of the currency] per country ("" for none), `missing` the
    recipients per placeholder with an empty param, `examples` some of their numbers, `replaced` and `outside`
    characters with how often they came by; `outside` are those that made texts take UCS-2.
    """

    recipients: int = 0
    segments: int = 0
    cost: int = 0
    unpriced: int = 0  # segments to countries without a price
    by_segments: Counter[int] = field(default_factory=Counter)
    by_alphabet: Counter[str] = field(default_factory=Counter)
    by_country: dict[str, list[int]] = field(default_factory=dict)
    missing: Counter[int] = field(default_factory=Counter)
    examples: dict[int, list[str]] = field(default_factory=dict)
    replaced: Counter[tuple[str, str]] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)

    def add(self, composer: Composer, prices: Prices | None, mobile: str, params: Sequence[str]) -> None:
        """One more recipient."""
        text = composer.text(params)
        _, _, segments = counted = composer.count(text)
        self.recipients += 1
        self.segments += segments
        self.by_segments[segments] += 1
        self.by_alphabet[counted.encoding] += 1
        if counted.encoding == "ucs2":
            self.outside.update(outside(text, composer.encoding))
        if composer.smart:
            self.replaced.update(smart.replaced(composer.template.merge(params), composer.encoding))
        if prices:
            self._price(prices, mobile, segments)
        self.lacks(composer, mobile, params)

    def lacks(self, composer: Composer, mobile: str, params: Sequence[str]) -> None:
        """Which placeholders they have nothing for: of `add`, or of somebody who gets nothing for that reason."""
        for placeholder in composer.template.missing(params):
            self.missing[placeholder] += 1
            shown = self.examples.setdefault(placeholder, [])
            if len(shown) < EXAMPLES:
                shown.append(mobile)

    def _price(self, prices: Prices, mobile: str, segments: int) -> None:
        country = country_of(mobile)
        price = prices.of(country)
        cost = segments * (price or 0)
        self.cost += cost
        self.unpriced += segments if price is None else 0
        row = self.by_country.setdefault(country or "", [0, 0, 0])
        for at, more in enumerate((1, segments, cost)):
            row[at] += more

    def merge(self, other: "Estimate") -> None:
        """Add what somebody else has counted."""
        self.recipients += other.recipients
        self.segments += other.segments
        self.cost += other.cost
        self.unpriced += other.unpriced
        for name in ("by_segments", "by_alphabet", "missing", "replaced", "outside"):
            getattr(self, name).update(getattr(other, name))
        for country, row in other.by_country.items():
            mine = self.by_country.setdefault(country, [0, 0, 0])
            mine[:] = [a + b for a, b in zip(mine, row, strict=True)]
        for placeholder, mobiles in other.examples.items():
            self.examples[placeholder] = (self.examples.get(placeholder, []) + mobiles)[:EXAMPLES]

    def stored(self) -> dict[str, Any]:
        """JSON-ready, for `restored`."""
        return {
            "recipients": self.recipients,
            "segments": self.segments,
            "cost": self.cost,
            "unpriced": self.unpriced,
            "by_segments": sorted(self.by_segments.items()),
            "by_alphabet": sorted(self.by_alphabet.items()),
            "by_country": sorted([country, *row] for country, row in self.by_country.items()),
            "missing": [[n, times, self.examples[n]] for n, times in sorted(self.missing.items())],
            "replaced": [[old, new, times] for (old, new), times in self.replaced.most_common(CHARACTERS)],
            "outside": self.outside.most_common(CHARACTERS),
        }


def restored(stored: Mapping[str, Any]) -> Estimate:
    """The estimate that `stored` says."""
    return Estimate(
        stored["recipients"],
        stored["segments"],
        stored["cost"],
        stored["unpriced"],
        Counter(dict(stored["by_segments"])),
        Counter(dict(stored["by_alphabet"])),
        {country: list(row) for country, *row in stored["by_country"]},
        Counter({n: times for n, times, _ in stored["missing"]}),
        {n: list(mobiles) for n, _, mobiles in stored["missing"]},
        Counter({(old, new): times for old, new, times in stored["replaced"]}),
        Counter(dict(stored["outside"])),
    )

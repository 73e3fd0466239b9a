"""What a segment costs by country, and sums of it: in millionths of the currency, so that they are exact [E3]."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kabar.domain.countries import country_of

DECIMALS = 6


def micros(price: str) -> int:
    """`0.0123` as 12300."""
    return int(Decimal(price).scaleb(DECIMALS))


def amount(of: int) -> str:
    """12300 as `0.0123`: plain digits, at least two decimals."""
    whole, rest = divmod(of, 10**DECIMALS)
    decimals = f"{rest:0{DECIMALS}d}".rstrip("0")
    return f"{whole}.{decimals:0<2}"


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a segment, in millionths of `currency`; `default` is that of countries which have none."""

    currency: str
    default: int | None
    countries: Mapping[str, int]

    def of(self, country: str | None) -> int | None:
        """None when nobody has said it."""
        return self.countries.get(country or "", self.default)

    def cost(self, mobile: str, segments: int) -> int:
        """Of one message; nothing where no price is known."""
        return segments * (self.of(country_of(mobile)) or 0)


def prices(stored: Mapping[str, Any] | None) -> Prices | None:
    """From {currency, default?, countries: {country: price}} with decimal strings; None while there are none."""
    if not stored:
        return None
    default = stored.get("default")
    countries = {country: micros(price) for country, price in stored["countries"].items()}
    return Prices(stored["currency"], None if default is None else micros(default), countries)

"""What goes in and out of the API about prices and costs [E3]."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator

from kabar.domain.countries import COUNTRIES
from schemas import Count, Request, View

Price = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$",
        description="Of one segment, as a decimal.",
        examples=["0.0123"],
    ),
]
Money = Annotated[str, Field(description="A decimal.", examples=["12.30"])]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166.", examples=["TR"])]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])]


class CountryPrice(Request):
    """What a segment to one country costs."""

    country: Country
    price: Price


class PriceList(Request):
    """What segments cost. `default` is for countries that aren't named; without it their cost isn't known."""

    currency: Currency
    default: Price | None = None
    countries: list[CountryPrice] = Field(max_length=300)

    @field_validator("countries")
    @classmethod
    def _once(cls, countries: list[CountryPrice]) -> list[CountryPrice]:
        named = [each.country for each in countries]
        unknown = sorted(set(named) - COUNTRIES)
        if unknown:
            raise ValueError(f"no numbers belong to {', '.join(unknown)}")
        if len(set(named)) < len(named):
            raise ValueError("a country is there twice")
        return countries

    def stored(self) -> dict[str, Any]:
        """As storage keeps it."""
        default = {} if self.default is None else {"default": self.default}
        return {
            "currency": self.currency,
            **default,
            "countries": {c.country: c.price for c in self.countries},
        }


class PriceListView(View):
    """What segments cost; `currency` is null while nobody has said it."""

    currency: Currency | None
    default: Price | None
    countries: list[CountryPrice]

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "PriceListView":
        stored = stored or {"countries": {}}
        return cls(
            currency=stored.get("currency"),
            default=stored.get("default"),
            countries=[CountryPrice(country=c, price=p) for c, p in sorted(stored["countries"].items())],
        )


class CountryCost(View):
    """What goes to one country."""

    country: Country | None = Field(description="Null for numbers of no country.")
    recipients: Count
    segments: Count
    amount: Money


class Cost(View):
    """What segments come to. `unpriced_segments` go to countries without a price and are not in the amount."""

    currency: Currency
    amount: Money
    unpriced_segments: Count
    countries: list[CountryCost]

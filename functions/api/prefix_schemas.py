"""What goes in and out of the API about how numbers are read [B1] [B4]."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from kabar.domain import import_codes
from kabar.domain.numbers import Number, change_names
from schemas import Mobile, Request, View

Digits = Annotated[
    str,
    Field(
        pattern=r"^([1-9][0-9]{0,14})?$",
        description="Digits instead of the prefix, from the country code on; empty for none.",
        examples=["6421"],
    ),
]


class PrefixView(View):
    """How numbers that begin with a prefix and without `+` are read."""

    prefix: str = Field(examples=["021"])
    replacement: Digits

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "PrefixView":
        return cls(prefix=item["prefix"], replacement=item["replacement"])


class PrefixMeaning(Request):
    """What a prefix stands for."""

    replacement: Digits


class NumbersToTry(Request):
    """Number cells to read, none of which is stored."""

    numbers: list[Annotated[str, Field(max_length=100)]] = Field(
        min_length=1, max_length=100, examples=[["021 555 666", "+614xxxxxxxx"]]
    )


class TriedNumberView(View):
    """One number cell as an import would read it: either its mobile, or why not."""

    written: str = Field(examples=["021 555 666"])
    mobile: Mobile | None
    changes: list[str] = Field(
        description="What was changed; nothing where the cell was `+` and digits.",
        examples=[["plus_added", "prefix_mapped"]],
    )
    code: str | None = Field(description="Why it is rejected.", examples=["letters"])
    message: str | None = Field(description="The same for people, and what to do about it.")

    @classmethod
    def of(cls, written: str, number: Number, language: str) -> "TriedNumberView":
        reason = str(import_codes.messages(language).rows[number.code]) if number.code else None
        return cls(
            written=written,
            mobile=number.mobile or None,
            changes=change_names(number.changes),
            code=number.code or None,
            message=f"{reason} ({number.detail!r})" if number.detail else reason,
        )


class TriedNumbersView(View):
    """The numbers in their order."""

    data: list[TriedNumberView]

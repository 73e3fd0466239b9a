"""What goes in and out of the API about sending hours [G1]–[G3]."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from kabar.domain.hours import WEEKDAYS, Covered
from schemas import Request, View

Clock = Annotated[
    str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM on the wall clock.")
]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Kind = Literal["quick_campaigns", "api_messages", "campaigns"]
Whose = Annotated[
    Literal["workspace", "recipient"],
    Field(
        description="Whose clock the hours are read on: the workspace's, or each recipient's own. A recipient's zones "
        "come from the number unless a call of `POST /v1/messages` names one; where several are possible all of them "
        "have to be open, and who is never in such an hour is left out (`no_common_hours`)."
    ),
]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-12-25"])]
Weekdays = Annotated[
    list[Weekday],
    Field(min_length=1, max_length=7, description="A window across midnight belongs to the day it opens on."),
]
Dates = Annotated[
    list[Day],
    Field(
        max_length=400,
        description="On these no window opens, and one that is open since the day before closes at midnight.",
    ),
]
Covers = Annotated[
    list[Kind],
    Field(min_length=1, max_length=3, description="What waits for the hours; `campaigns` are all campaigns."),
]
BY_DEFAULT: list[Kind] = ["quick_campaigns", "api_messages"]  # as the source says
OFF: dict[str, Any] = {
    "enabled": False,
    "from": "09:00",
    "to": "18:00",
    "weekdays": list(WEEKDAYS[:5]),
    "restricted_dates": [],
    "covers": BY_DEFAULT,
    "zone_of": "workspace",
}


class SendingHours(Request):
    """All of the sending hours."""

    model_config = ConfigDict(serialize_by_alias=True)

    enabled: bool
    opens: Clock = Field(alias="from")
    closes: Clock = Field(
        alias="to", description="HH:MM; earlier than `from` means the next day.", examples=["11:00"]
    )
    weekdays: Weekdays
    restricted_dates: Dates = Field(default_factory=list)
    covers: Covers = Field(default_factory=lambda: list(BY_DEFAULT))
    zone_of: Whose = "workspace"

    @field_validator("weekdays", "restricted_dates", "covers")
    @classmethod
    def _once(cls, several: list[str]) -> list[str]:
        if len(set(several)) < len(several):
            raise ValueError("one of them is there twice")
        return several

    @field_validator("restricted_dates")
    @classmethod
    def _dates(cls, days: list[str]) -> list[str]:
        for day in days:
            date.fromisoformat(day)
        return sorted(days)

    def stored(self) -> dict[str, Any]:
        """As the settings keep it, in one order."""
        return self.model_dump() | {
            "weekdays": sorted(self.weekdays, key=WEEKDAYS.index),
            "covers": [kind.value for kind in Covered if kind in self.covers],
        }


class SendingHoursView(View):
    """When messages may go out."""

    model_config = ConfigDict(serialize_by_alias=True)

    enabled: bool
    opens: Clock = Field(alias="from")
    closes: Clock = Field(alias="to", examples=["11:00"])
    weekdays: Weekdays
    restricted_dates: Dates
    covers: Covers
    zone_of: Whose
    timezone: str = Field(description="The workspace's, IANA.", examples=["Europe/Istanbul"])

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "SendingHoursView":
        return cls(**OFF | settings.get("sending_hours", {}), timezone=settings["timezone"])

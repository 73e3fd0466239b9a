"""What goes in and out of the API about a workspace's settings and its log [A3] [M4]."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator

from access_schemas import Email
from kabar.domain.schedule import MISSED_AFTER_HOURS, zone
from schemas import Request, Time, View, moment

MASK, NUMBER = r"^[A-Za-z0-9]{1,11}$", r"^\+?[0-9]{3,15}$"
Masks = Annotated[
    list[Annotated[str, Field(pattern=MASK)]],
    Field(max_length=50, description="Sender masks: up to 11 letters and digits.", examples=[["Kabar"]]),
]
Numbers = Annotated[
    list[Annotated[str, Field(pattern=NUMBER)]],
    Field(max_length=50, description="Dedicated numbers and short codes.", examples=[["3774"]]),
]
MaxDigits = Annotated[int, Field(ge=7, le=15, description="How many digits a number may have [B2].")]
MissedAfter = Annotated[
    int,
    Field(
        ge=1,
        le=168,
        description="How many hours late a campaign may start; a later one becomes `missed` and asks.",
    ),
]
Zone = Annotated[str, Field(min_length=1, max_length=64, description="IANA.", examples=["Europe/Istanbul"])]


class SettingsView(View):
    """A workspace's settings."""

    name: str = Field(description="The workspace's name, also in addresses; it can't be changed.")
    timezone: Zone
    email: str = Field(description="Where notices go; empty for nowhere.")
    sender: str = Field(description="Who messages come from unless a campaign says otherwise.")
    masks: Masks
    numbers: Numbers
    max_digits: MaxDigits
    missed_after_hours: MissedAfter
    created_at: Time

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "SettingsView":
        sender = item["sender"]
        is_number = re.fullmatch(NUMBER, sender) is not None
        return cls(
            name=item["name"],
            timezone=item["timezone"],
            email=item["email"],
            sender=sender,
            # the default sender is one of the workspace's from the start
            masks=item.get("masks", [] if is_number else [sender]),
            numbers=item.get("numbers", [sender] if is_number else []),
            max_digits=item["max_digits"],
            missed_after_hours=item.get("missed_after_hours", MISSED_AFTER_HOURS),
            created_at=moment(item["created_at"]) or "",
        )


class SettingsChange(Request):
    """What to change about the settings; what is null or left out stays."""

    timezone: Zone | None = None
    email: Email | Annotated[str, Field(max_length=0)] | None = Field(
        default=None, description="Where notices go; empty for nowhere."
    )
    sender: str | None = Field(default=None, description="One of the masks or numbers.", examples=["Kabar"])
    masks: Masks | None = None
    numbers: Numbers | None = None
    max_digits: MaxDigits | None = None
    missed_after_hours: MissedAfter | None = None

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, name: str | None) -> str | None:
        if name is not None:
            zone(name)
        return name

    @field_validator("masks", "numbers")
    @classmethod
    def _once(cls, senders: list[str] | None) -> list[str] | None:
        if senders is not None and len(set(senders)) < len(senders):
            raise ValueError("one of them is there twice")
        return senders


class ActivityView(View):
    """Something that somebody did."""

    at: Time
    who: str = Field(
        description="`api:key:<id>`, `api:user:<id>`, `reply:<carrier's id>` or `system`.",
        examples=["api:key:1f2e3d4c5b6a7988"],
    )
    what: str = Field(examples=["campaign created"])
    about: str = Field(examples=["campaign/1043"])
    detail: dict[str, Any] = Field(description="What changed.", examples=[{"status": "scheduled"}])

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "ActivityView":
        return cls(
            at=moment(item["at"]) or "",
            who=item["who"],
            what=item["what"],
            about=item["about"],
            detail=item["detail"],
        )

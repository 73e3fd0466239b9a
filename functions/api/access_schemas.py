"""What goes in and out of the API about keys and users [A2]."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from kabar.domain.access import ROLES, Role, Scope
from schemas import Request, Time, View, moment

KeyId = Annotated[str, Field(pattern="^[0-9a-f]{16}$", examples=["1f2e3d4c5b6a7988"])]
Scopes = list[Annotated[Scope, Field(strict=False)]]  # strict would refuse a scope's text
_TIME = "a time looks like 2026-12-01T09:00:00Z, with its offset"
SHOWN_ONCE = "The key in full. It is shown this once: null when an Idempotency-Key repeats the answer."


def epoch_ms(text: str) -> int:
    """An RFC 3339 time with its offset. Raises ValueError."""
    try:
        at = datetime.fromisoformat(text)
        milliseconds = round(at.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ValueError(_TIME) from error
    if at.tzinfo is None or len(text) < len("2026-12-01T09:00Z"):
        raise ValueError(_TIME)
    return milliseconds


class NewKey(Request):
    """An API key for a program."""

    name: str = Field(min_length=1, max_length=50, description="What it is for.", examples=["Web shop"])
    scopes: Scopes = Field(min_length=1, description="What it may do; none that you lack yourself.")
    expires_at: Time | None = Field(default=None, description="When it stops; never when left out.")

    @field_validator("name")
    @classmethod
    def _no_nul(cls, name: str) -> str:
        if "\0" in name:
            raise ValueError("a NUL character is no text")
        return name

    @field_validator("expires_at")
    @classmethod
    def _time(cls, text: str | None) -> str | None:
        if text is not None:
            epoch_ms(text)
        return text


class KeyRotation(Request):
    """How a key gets a new secret."""

    overlap_hours: int = Field(
        ge=0, le=168, description="How long the present secret stays good beside the new one.", examples=[24]
    )


class KeyView(View):
    """An API key, without its secret."""

    id: KeyId
    name: str
    scopes: list[Scope]
    status: Literal["active", "expired", "revoked"]
    created_at: Time
    created_by: str = Field(examples=["api:user:0b6e1a52-5d0f-4a63-9a53-2f5d0e1c7a11"])
    expires_at: Time | None
    last_used_at: Time | None = Field(description="To the minute.")
    old_secret_until: Time | None = Field(description="Until when the secret before the rotation is good.")
    revoked_at: Time | None


class CreatedKeyView(KeyView):
    """An API key with its secret."""

    key: str | None = Field(description=SHOWN_ONCE)


def fields_of(item: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The fields of a KeyView of `item` as it stands at `now` (epoch ms)."""
    expired = item.get("expires_at", now + 1) <= now
    old_until = item.get("old_until", 0)
    return {
        "id": item["id"],
        "name": item["name"],
        "scopes": [Scope(scope) for scope in item["scopes"]],
        "status": "revoked" if "revoked_at" in item else "expired" if expired else "active",
        "created_at": moment(item["created_at"]),
        "created_by": item["created_by"],
        "expires_at": moment(item.get("expires_at")),
        "last_used_at": moment(item.get("used_at")),
        "old_secret_until": moment(old_until) if old_until > now else None,
        "revoked_at": moment(item.get("revoked_at")),
    }


_EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
Email = Annotated[
    str, Field(max_length=78, pattern=_EMAIL, examples=["amy@acme.example"])
]  # Cognito: 128 with
Name = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f]+$", examples=["Amy Scott"])]
ARole = Annotated[Role, Field(strict=False)]


class NewUser(Request):
    """Somebody to invite."""

    email: Email
    name: Name
    role: ARole = Field(description="What they may do; no role that may do more than you.")


class UserChange(Request):
    """What to change about a user; what is null or left out stays."""

    name: Name | None = None
    role: ARole | None = None


class UserView(View):
    """A user of the workspace."""

    id: str = Field(examples=["0b6e1a52-5d0f-4a63-9a53-2f5d0e1c7a11"])
    email: str
    name: str
    role: Role
    scopes: list[Scope] = Field(description="What the role stands for.")
    created_at: Time
    created_by: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "UserView":
        role = Role(item["role"])
        return cls(
            id=item["id"],
            email=item["email"],
            name=item["name"],
            role=role,
            scopes=sorted(ROLES[role]),
            created_at=moment(item["created_at"]) or "",
            created_by=item["created_by"],
        )

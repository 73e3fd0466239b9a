"""What goes in and out of the API about callbacks [J1] [J5]."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from kabar.domain.addresses import MAX_URL
from kabar.domain.callbacks import RESERVED, SIGNED
from schemas import Count, Request, Time, View, moment

MAX_OVERLAP = 168
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL,
        description="https, on the public internet.",
        examples=["https://hooks.example.com/kabar"],
    ),
]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$")]
HeaderValue = Annotated[str, Field(max_length=1024, pattern=r"^[ -~]*$")]
Word = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[ -~]+$")]
KindName = Literal["replies", "receipts"]


class OAuth(Request):
    """Client credentials (RFC 6749, 4.4)."""

    token_url: Url
    client_id: Word
    client_secret: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[ -~]+$")] | None = Field(
        default=None, description="Null or left out: as before. It is never shown."
    )
    scope: Word | None = None


class Endpoint(Request):
    """Where to tell, and how."""

    url: Url
    headers: dict[HeaderName, HeaderValue | None] = Field(
        default_factory=dict,
        max_length=20,
        description="Fixed headers of every call. A null value: as before. Values are never shown.",
        examples=[{"X-Api-Key": "…"}],
    )
    oauth: OAuth | None = None

    @field_validator("headers")
    @classmethod
    def _theirs(cls, headers: dict[str, str | None]) -> dict[str, str | None]:
        names = [name.lower() for name in headers]
        if len(set(names)) < len(names):
            raise ValueError("one of the headers is there twice")
        for name in names:
            if name in RESERVED or name in SIGNED or name.startswith("webhook-"):
                raise ValueError(f"the header {name} is set by us")
        return headers


class OAuthView(View):
    token_url: str = Field(examples=["https://login.example.com/token"])
    client_id: str = Field(examples=["kabar"])
    scope: str | None


class FailureView(View):
    """What went wrong last."""

    at: Time
    why: str = Field(examples=["the endpoint answered 503"])


class EndpointView(View):
    """Where one kind of event is told, and how that goes."""

    kind: KindName
    url: str = Field(examples=["https://hooks.example.com/kabar"])
    headers: list[str] = Field(description="Names of the fixed headers.", examples=[["X-Api-Key"]])
    oauth: OAuthView | None
    state: Literal["on", "failing", "off"] = Field(
        description="`failing`: it didn't answer, everything waits and it is tried now and then. "
        "`off`: nothing is sent until it is switched on."
    )
    since: Time = Field(description="Since when it is so.")
    off_reason: str | None = Field(description="Why it is off.", examples=["the endpoint answered 410"])
    waiting: bool = Field(description="Whether callbacks wait to be tried again.")
    next_attempt_at: Time | None
    last_error: FailureView | None
    overlap_until: Time | None = Field(description="Until when the signing secret before signs too.")

    @classmethod
    def of(cls, item: Mapping[str, Any], state: Mapping[str, Any], next_at: int | None) -> "EndpointView":
        off = state.get("off")
        since = off["at"] if off else state.get("failing", item["created_at"])
        error = state.get("last_error")
        oauth = item["oauth"]
        return cls(
            kind=item["kind"],
            url=item["url"],
            headers=item["header_names"],
            oauth=OAuthView(**oauth) if oauth else None,
            state="off" if off else "failing" if "failing" in state else "on",
            since=moment(since) or "",
            off_reason=off["why"] if off else None,
            waiting=next_at is not None,
            next_attempt_at=None if off else moment(next_at),
            last_error=FailureView(at=moment(error["at"]) or "", why=error["why"]) if error else None,
            overlap_until=moment(item.get("overlap_until")),
        )


class NewEndpointView(EndpointView):
    """The endpoint with its newest signing secret, which is shown only now."""

    signing_secret: str | None = Field(
        description="Verify signatures with it (Standard Webhooks). Null in a repeated answer.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class EndpointsView(View):
    """The endpoints there are: at most one for replies and one for receipts."""

    data: list[EndpointView]


class Rotation(Request):
    """How a new signing secret takes over."""

    overlap_hours: int = Field(
        default=24, ge=0, le=MAX_OVERLAP, description="So long the old secret signs beside the new one."
    )


class SentView(View):
    """What was sent. Values of fixed headers and tokens are masked."""

    url: str = Field(examples=["https://hooks.example.com/kabar"])
    headers: dict[str, str]
    body: str


class AnswerView(View):
    """What came back; `cut` when the body had more than 64 KB."""

    status: int = Field(examples=[204])
    headers: dict[str, str]
    body: str
    cut: bool


class TestView(View):
    """How a test went."""

    delivered: bool
    milliseconds: Count
    why: str | None = Field(description="What is wrong.", examples=["the endpoint answered 503"])
    request: SentView
    answer: AnswerView | None


class DeadCallbackView(View):
    """A callback that was given up."""

    id: str = Field(examples=["1796112000000-msg_2b0c6d5e4f3a29181716151413121110"])
    webhook_id: str = Field(description="The same on every attempt.")
    body: str
    given_up_at: Time
    why: str = Field(examples=["the endpoint answered 400"])
    replayed_at: Time | None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "DeadCallbackView":
        return cls(
            id=item["sk"].replace("#", "-", 1),
            webhook_id=item["sk"].partition("#")[2],
            body=item["body"],
            given_up_at=moment(item["at"]) or "",
            why=item["why"],
            replayed_at=moment(item.get("replayed_at")),
        )


class Replay(Request):
    """Which given-up callbacks to send again: those given up in [since, until)."""

    since: str = Field(
        max_length=40,
        json_schema_extra={"format": "date-time"},
        description="RFC 3339.",
        examples=["2026-12-01T00:00:00Z"],
    )
    until: str = Field(
        max_length=40,
        json_schema_extra={"format": "date-time"},
        description="RFC 3339.",
        examples=["2026-12-02T00:00:00Z"],
    )

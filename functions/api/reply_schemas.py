"""What goes in and out of the API about how replies are understood and answered [I3] [I4] [I9] [I10]."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from kabar.domain.commands import Command
from kabar.domain.replies import REPLY_WINDOW_HOURS, RESPONSES_PER_HOUR
from list_schemas import OptOutResponse, Response
from schemas import Request, View
from text_schemas import EncodingName

Means = Literal["opt_out", "opt_in"]


class CommandView(View):
    """A word, or several, that a reply may consist of."""

    word: str = Field(examples=["STOP"])
    means: Means
    enabled: bool = Field(description="Whether it counts.")
    own: bool = Field(description="Whether the workspace added it; a standard one can't be deleted.")

    @classmethod
    def of(cls, command: Command) -> "CommandView":
        return cls(word=command.word, means=command.means.value, enabled=command.enabled, own=command.own)


class CommandsView(View):
    """All commands, the standard ones first."""

    commands: list[CommandView]


class CommandChange(Request):
    """What a command means and whether it counts."""

    enabled: bool = True
    means: Means = "opt_out"


Window = Annotated[
    int,
    Field(
        ge=1,
        le=720,
        description="How many hours after its last send a campaign is open for replies; an opt-out that comes "
        "later goes on the blacklist.",
    ),
]
PerHour = Annotated[
    int,
    Field(
        ge=1,
        le=20,
        description="How many answers one number gets in an hour, so that no two machines talk for ever.",
    ),
]
Scope = Annotated[
    Literal["list", "everything"],
    Field(description="What an opt-out by reply leaves: the list of the message it answers, or everything."),
]
Forward = Annotated[
    bool, Field(description="Whether replies to a list with an e-mail address are mailed there.")
]


class ReplySettingsView(View):
    """How replies are handled."""

    opt_out_scope: Scope
    reply_window_hours: Window
    responses_per_hour: PerHour
    forward_replies: Forward
    reply_response: str | None = Field(description="Answers a reply for which nothing else does.")
    opt_out_response: str | None = Field(description="Confirms an opt-out for which nothing else does.")
    response_encoding: EncodingName

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "ReplySettingsView":
        return cls(
            opt_out_scope=item.get("opt_out_scope", "list"),
            reply_window_hours=item.get("reply_window_hours", REPLY_WINDOW_HOURS),
            responses_per_hour=item.get("responses_per_hour", RESPONSES_PER_HOUR),
            forward_replies=item.get("forward_replies", True),
            reply_response=item.get("reply_response"),
            opt_out_response=item.get("opt_out_response"),
            response_encoding=item.get("response_encoding", "gsm"),
        )


class ReplySettingsChange(Request):
    """What to change; what is left out stays, and null takes a response away."""

    opt_out_scope: Scope | None = None
    reply_window_hours: Window | None = None
    responses_per_hour: PerHour | None = None
    forward_replies: Forward | None = None
    reply_response: Response | None = None
    opt_out_response: OptOutResponse | None = None
    response_encoding: EncodingName | None = None

    @model_validator(mode="after")
    def _possible(self) -> "ReplySettingsChange":
        for name in self.model_fields_set - {"reply_response", "opt_out_response"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} has a value always")
        return self

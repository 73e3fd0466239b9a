"""What goes in and out of the API about lists and their members [C1]-[C4]."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from kabar.domain.imports import MAX_PARAM, MAX_PARAMS
from schemas import Request

Param = Annotated[str, Field(max_length=MAX_PARAM)]
Params = Annotated[
    list[Param],
    Field(
        max_length=MAX_PARAMS,
        description="Up to 6 of up to 50 characters; the first is %%1%% in a text.",
        examples=[["Amy", "Scott"]],
    ),
]
WrittenMobile = Annotated[
    str,
    Field(
        min_length=1,
        max_length=50,
        description="International form, or local with the workspace's prefixes.",
        examples=["+6421555666"],
    ),
]


class _Params(Request):
    @field_validator("params", check_fields=False)
    @classmethod
    def _no_nul(cls, params: list[str] | None) -> list[str] | None:
        if params is not None and any("\0" in param for param in params):
            raise ValueError("a NUL character is no text")
        return params


class NewMember(_Params):
    """A number to put on a list."""

    mobile: WrittenMobile
    params: Params = Field(default_factory=list)


class MemberParams(_Params):
    """All params of a member."""

    params: Params


class MemberChanges(_Params):
    """What to change of a member; what is left out stays."""

    mobile: WrittenMobile | None = None
    params: Params | None = None

    @model_validator(mode="after")
    def _something(self) -> "MemberChanges":
        if self.mobile is None and self.params is None:
            raise ValueError("name a mobile, params or both")
        return self

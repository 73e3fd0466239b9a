"""What goes in and out of the API about lists and their members [C1]-[C4]."""

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from kabar.domain.imports import MAX_PARAM, MAX_PARAMS
from kabar.storage.lists import MAX_NAME
from schemas import Id, Request, View
from text_schemas import ResponseEncoding

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


class Parametrised(Request):
    """Something with params."""

    @field_validator("params", check_fields=False)
    @classmethod
    def _no_nul(cls, params: list[str] | None) -> list[str] | None:
        if params is not None and any("\0" in param for param in params):
            raise ValueError("a NUL character is no text")
        return params


class NewMember(Parametrised):
    """A number to put on a list."""

    mobile: WrittenMobile
    params: Params = Field(default_factory=list)


class MemberParams(Parametrised):
    """All params of a member."""

    params: Params


class MemberChanges(Parametrised):
    """What to change of a member; what is left out stays."""

    mobile: WrittenMobile | None = None
    params: Params | None = None

    @model_validator(mode="after")
    def _something(self) -> "MemberChanges":
        if self.mobile is None and self.params is None:
            raise ValueError("name a mobile, params or both")
        return self


def _name(name: str | None) -> str | None:
    if name is not None and (not name.strip() or "\0" in name):
        raise ValueError("a name is text, not only spaces")
    return name


Name = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME, examples=["Members of the gym"]), AfterValidator(_name)
]
Batch = Annotated[
    str, Field(min_length=1, max_length=255, description="A reference of your own.", examples=["2026-Q4"])
]
Email = Annotated[
    str,
    Field(
        max_length=254,
        pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
        description="Where replies to this list are forwarded.",
        examples=["front-desk@example.com"],
    ),
]
Response = Annotated[
    str,
    Field(
        min_length=1,
        max_length=160,
        pattern=r"^[^\x00]*$",
        description="What answers a reply to this list.",
        examples=["Thank you, we will call you."],
    ),
]
OptOutResponse = Annotated[
    str,
    Field(
        min_length=1,
        max_length=160,
        pattern=r"^[^\x00]*$",
        description="What confirms an opt-out from this list.",
        examples=["You won't hear from us again."],
    ),
]


Strict = Annotated[
    bool,
    Field(description="Whether every import into it rejects numbers that exist nowhere.", examples=[True]),
]


class NewList(Request):
    """A list made by hand; members and files can be added to it."""

    name: Name
    batch: Batch | None = None
    email: Email | None = None
    reply_response: Response | None = None
    opt_out_response: OptOutResponse | None = None
    response_encoding: ResponseEncoding = None
    strict: Strict = False


class ListChanges(Request):
    """What to change of a list; what is left out stays, null removes."""

    name: Name | None = None
    batch: Batch | None = None
    email: Email | None = None
    reply_response: Response | None = None
    opt_out_response: OptOutResponse | None = None
    response_encoding: ResponseEncoding = None
    strict: Strict | None = None

    @model_validator(mode="after")
    def _something(self) -> "ListChanges":
        if not self.model_fields_set:
            raise ValueError("name what to change")
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("a list has a name")
        return self


class ListIds(Request):
    """Lists to delete."""

    list_ids: list[Id] = Field(min_length=1, max_length=100, examples=[[1042, 1043]])


class DeletedListView(View):
    """A list that was deleted with its keywords."""

    id: Id
    keywords: list[str] = Field(
        description="Its keywords, deleted too; nobody can use the words until they are released.",
        examples=[["Tes2"]],
    )


class DeletedListsView(View):
    """Which lists were deleted."""

    deleted: list[Id] = Field(examples=[[1042]])
    not_found: list[Id] = Field(description="There was no list with these ids.", examples=[[1043]])
    keywords: list[str] = Field(description="Keywords of these lists, deleted too.", examples=[["Tes2"]])

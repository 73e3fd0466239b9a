"""What goes in and out of the API about keywords [I8]."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from kabar.domain.commands import folded
from schemas import Id, Request, Time, View, moment
from text_schemas import EncodingName


def _sayable(word: str) -> str:
    if not folded(word):
        raise ValueError("a keyword has a letter or digit")
    return word


Word = Annotated[
    str,
    Field(
        min_length=1,
        max_length=50,
        pattern=r"^[^\s\x00]+$",
        description="One word without spaces. A reply is the keyword in any case, with or without accents and "
        "punctuation.",
        examples=["Tes2"],
    ),
    AfterValidator(_sayable),
]
KeywordResponse = Annotated[
    str,
    Field(
        min_length=1,
        max_length=160,
        pattern=r"^[^\x00]*$",
        description="What answers who sends it; the list's response, else the default when left out.",
        examples=["Welcome to the gym's list."],
    ),
]


class KeywordView(View):
    """A word that makes whoever sends it a member of a list."""

    id: Id
    keyword: str = Field(examples=["Tes2"])
    list_id: Id
    active: bool = Field(description="Whether it does anything.")
    response: str | None
    encoding: EncodingName = Field(description="Of the response.")
    created_at: Time
    deleted_at: Time | None = Field(description="A deleted keyword's word isn't free until it is released.")

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "KeywordView":
        return cls(
            id=item["id"],
            keyword=item["word"],
            list_id=item["list_id"],
            active=item["active"],
            response=item.get("response"),
            encoding=item["encoding"],
            created_at=moment(item["created_at"]) or "",
            deleted_at=moment(item.get("deleted_at")),
        )


class NewKeyword(Request):
    """A keyword to add."""

    keyword: Word
    list_id: Id = Field(description="Must exist, may be empty.")
    active: bool = True
    response: KeywordResponse | None = None
    encoding: EncodingName = "gsm"


class KeywordChanges(Request):
    """What to change of a keyword; what is left out stays, and null takes its response away."""

    list_id: Id | None = None
    active: bool | None = None
    response: KeywordResponse | None = None
    encoding: EncodingName | None = None

    @model_validator(mode="after")
    def _something(self) -> "KeywordChanges":
        if not self.model_fields_set:
            raise ValueError("name what to change")
        for name in self.model_fields_set - {"response"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} has a value always")
        return self

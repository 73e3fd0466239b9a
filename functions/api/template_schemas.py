"""What goes in and out of the API about templates [E5]."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from schemas import Id, Request, Time, View, moment
from text_schemas import Text

Name = Annotated[
    str, Field(min_length=1, max_length=50, pattern=r"^[^\x00]*\S[^\x00]*$", examples=["Holiday greeting"])
]


class NewTemplate(Request):
    """A text with a name."""

    name: Name
    text: Text


class TemplateChanges(Request):
    """What to change of a template; what is left out stays."""

    name: Name | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _something(self) -> "TemplateChanges":
        if self.name is None and self.text is None:
            raise ValueError("give a name, a text or both")
        return self


class TemplateView(View):
    """A text with a name. Campaigns made from it keep the text as it was."""

    id: Id
    name: str = Field(examples=["Holiday greeting"])
    text: str
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, template: Mapping[str, Any]) -> "TemplateView":
        return cls(
            id=template["id"],
            name=template["name"],
            text=template["text"],
            created_at=moment(template["created_at"]) or "",
            updated_at=moment(template["updated_at"]) or "",
        )

"""A message text as it comes in, for whatever sends or shows one [E1] [E2] [E4] [E5]."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kabar.domain.text import UnknownPlaceholder, parse
from schemas import Id, Request


def _parsed(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character is no text")
    try:
        parse(text)
    except UnknownPlaceholder as error:
        raise ValueError(str(error)) from error
    return text


Text = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1600,
        description="%%1%% to %%6%% stand for each recipient's params.",
        examples=["Hi %%1%%, we are open on Boxing Day."],
    ),
    AfterValidator(_parsed),
]
TemplateId = Annotated[Id, Field(description="Instead of a text: the template whose text is taken.")]
EncodingName = Annotated[
    Literal["gsm", "turkish_single", "turkish_locking", "turkish_both", "ucs2"],
    Field(
        description="`gsm`: GSM-7, and UCS-2 for a text that GSM-7 doesn't hold. `turkish_…`: such a text first "
        "tries the Turkish shift tables (single: each shifted letter counts twice). `ucs2`: always UCS-2. A carrier "
        "offers some of them."
    ),
]
ResponseEncoding = Annotated[
    EncodingName | None,
    Field(
        description="Of the two responses; the workspace's when left out or null. The same names as `encoding`."
    ),
]
Smart = Annotated[
    bool,
    Field(description="Smart encoding: plain equivalents for characters that would make a text take UCS-2."),
]


class Message(Request):
    """What to say: a text or a template, and how it is encoded."""

    text: Text | None = None
    template_id: TemplateId | None = None
    encoding: EncodingName = "gsm"
    smart: Smart = False

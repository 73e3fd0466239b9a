"""What goes in and out of the API about quick campaigns [F2]."""

from pydantic import Field, model_validator

from campaign_schemas import (
    OPT_OUT_RESPONSE,
    REPLY_RESPONSE,
    Answer,
    CampaignView,
    Name,
    Schedule,
    Sender,
)
from import_schemas import RemoveOptOuts, Row, Strict, UploadView
from kabar.domain.splits import NAME_SUFFIX
from kabar.storage.lists import MAX_NAME
from list_schemas import Batch, Email
from list_schemas import Name as ListName
from schemas import Request, View
from text_schemas import Message, ResponseEncoding


class QuickSplit(Request):
    """How to make several campaigns of one file, `<name> (1/n)` and so on, each to a list of its own."""

    records: int = Field(ge=1, le=1_000_000, description="Members per list; the last has the rest.")
    delay_minutes: int = Field(ge=0, le=10_080, description="How much later each starts than the one before.")


class QuickCampaign(Message):
    """A campaign with the list that it goes to: members here, or a file to upload next."""

    name: Name
    schedule: Schedule = Field(description="When to send.", examples=["now"])
    list_name: ListName | None = Field(default=None, description="Of the new list; else the campaign's name.")
    batch: Batch | None = None
    email: Email | None = None
    members: list[Row] | None = Field(
        default=None, min_length=1, description="Up to 4 MB; without them the answer has a form for a file."
    )
    filename: str = Field(
        default="file.csv", min_length=1, max_length=255, description="For people.", examples=["members.csv"]
    )
    remove_opt_outs: RemoveOptOuts = True
    strict: Strict = False
    split: QuickSplit | None = None
    sender: Sender | None = None
    reply_response: Answer | None = Field(default=None, description=REPLY_RESPONSE)
    opt_out_response: Answer | None = Field(default=None, description=OPT_OUT_RESPONSE)
    response_encoding: ResponseEncoding = None

    @model_validator(mode="after")
    def _room_for_numbers(self) -> "QuickCampaign":
        longest = max(len(self.name), len(self.list_name or ""))
        if self.split and longest > MAX_NAME - NAME_SUFFIX:
            raise ValueError(f"with split a name has up to {MAX_NAME - NAME_SUFFIX} characters")
        return self


class QuickCampaignView(View):
    """The campaign as it is shown at once, the import of its list, and how to upload the file, if there is one."""

    campaign: CampaignView
    import_id: str = Field(examples=["4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c"])
    upload: UploadView | None

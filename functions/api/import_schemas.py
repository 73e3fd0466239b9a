"""What goes in and out of the API about imports that it announces [D1]."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from kabar.domain.splits import NAME_SUFFIX
from kabar.storage.lists import MAX_NAME
from schemas import Id, ImportView, Request, Time, View

RemoveOptOuts = Annotated[
    bool, Field(description="Leave out whoever opted out of anything or is blacklisted.")
]

Strict = Annotated[
    bool,
    Field(description="Reject numbers that exist nowhere; otherwise they only are counted as `implausible`."),
]


class Split(Request):
    """How to make several lists of one file: `<name> (1/n)` and so on, in the file's order."""

    records: int = Field(ge=1, le=1_000_000, description="Members per list; the last has the rest.")


class NewImport(Request):
    """A file to come, and what is to become of it. Name the list by its id or, exactly, by its name."""

    purpose: Literal["append", "new_list", "delete_members", "blacklist"] = Field(
        description="`append` to a list that exists; make a `new_list` of this name; `delete_members` from a list, "
        "which the import asks to confirm; or `blacklist`, without a list."
    )
    list_id: Id | None = None
    list_name: str | None = Field(default=None, min_length=1, max_length=MAX_NAME, examples=["Gym"])
    filename: str = Field(
        default="file.csv", min_length=1, max_length=255, description="For people.", examples=["members.csv"]
    )
    remove_opt_outs: RemoveOptOuts = True
    strict: Strict = False
    dry_run: bool = Field(
        default=False,
        description="Read the file and check who opted out, and change no list; see `first_rows`.",
    )

    split: Split | None = None

    @model_validator(mode="after")
    def _one_list(self) -> "NewImport":
        if (self.dry_run or self.strict) and self.purpose not in ("append", "new_list"):
            raise ValueError("dry_run and strict are for members of a list: leave them out")
        if self.split and (self.purpose != "new_list" or len(self.list_name or "") > MAX_NAME - NAME_SUFFIX):
            raise ValueError(
                f"split makes new lists, of a name with up to {MAX_NAME - NAME_SUFFIX} characters"
            )
        if self.purpose == "blacklist":
            if self.list_id is not None or self.list_name is not None:
                raise ValueError("the blacklist is no list: leave out list_id and list_name")
            return self
        if (self.list_id is None) == (self.list_name is None):
            raise ValueError("name the list by list_id or by list_name")
        if self.purpose == "new_list" and (self.list_name is None or not self.list_name.strip()):
            raise ValueError("a new list has a name: list_name")
        return self


class UploadView(View):
    """A form to post the file with: all fields, then the file as `file` (multipart/form-data)."""

    url: str = Field(examples=["https://uploads.s3.eu-west-1.amazonaws.com/"])
    fields: dict[str, str] = Field(examples=[{"key": "acme/uploads/4f3c/file.csv", "policy": "eyJ…"}])
    max_bytes: int = Field(description="A larger file is refused by the bucket.", examples=[209715200])
    expires_at: Time


class AnnouncedImportView(ImportView):
    """An import that waits for its file, and how to send it."""

    upload: UploadView

    @classmethod
    def announced(cls, head: Mapping[str, Any], upload: UploadView) -> "AnnouncedImportView":
        return cls(**ImportView.of(head).model_dump(), upload=upload)


class Row(Request):
    """One member as it would stand in a file; what is wrong with it is told in the import."""

    mobile: str = Field(examples=["+6421555666"])
    params: list[str] = Field(default_factory=list, examples=[["Amy", "Scott"]])


class MembersToImport(Request):
    """Members to add to a list, in one import; 4 MB are the most, a file takes more."""

    members: list[Row] = Field(min_length=1)
    remove_opt_outs: RemoveOptOuts = True
    strict: Strict = False


class EncodingChoice(Request):
    """The encoding of a file that could be read in several."""

    encoding: str = Field(min_length=1, max_length=40, examples=["windows-1254"])

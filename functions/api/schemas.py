"""What goes in and out of the API, as pydantic models; the OpenAPI document is made from them.

Requests are strict: no conversions ("5" is no number) and no unknown fields. Times are RFC 3339 in UTC.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kabar.domain.import_codes import explained, messages

MAX_ID = 2**53 - 1

Id = Annotated[int, Field(ge=1, le=MAX_ID, examples=[1042])]


def plain(written: str) -> str:
    """An id as addresses have it, so that each thing has one: 7 is also `7.0`, `07` and `+7` to pydantic."""
    if not written.isdecimal() or not written.isascii() or written.startswith("0"):
        raise ValueError("an id is written in plain digits")
    return written


AddressId = Annotated[int, Field(ge=1, le=MAX_ID), BeforeValidator(plain)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-12-01T09:00:00.000Z"])]
Mobile = Annotated[str, Field(description="International form: + and digits.", examples=["+6421555666"])]
Count = Annotated[int, Field(ge=0)]
T = TypeVar("T")


def moment(at: int | None) -> str | None:
    """Epoch ms as RFC 3339 in UTC; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class View(BaseModel):
    """What is shown. Models are built when first used: a cold start shows or takes one of them."""

    model_config = ConfigDict(defer_build=True)


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


class Page(View, Generic[T]):
    """One page of a listing."""

    data: list[T]
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last page.")


class ListView(View):
    """A recipient list."""

    id: Id
    name: str = Field(examples=["Members of the gym"])
    batch: str | None = Field(description="A reference of your own.")
    email: str | None = Field(description="Where replies to this list are forwarded.")
    reply_response: str | None = Field(description="What answers a reply to this list.")
    opt_out_response: str | None = Field(description="What confirms an opt-out from this list.")
    response_encoding: str | None = Field(description="Of both; null: the workspace's.", examples=["gsm"])
    strict: bool = Field(description="Whether every import into it rejects numbers that exist nowhere.")
    members: Count = Field(description="Numbers on the list, without deleted ones.")
    opted_out: Count = Field(description="Members known to have opted out.")
    deleted: Count = Field(description="Deleted numbers that stay findable.")
    loading: bool = Field(description="Whether an import is writing it.")
    created_at: Time

    @classmethod
    def of(cls, head: Mapping[str, Any]) -> "ListView":
        return cls(
            id=head["id"],
            name=head["name"],
            batch=head.get("batch"),
            email=head.get("email"),
            reply_response=head.get("reply_response"),
            opt_out_response=head.get("opt_out_response"),
            response_encoding=head.get("response_encoding"),
            strict=bool(head.get("strict")),
            members=head.get("members", 0),
            opted_out=head.get("opted_out", 0),
            deleted=head.get("deleted", 0),
            loading=bool(head.get("loading")),
            created_at=moment(head["created_at"]) or "",
        )


class MemberView(View):
    """One number on a list, with its params."""

    mobile: Mobile
    params: list[str] = Field(
        description="Up to 6; the first is %%1%% in a text.", examples=[["Amy", "Scott"]]
    )
    opted_out: bool = Field(description="Whether nothing goes to the number through this list.")
    opted_out_at: Time | None
    opted_out_from: Literal["list", "everything", "blacklist"] | None = Field(
        description="This list, everything (the inbox), or the blacklist, where it is undone."
    )
    opted_out_by: str | None = Field(
        description="The reply, user or key that said so.", examples=["reply:81"]
    )
    deleted: bool
    deleted_at: Time | None

    @classmethod
    def of(cls, member: Mapping[str, Any]) -> "MemberView":
        """Of a member as it was judged (storage.member_search)."""
        left, deleted = member.get("left", {}), member.get("deleted")
        return cls(
            mobile=member["sk"],
            params=member.get("params", []),
            opted_out=bool(left),
            opted_out_at=moment(left.get("at")),
            opted_out_from=left.get("from"),
            opted_out_by=left.get("by"),
            deleted=deleted is not None,
            deleted_at=moment(deleted),
        )


class ImportFailure(View):
    """Why an import failed and what to do about it."""

    code: str = Field(examples=["encoding_unsupported"])
    message: str
    fix: str | None

    @classmethod
    def of(cls, head: Mapping[str, Any], language: str) -> "ImportFailure | None":
        error = head.get("error")
        if not error:
            return None
        told = explained(error["code"], error["message"], language, head.get("error_line", 0))
        return cls(code=error["code"], message=told.sentence, fix=told.fix or None)


class RejectedRows(View):
    """How many rows were rejected for one reason, and what to do about it."""

    code: str = Field(examples=["letters"])
    rows: Count
    message: str
    fix: str

    @classmethod
    def every(cls, counts: Mapping[str, int], language: str) -> "list[RejectedRows]":
        told = messages(language).rows
        by_number = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return [
            cls(code=code, rows=rows, message=told[code].sentence, fix=told[code].fix)
            for code, rows in by_number
        ]


class PartOfImport(View):
    """One list of several that an import made."""

    list_id: Id
    name: str = Field(examples=["Gym (1/3)"])
    records: Count = Field(description="Members that it was given.")


class FirstRow(View):
    """One row of a dry run as an import would read it."""

    mobile: Mobile
    params: list[str] = Field(examples=[["Amy", "Scott"]])
    changes: list[str] = Field(
        description="What would be done to the number.", examples=[["prefix_mapped", "plus_added"]]
    )


class ImportView(View):
    """An import: a file on its way into a list. Rows read is the sum of the five buckets once it is done."""

    id: str = Field(examples=["4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c"])
    key: str = Field(description="The object in the uploads bucket.", examples=["acme/lists/Gym/members.csv"])
    purpose: Literal["append", "new_list", "delete_members", "blacklist"]
    filename: str | None = Field(description="What the file was called, if that was said.")
    remove_opt_outs: bool
    strict: bool = Field(description="Whether implausible numbers are rejected.")
    dry_run: bool = Field(description="Whether it only says what it would do.")
    state: Literal["waiting_for_file", "validating", "needs_decision", "loading", "done", "failed"]
    phase: str | None = Field(description="What it is doing, for people.")
    list_id: Id | None
    list_name: str | None
    lists: list[PartOfImport] | None = Field(description="The lists of a split import, in the file's order.")
    header: list[str] | None = Field(description="The header row that was recognised and skipped.")
    rows_read: Count
    accepted: Count
    corrected: Count
    duplicates: Count
    opted_out: Count
    rejected: Count
    codes: list[RejectedRows] = Field(description="Why rows were rejected, most frequent first.")
    changes: dict[str, int] = Field(
        description="What was done to numbers that were corrected; one may need several.",
        examples=[{"separators_removed": 12}],
    )
    implausible: Count | None = Field(
        description="Imported numbers that no country has, as far as is known: a warning."
    )
    added: Count | None = Field(description="Numbers that are new on the list.")
    readded: Count | None = Field(description="Deleted numbers that are members again.")
    updated: Count | None = Field(description="Members whose params were replaced.")
    to_delete: Count | None = Field(description="Members that a deletion would remove.")
    missing: Count | None = Field(description="Numbers to delete that are no members of the list.")
    deleted: Count | None = Field(description="Members that were deleted.")
    blacklisted: Count | None = Field(description="Numbers that are new on the blacklist.")
    bytes_read: Count
    bytes_total: Count | None
    estimated_end: Time | None = Field(description="When the file will be read at the present speed.")
    rejected_file: str | None = Field(
        description="A link, good for an hour, to the rejected rows with their reasons."
    )
    duplicates_file: str | None = Field(
        description="A link, good for an hour, to the duplicates, each with the line of the first."
    )
    preview: dict[str, list[str]] | None = Field(
        description="Where the encoding must be chosen: a few lines as each possible encoding reads them."
    )
    missing_file: str | None = Field(description="A link, good for an hour, to the missing numbers.")
    first_rows: list[FirstRow] | None = Field(
        description="Of a dry run: the first 20 rows that would be read, opted out or not."
    )
    error: ImportFailure | None
    created_at: Time
    updated_at: Time
    finished_at: Time | None

    @classmethod
    def of(
        cls,
        head: Mapping[str, Any],
        link: Callable[[str, str], str] | None = None,
        language: str = "",
    ) -> "ImportView":
        """`link` of (key, name) is where a file can be got.

        Sentences are in `language`; without one, in the workspace's as far as they were told before.
        """
        same: dict[str, Any] = {name: head.get(name, 0) for name in _COUNTS}
        same |= {name: head.get(name) for name in _OPTIONAL}
        same["list_id"] = head.get("list_id", head.get("target"))  # known before the file is in
        for name in ("rejected", "duplicates", "missing"):
            key = head.get(f"{name}_key")
            same[f"{name}_file"] = link(key, f"{name}.csv") if link and key else None
        return cls(
            id=head["id"],
            key=head["key"],
            purpose=head.get("purpose", "append"),
            remove_opt_outs=head.get("remove_opt_outs", True),
            strict=head.get("strict", False),
            dry_run=head.get("dry_run", False),
            state=head["state"],
            **same,
            estimated_end=moment(_estimated_end(head)),
            codes=RejectedRows.every(head.get("codes", {}), language),
            changes=head.get("changes", {}),
            error=ImportFailure.of(head, language),
            created_at=moment(head["created_at"]) or "",
            updated_at=moment(head["updated_at"]) or "",
            finished_at=moment(head.get("finished_at")),
        )


_COUNTS = ("rows_read", "accepted", "corrected", "duplicates", "opted_out", "rejected", "bytes_read")
_OPTIONAL = (
    "phase",
    "filename",
    "list_name",
    "lists",
    "header",
    "implausible",
    "added",
    "readded",
    "updated",
    "bytes_total",
    "preview",
    "first_rows",
    "to_delete",
    "missing",
    "deleted",
    "blacklisted",
)


def _estimated_end(head: Mapping[str, Any]) -> int | None:
    read, total = head.get("bytes_read"), head.get("bytes_total")
    if head["state"] != "validating" or not read or not total or read > total:
        return None
    return int(head["created_at"] + (head["updated_at"] - head["created_at"]) * total / read)


class NewBlacklisting(Request):
    """A number that nobody is to send to."""

    mobile: str = Field(
        min_length=1,
        max_length=50,
        description="International form, or local with the workspace's prefixes.",
        examples=["+6421555666"],
    )


class BlacklistView(View):
    """A blacklisted number."""

    mobile: Mobile
    at: Time = Field(description="Since when.")
    by: str = Field(
        description="`api:<key>` or `reply:<carrier's id>`.", examples=["api:key:1f2e3d4c5b6a7988"]
    )

"""What goes in and out of the API about downloads of lists and reports [C5] [M1]."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from schemas import Count, Id, Request, Time, View, moment

StatusWord = Literal[
    "pending",
    "held",
    "submitted",
    "suppressed",
    "cancelled",
    "missed",
    "uncertain",
    "sent",
    "frozen",
    "expired",
    "failed",
    "dead",
    "rejected",
    "received",
]


class ExportFailure(View):
    """Why a download came to nothing."""

    code: str = Field(examples=["list_gone"])
    message: str


class _Export(View):
    id: Id
    state: Literal["running", "done", "failed"]
    rows: Count = Field(description="Rows written so far.")
    rows_expected: Count = Field(description="Rows that there were to write when it was asked for.")
    progress: float = Field(ge=0, le=1, description="How much of it is done.")
    file: str | None = Field(
        description="A link, good for 15 minutes, to the file; asking again gives another."
    )
    error: ExportFailure | None
    created_at: Time
    updated_at: Time
    finished_at: Time | None


class ExportView(_Export):
    """A list on its way into a file; the file is kept for a week."""

    list_id: Id
    list_name: str

    @classmethod
    def of(cls, head: Mapping[str, Any], file: str | None) -> "ExportView":
        return cls(list_id=head["subject"], list_name=head["name"], **_shown(head, file))


class ReportExportView(_Export):
    """The recipients of a campaign that are in one status, on their way into a file that is kept for a week."""

    campaign_id: Id
    campaign_name: str
    status: StatusWord

    @classmethod
    def of(cls, head: Mapping[str, Any], file: str | None) -> "ReportExportView":
        return cls(
            campaign_id=head["subject"],
            campaign_name=head["name"],
            status=head["status"],
            **_shown(head, file),
        )


class NewReportExport(Request):
    """Which recipients to write to a file."""

    status: StatusWord = Field(description="Those that are in this status.", examples=["failed"])


def _shown(head: Mapping[str, Any], file: str | None) -> dict[str, Any]:
    done, rows, expected = head["state"] == "done", head["rows"], head["total"]
    error = head.get("error")
    return {
        "id": head["id"],
        "state": head["state"],
        "rows": rows,
        "rows_expected": expected,
        "progress": 1.0 if done else min(rows / expected, 0.99) if expected else 0.0,
        "file": file,
        "error": ExportFailure(**error) if error else None,
        "created_at": moment(head["created_at"]) or "",
        "updated_at": moment(head["updated_at"]) or "",
        "finished_at": moment(head.get("finished_at")),
    }

"""What goes out of the API about downloads of lists [C5]."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from schemas import Count, Id, Time, View, moment


class ExportFailure(View):
    """Why a download came to nothing."""

    code: str = Field(examples=["list_gone"])
    message: str


class ExportView(View):
    """A list on its way into a file; the file is kept for a week."""

    id: Id
    list_id: Id
    list_name: str
    state: Literal["running", "done", "failed"]
    rows: Count = Field(description="Members written so far.")
    rows_expected: Count = Field(description="Members that the list had when it was asked for.")
    progress: float = Field(ge=0, le=1, description="How much of it is done.")
    file: str | None = Field(
        description="A link, good for 15 minutes, to the file; asking again gives another."
    )
    error: ExportFailure | None
    created_at: Time
    updated_at: Time
    finished_at: Time | None

    @classmethod
    def of(cls, head: Mapping[str, Any], file: str | None) -> "ExportView":
        done, rows, expected = head["state"] == "done", head["rows"], head["total"]
        error = head.get("error")
        return cls(
            id=head["id"],
            list_id=head["list_id"],
            list_name=head["list_name"],
            state=head["state"],
            rows=rows,
            rows_expected=expected,
            progress=1.0 if done else min(rows / expected, 0.99) if expected else 0.0,
            file=file,
            error=ExportFailure(**error) if error else None,
            created_at=moment(head["created_at"]) or "",
            updated_at=moment(head["updated_at"]) or "",
            finished_at=moment(head.get("finished_at")),
        )

"""What goes out of the API about the reports of all campaigns [M1]."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from kabar.domain.campaigns import Life
from schemas import Count, Id, Time, View, moment


class ReportLineView(View):
    """A campaign that has a report, with its counts as they were at its end: receipts that came later are in its
    report alone.
    """

    campaign_id: Id
    name: str = Field(examples=["Christmas hours"])
    status: Life
    list_id: Id | None = Field(description="Null when the import of its list failed.")
    started_at: Time | None
    closed_at: Time | None
    recipients: Count | None = Field(description="Known from the start on.")
    segments: Count | None
    opted_out: Count | None
    statuses: dict[str, Count] | None = Field(
        description="Recipients per message status; null until its end.", examples=[{"received": 970}]
    )

    @classmethod
    def of(cls, head: Mapping[str, Any]) -> "ReportLineView":
        totals = head.get("totals") or {}
        return cls(
            campaign_id=head["id"],
            name=head["name"],
            status=head["status"],
            list_id=head.get("list_id"),
            started_at=moment(head.get("started_at")),
            closed_at=moment(head.get("closed_at")),
            recipients=head.get("plan", {}).get("recipients", totals.get("recipients")),
            segments=totals.get("segments"),
            opted_out=totals.get("opted_out"),
            statuses=totals.get("statuses"),
        )

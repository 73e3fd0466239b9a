"""The recipients of a campaign that are in one status, as CSV [M1]."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from kabar.domain.list_csv import cell, quoted
from kabar.domain.statuses import HANDED_OVER, Status

HEADER = ("list_name", "message_id", "mobile", "sent_date", "status", "status_date", "timezone")
TOLD_BY_FACTS = {Status.SUPPRESSED, Status.EXPIRED, Status.FROZEN, Status.FAILED, Status.DEAD} | {
    Status.REJECTED,
    Status.RECEIVED,
}
"""Statuses that a fact of their own dates; the others are dated by the hand-over, or not at all."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A recipient in a status. `facts` are the times (epoch ms) of what is known of the message, by status."""

    message: int
    mobile: str
    facts: Mapping[Status, int]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What all rows have in common; `closed_at` (epoch ms) dates what was cancelled."""

    list_name: str
    status: Status
    where: ZoneInfo
    closed_at: int | None = None

    def wanted(self) -> tuple[Status, ...]:
        """The facts that date a row."""
        handed_over = (Status.SUBMITTED,) if self.status in HANDED_OVER | {Status.SUBMITTED} else ()
        return handed_over + ((self.status,) if self.status in TOLD_BY_FACTS else ())

    def header(self) -> str:
        """The first line, behind the byte order mark by which spreadsheets know UTF-8."""
        return "\ufeff" + ",".join(HEADER) + "\r\n"

    def line(self, recipient: Dated) -> str:
        """One recipient, ended by CRLF (RFC 4180); times are on the wall clock of `timezone`, with its offset."""
        sent = recipient.facts.get(Status.SUBMITTED) if self.status in HANDED_OVER else None
        since = recipient.facts.get(self.status, sent)
        if self.status is Status.CANCELLED:
            since = self.closed_at
        cells = (
            cell(quoted(self.list_name)),
            str(recipient.message),
            recipient.mobile,
            self._time(sent),
            self.status.word,
            self._time(since),
            self.where.key,
        )
        return ",".join(cells) + "\r\n"

    def _time(self, at: int | None) -> str:
        if at is None:
            return ""
        return (
            datetime.fromtimestamp(at / 1000, UTC).astimezone(self.where).isoformat(timespec="milliseconds")
        )

"""Replies as CSV that no spreadsheet runs as a formula [I1]."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from kabar.domain.list_csv import cell, quoted

HEADER = (
    *("reply_id", "mobile", "received", "content", "to", "list_name", "batch", "campaign_id", "reply_to"),
    *("command", "keyword", "left", "opted_out", "blacklisted", "read"),
    *(f"param{n}" for n in range(1, 7)),
)


def header() -> str:
    """The first line, behind the byte order mark by which spreadsheets know UTF-8."""
    return "\ufeff" + ",".join(HEADER) + "\r\n"


def line(
    reply: Mapping[str, Any], params: Sequence[str], where: ZoneInfo, *, opted_out: bool, blacklisted: bool
) -> str:
    """One reply, ended by CRLF (RFC 4180); its time is on the wall clock of `where`, with its offset."""
    received = datetime.fromtimestamp(reply["at"] / 1000, UTC).astimezone(where)
    cells = (
        reply["reply_id"],
        reply["mobile"],
        received.isoformat(timespec="milliseconds"),
        *(reply.get(name, "") for name in ("text", "to", "list_name", "batch", "campaign", "message")),
        *(reply.get(name, "") for name in ("command", "keyword", "left")),
        *("yes" if each else "no" for each in (opted_out, blacklisted, "read_at" in reply)),
        *(params[n] if n < len(params) else "" for n in range(6)),
    )
    return ",".join(cell(quoted(str(each))) for each in cells) + "\r\n"

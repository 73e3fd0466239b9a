"""The recipients of a campaign one by one: who is in a status and since when. [P78]

Status vectors say who, the plan's chunks whom they stand for, and one batch read of exactly the facts that date a
status says when.
"""

from collections.abc import Iterator
from typing import Any

from kabar.domain.report_csv import Dated, Sheet
from kabar.domain.schedule import zone
from kabar.domain.statuses import Status, status_of
from kabar.storage import keys, workspaces
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Item, Table
from kabar.storage.exports import Batch
from kabar.storage.plans import Plans


class Recipients:
    """Those of all campaigns."""

    def __init__(self, workspaces_table: Table, dispatch: Table, people: Table, bucket: str) -> None:
        self._workspaces = workspaces_table
        self._chunks = Chunks(dispatch)
        self._people = people
        self._plans = Plans(bucket)

    def sheet(self, workspace: str, campaign: int, status: str) -> "ReportSheet":
        """What writes those of a campaign that are in `status` to a file. Raises LookupError without a campaign."""
        head = self._workspaces.get(keys.campaign_head(workspace, campaign))
        if head is None:
            raise LookupError(f"there is no campaign {campaign}")
        zone_name = (head.get("schedule") or {}).get("timezone")
        zone_name = zone_name or workspaces.settings(self._workspaces, workspace)["timezone"]
        name = head.get("list_name", "")  # a quick campaign whose list never came has no recipients either
        sheet = Sheet(name, Status.of(status), zone(zone_name), head.get("closed_at"))
        return ReportSheet(self, head, sheet)

    def of_chunk(self, head: Item, number: int, sheet: Sheet) -> Iterator[Dated]:
        """Those of one chunk that are in the sheet's status."""
        plan = head["plan"]
        size = min(plan["chunk_size"], plan["recipients"] - number * plan["chunk_size"])
        vector = self._chunks.read(head["id"], number).vector.ljust(size, b"\0")
        positions = [at for at, byte in enumerate(vector) if status_of(byte) is sheet.status]
        if not positions:
            return
        rows = self._plans.read(head["id"], plan, number)
        first = plan["first_id"] + number * plan["chunk_size"]
        found = self._people.batch_get(
            [
                keys.fact(head["workspace"], rows[at][0], first + at, status.word)
                for at in positions
                for status in sheet.wanted()
            ]
        )
        for at in positions:
            mobile, message = rows[at][0], first + at
            facts: dict[Status, Any] = {}
            for status in sheet.wanted():
                key = keys.fact(head["workspace"], mobile, message, status.word)
                if fact := found.get((key["pk"], key["sk"])):
                    facts[status] = fact["at"]
            yield Dated(message, mobile, facts)


class ReportSheet:
    """One campaign's recipients in one status; a place is {chunk}."""

    def __init__(self, recipients: Recipients, head: Item, sheet: Sheet) -> None:
        self.header = sheet.header()
        self._recipients = recipients
        self._head = head
        self._sheet = sheet

    def batches(self, place: Item) -> Iterator[Batch]:
        chunks = self._head.get("plan", {}).get("chunks", 0)
        for chunk in range(place.get("chunk", 0), chunks):
            found = self._recipients.of_chunk(self._head, chunk, self._sheet)
            lines = [self._sheet.line(recipient) for recipient in found]
            yield Batch("".join(lines), len(lines), {"chunk": chunk + 1})

"""Where message requests come in: API messages, responses and tests [F9] [I9] [F6]."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kabar.carriers import slice_size
from kabar.domain.composing import composer
from kabar.domain.recipients import Row
from kabar.domain.requests import Kind, NewRequest, NoText
from kabar.storage import activity, keys, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.requests import Requests


@dataclass(frozen=True)
class Outbox:
    """`enqueue(workspace, request)` puts a stored request into the queue of `send_messages`."""

    workspaces: Table
    activity: Table
    requests: Requests
    enqueue: Callable[[str, int], None]

    def submit(self, workspace: str, new: NewRequest) -> Item:
        """Store the request, then queue it; the same id again stores nothing and sends nothing twice.

        Returns its head as stored. Raises NoText, of a request that isn't stored yet, UnknownPlaceholder,
        UnknownWorkspace.
        """
        settings = workspaces.settings(self.workspaces, workspace)
        carrier = new.carrier or settings["carrier"]
        account = self.workspaces.get(keys.carrier(workspace, carrier)) or {}
        rows = self._rows(new)
        head: Item = {
            "id": new.id,
            "first_id": new.first_id,
            "size": len(rows),
            "segments": sum(row.segments for row in rows),
            "workspace": workspace,
            "kind": new.kind.value,
            "text": new.text,
            "encoding": new.encoding.value,
            "smart": new.smart,
            "sender": new.sender or settings["sender"],
            "carrier": carrier,
            "slice": slice_size(carrier, account.get("slice", 1)),
            "list": new.list_id,
            "about": new.about,
            "reference": new.reference,
            "timezone": new.timezone,
            "confirms_opt_out": new.confirms_opt_out,
            "created_at": new.created_at,
            "by": new.by,
            "request_id": new.request_id,
        }
        stored = self.requests.put(head, rows, self._entry(head))
        self.enqueue(workspace, new.id)
        return stored

    def _rows(self, new: NewRequest) -> list[Row]:
        message = composer({"text": new.text, "encoding": new.encoding, "smart": new.smart})
        texts = [message.text(params) for _, params in new.recipients]
        empty = [position for position, text in enumerate(texts) if not text]
        if empty and self.requests.get(new.id, consistent=True) is None:
            raise NoText(empty)
        return [
            Row(mobile, list(params), message.count(text).segments)
            for (mobile, params), text in zip(new.recipients, texts, strict=True)
        ]

    def _entry(self, head: Item) -> dict[str, Any] | None:
        """What the log says; a response is in the conversation that it belongs to."""
        if head["kind"] == Kind.RESPONSE:
            return None
        what = "messages sent" if head["kind"] == Kind.API else "test sent"
        detail = {"recipients": head["size"], "segments": head["segments"], "first_id": head["first_id"]}
        about = head["about"] or f"request/{head['id']}"
        return activity.entry(
            self.activity, head["workspace"], head["created_at"], head["by"], what, about, detail
        )

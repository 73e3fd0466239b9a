"""Message requests, stored before anything is queued. Access patterns: docs/data-model.md [P60]–[P62]."""

from collections.abc import Sequence
from typing import Any

from kabar.domain.recipients import Row
from kabar.domain.requests import MAX_RECIPIENTS, ROWS_TOGETHER
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, put_in, transact

KEPT_SECONDS = 90 * 86_400  # as long as the claims of its slices


class Requests:
    """The requests of all workspaces, by the ids of the first messages of their blocks."""

    def __init__(self, workspaces: Table, dispatch: Table) -> None:
        self._workspaces = workspaces
        self._dispatch = dispatch

    def put(self, head: Item, rows: Sequence[Row], log: dict[str, Any] | None = None) -> Item:
        """[P60] Store a request once, with the log's entry; the head as it is stored.

        Its rows and its block first, without condition: nobody reads them before the head, and who lost the race
        for the head leaves a block that nothing is sent from. `head` is {id, first_id, size, workspace, kind, text,
        sender, carrier, slice, list, reference, confirms_opt_out, created_at, by, request_id}.
        """
        known = self.get(head["id"], consistent=True)
        if known:
            return known
        expires = head["created_at"] // 1000 + KEPT_SECONDS
        self._dispatch.batch_put(
            keys.request_rows(head["first_id"], at // ROWS_TOGETHER)
            | {"rows": [list(row) for row in rows[at : at + ROWS_TOGETHER]], "expires_at": expires}
            for at in range(0, len(rows), ROWS_TOGETHER)
        )
        block = {
            "first": head["first_id"],
            "size": head["size"],
            "workspace": head["workspace"],
            "request": head["id"],
            "list": head["list"],
            "reference": head["reference"],
            "chunk_size": MAX_RECIPIENTS,
        }
        self._workspaces.put(keys.id_block(head["first_id"]) | block)
        item = keys.request(head["id"]) | head | {"expires_at": expires}
        try:
            transact([put_in(self._dispatch, item, "attribute_not_exists(pk)"), *([log] if log else [])])
        except ConditionFailed:
            return self.get(head["id"], consistent=True) or item
        return item

    def get(self, request: int, *, consistent: bool = False) -> Item | None:
        """[P61]"""
        return self._dispatch.get(keys.request(request), consistent=consistent)

    def rows(self, head: Item) -> list[Row]:
        """[P61] Mobile, params and segments of every recipient, in the order of the ids."""
        found = self._dispatch.every(keys.rows_pk(head["first_id"]), consistent=True)
        return [Row(*row) for item in found for row in item["rows"]]

    def row(self, head: Item, position: int) -> Row:
        """[P61] One of them."""
        key = keys.request_rows(head["first_id"], position // ROWS_TOGETHER)
        item = self._dispatch.get(key, consistent=True) or {}
        return Row(*item["rows"][position % ROWS_TOGETHER])

    def note_generation(self, request: int, generation: int) -> None:
        """[P62] Somebody of this generation is queued or held: nothing else may be noted, for older ones are dismissed.
        The last one who says so wins, since too low a number only costs a look.
        """
        self._dispatch.update(
            keys.request(request),
            "SET generation = :generation",
            values={":generation": generation},
            returns="NONE",
        )

    def note(self, request: int, reason: str | None) -> None:
        """[P62] Why it can't go on just now, for people; the last one who says so wins."""
        self._dispatch.update(
            keys.request(request),
            "SET status_reason = :reason" if reason else "REMOVE status_reason",
            values={":reason": reason} if reason else None,
        )

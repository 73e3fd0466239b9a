"""Campaigns edited and deleted by people, until they start [F5]. Access patterns: docs/data-model.md [P48] [P49]."""

from collections.abc import Mapping
from typing import Any

from kabar.domain.campaigns import Life, NotAllowed, target
from kabar.storage import keys
from kabar.storage.campaigns import Campaigns, NoCampaign
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, transact

_TRIES = 8  # against legs and other people


class Stale(Exception):
    """It was edited since it was seen; nothing was written."""


class Edits:
    """What people change of campaigns that haven't started. Times are epoch milliseconds."""

    def __init__(self, table: Table, campaigns: Campaigns) -> None:
        self._table = table
        self._campaigns = campaigns

    def edit(self, seen: Item, changes: Mapping[str, Any], *, by: str, now: int, request_id: str) -> Item:
        """[P48] Set `changes`, None removes; with a `due_at` it is scheduled anew. Returns the head.

        Unless it is a draft, the caller starts its next leg, which goes on from what is now written: a leg that
        has read the campaign as it was can't start it any more. Raises Stale, NotAllowed, NoCampaign.
        """
        move = "schedule" if "due_at" in changes else "edit"
        for _ in range(_TRIES):
            head = self._campaigns.get(seen["workspace"], seen["id"], consistent=True)
            if head is None:
                raise NoCampaign
            ahead = changes.get("due_at", head.get("due_at", 0)) > now
            life = target(move, Life(head["status"]), started="started_at" in head, ahead=ahead)
            if head["edition"] != seen["edition"]:
                raise Stale
            sets = {**changes, "status": life.value, "edition": head["edition"] + 1, "request_id": request_id}
            if life != head["status"]:
                sets |= {"status_at": now, "status_reason": None}
            if "list_id" in changes:
                sets |= {"import": None, "import_failed": None}  # of the list before
            detail = {"status": life.value, "changed": sorted(set(changes) - {"due_at", "list_name"})}
            try:
                return self._campaigns.tell(
                    head, sets, now, by, "campaign edited", detail, *self._moved(head, changes)
                )
            except ConditionFailed:
                continue  # a leg or somebody else was faster
        raise NotAllowed("The campaign keeps changing: try it again.")

    def _moved(self, head: Item, changes: Mapping[str, Any]) -> list[Item]:
        """What else a new time moves: a draft becomes open, a place in the queue is given up."""
        if "due_at" not in changes:
            return []
        if "due_at" not in head:
            return [self._campaigns.opened(head["workspace"], head["id"])]
        return [delete_in(self._table, keys.queued(head["workspace"], head["due_at"], head["id"]))]

    def delete(self, workspace: str, campaign: int, *, by: str, now: int) -> None:
        """[P49] Delete a draft. Raises NotAllowed, NoCampaign."""
        for _ in range(_TRIES):
            head = self._campaigns.get(workspace, campaign, consistent=True)
            if head is None:
                raise NoCampaign
            target("delete", Life(head["status"]))
            gone = delete_in(
                self._table,
                keys.campaign_head(workspace, campaign),
                "#status = :draft",
                names={"#status": "status"},
                values={":draft": Life.DRAFT.value},
            )
            try:
                transact([gone, *self._campaigns.noted(workspace, now, by, "campaign deleted", campaign)])
            except ConditionFailed:
                continue  # scheduled meanwhile
            return
        raise NotAllowed("The campaign keeps changing: try it again.")

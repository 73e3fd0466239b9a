"""Queue and turn of a workspace: one campaign sends at a time, the others wait in order of schedule [F4]. [P17]

Both name the leg that wrote them, so that a late leg of a campaign neither leaves the queue nor gives away the turn
for a newer one.
"""

from collections.abc import Callable, Iterator
from typing import Any

from kabar.domain.campaigns import Life
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table

_TRIES = 4  # against other campaigns of the workspace; `sweep` asks again for whoever loses them all


class Turns:
    """`head_of(workspace, campaign)` reads a campaign consistently."""

    def __init__(self, table: Table, head_of: Callable[[str, int], Item | None]) -> None:
        self._table = table
        self._head_of = head_of

    def take(self, head: Item) -> bool:
        """Queue first, then try: whoever releases the turn finds what was queued before its release.

        A turn that is free, or whose holder is over, goes to the first in the queue, whoever finds it so: when that
        is another, `handed` says which leg to start.
        """
        workspace, campaign, leg = head["workspace"], head["id"], head["leg"]
        if not self._enqueue(workspace, campaign, head["due_at"], leg):
            return False
        for _ in range(_TRIES):
            turn = self._turn(workspace)
            holder = turn.get("holder")
            if holder == campaign and turn["holder_leg"] >= leg:
                return bool(turn["holder_leg"] == leg)
            if holder not in (campaign, None) and not self._is_over(workspace, holder):
                return False
            # nobody is first: people have just moved this one, which its own leg finds
            first = campaign if holder == campaign else self._first(workspace) or campaign
            if first != campaign:  # then look again: it may be over by now
                self._hand(workspace, turn, first, 0)
            elif self._hand(workspace, turn, campaign, leg):
                return True
        return False

    def pass_on(self, workspace: str, campaign: int, due_at: int, leg: int) -> tuple[int, int] | None:
        """Leave the queue and give the turn to the next in it; its (campaign, next leg) to start, if anyone waits.

        After a death half-way a second call finds that the turn's holder hasn't taken it up, and returns it again.
        Nothing happens when a newer leg of the campaign has queued.
        """
        if not self._leave(workspace, campaign, due_at, leg):
            return None
        # free, look again: somebody may have queued in between; given on, too: it may be over by now
        for _ in range(_TRIES):
            turn = self._turn(workspace)
            holder = turn.get("holder")
            if holder == campaign and turn["holder_leg"] > leg:
                return None
            if holder not in (campaign, None) and not self._is_over(workspace, holder):
                return self.handed(workspace)
            following = self._first(workspace)
            if following is None and holder is None:
                return None
            self._hand(workspace, turn, following, 0)
        return None

    def handed(self, workspace: str) -> tuple[int, int] | None:
        """(campaign, next leg) to start of who was given the turn and hasn't taken it up yet."""
        turn = self._turn(workspace)
        if turn.get("holder_leg") != 0:
            return None
        return self._queued_leg(workspace, turn["holder"])

    def _enqueue(self, workspace: str, campaign: int, due_at: int, leg: int) -> bool:
        try:
            self._table.update(
                keys.queued(workspace, due_at, campaign),
                "SET campaign = :campaign, due_at = :due, leg = :leg",
                condition="attribute_not_exists(leg) OR leg <= :leg",
                values={":campaign": campaign, ":due": due_at, ":leg": leg},
            )
        except ConditionFailed:
            return False
        return True

    def _leave(self, workspace: str, campaign: int, due_at: int, leg: int) -> bool:
        try:
            self._table.delete(
                keys.queued(workspace, due_at, campaign),
                condition="attribute_not_exists(leg) OR leg <= :leg",
                values={":leg": leg},
            )
        except ConditionFailed:
            return False
        return True

    def waiting(self, workspace: str) -> Iterator[Item]:
        """The heads of the campaigns that wait for the turn or have it, in order of schedule."""
        for entry, head in self._places(workspace):
            if head is not None and _wants_turn(head) and head["due_at"] == entry["due_at"]:
                yield head

    def _places(self, workspace: str) -> Iterator[tuple[Item, Item | None]]:
        for entry in self._table.every(keys.workspace_pk(workspace), prefix="queue#", consistent=True):
            yield entry, self._head_of(workspace, entry["campaign"])

    def _first(self, workspace: str) -> int | None:
        """Who waits longest. A place at an earlier time, left by a leg slower than an edit, is removed."""
        for entry, head in self._places(workspace):
            if head is None or head.get("due_at") != entry["due_at"]:
                self._leave(workspace, entry["campaign"], entry["due_at"], entry["leg"])
            elif _wants_turn(head):
                return int(head["id"])
        return None

    def _turn(self, workspace: str) -> Item:
        return self._table.get(keys.turn(workspace), consistent=True) or {}

    def _is_over(self, workspace: str, campaign: int) -> bool:
        head = self._head_of(workspace, campaign)
        return head is None or not _wants_turn(head)

    def _queued_leg(self, workspace: str, campaign: int) -> tuple[int, int] | None:
        head = self._head_of(workspace, campaign)
        if head is None or head["status"] != Life.QUEUED:
            return None
        return campaign, head["leg"] + 1

    def _hand(self, workspace: str, seen: Item, to: int | None, leg: int) -> bool:
        """From who was `seen` with the turn to `to` (None: nobody), unless it moved meanwhile."""
        values: dict[str, Any] = {}
        condition = "attribute_not_exists(holder)"
        if "holder" in seen:
            condition = "holder = :from AND holder_leg = :seen"
            values |= {":from": seen["holder"], ":seen": seen["holder_leg"]}
        expression = "REMOVE holder, holder_leg"
        if to is not None:
            expression = "SET holder = :to, holder_leg = :leg"
            values |= {":to": to, ":leg": leg}
        try:
            self._table.update(keys.turn(workspace), expression, condition=condition, values=values)
        except ConditionFailed:
            now = self._turn(workspace)  # the SDK's own retry meets our own write
            return now.get("holder") == to and now.get("holder_leg") == (None if to is None else leg)
        return True


def _wants_turn(head: Item) -> bool:
    """One that is cancelled keeps the turn until its last claims are settled."""
    return "closed_at" not in head and head["status"] in (Life.QUEUED, Life.SENDING, Life.CANCELLED)

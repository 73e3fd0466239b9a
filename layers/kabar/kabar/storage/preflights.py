"""Pre-flights: what is looked at, how far each is, and what it found [F6]. [P52] [P53]

A head: {id, campaign?, list_id, text, encoding, smart, carrier, max_digits, prices?, rate, hours, kind, due_at,
members, state: running|done|failed, error?, findings?, starts_at?, ends_at?, created_at, updated_at, finished_at?,
expires_at}. Its parts, one per shard of the list, are kept in the dispatch table until they are added up.
"""

from typing import Any

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, put_in, transact

RUNNING, DONE, FAILED = "running", "done", "failed"
KEPT_SECONDS = 90 * 86_400  # as the campaigns' claims
ERRORS = {
    "list_gone": "The list was deleted meanwhile.",
    "preflight_interrupted": "Something went wrong on our side. Ask for it again.",
}


class Preflights:
    """Pre-flights of all workspaces."""

    def __init__(self, workspaces: Table, dispatch: Table) -> None:
        self._workspaces = workspaces
        self._dispatch = dispatch

    def begin(self, log: Table, workspace: str, number: int, what: Item, *, by: str, now: int) -> Item:
        """[P52] The head of a new pre-flight of `what`, noted in the log; again it is the same."""
        key = keys.preflight(workspace, number)
        head: Item = key | what
        head |= {"id": number, "state": RUNNING, "created_at": now, "updated_at": now}
        head |= {"expires_at": now // 1000 + KEPT_SECONDS}
        about = f"campaign/{what['campaign']}" if "campaign" in what else f"list:{what['list_id']}"
        note = activity.entry(log, workspace, now, by, "pre-flight", about, {"preflight": number})
        try:
            transact([put_in(self._workspaces, head, "attribute_not_exists(pk)"), note])
        except ConditionFailed:
            return self._workspaces.get(key, consistent=True) or head
        return head

    def get(self, workspace: str, number: int) -> Item | None:
        """[P52]"""
        return self._workspaces.get(keys.preflight(workspace, number), consistent=True)

    def of_campaign(self, workspace: str, campaign: int) -> Item | None:
        """[P52] The newest one that is done; None when there is none."""
        pointer = self._workspaces.get(keys.preflight_of(workspace, campaign))
        return self.get(workspace, pointer["preflight"]) if pointer else None

    def keep_part(self, number: int, shard: int, found: dict[str, Any], now: int) -> None:
        """[P53] What one shard came to; who was first has said it."""
        item: Item = keys.preflight_part(number, shard) | {"shard": shard, "found": found}
        item |= {"expires_at": now // 1000 + KEPT_SECONDS}
        try:
            self._dispatch.put(item, condition="attribute_not_exists(pk)")
        except ConditionFailed:
            return

    def parts(self, number: int) -> dict[int, dict[str, Any]]:
        """[P53] What is known so far, by shard."""
        found = self._dispatch.every(keys.preflight_pk(number), consistent=True)
        return {item["shard"]: item["found"] for item in found}

    def end(self, workspace: str, head: Item, changes: Item, now: int) -> None:
        """[P52] The end, good or bad; once over it stays so."""
        sets = changes | {"finished_at": now, "updated_at": now}
        try:
            self._workspaces.update(
                keys.preflight(workspace, head["id"]),
                "SET " + ", ".join(f"#{name} = :{name}" for name in sets),
                condition="#state = :running",
                names={f"#{name}": name for name in sets} | {"#state": "state"},
                values={f":{name}": value for name, value in sets.items()} | {":running": RUNNING},
            )
        except ConditionFailed:
            return
        if changes["state"] == DONE and "campaign" in head:
            self._point(workspace, head["campaign"], head["id"])

    def _point(self, workspace: str, campaign: int, number: int) -> None:
        key = keys.preflight_of(workspace, campaign)
        try:
            self._workspaces.put(
                key | {"preflight": number},
                condition="attribute_not_exists(pk) OR preflight < :number",
                values={":number": number},
            )
        except ConditionFailed:
            return  # a newer one was done first

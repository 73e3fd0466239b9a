"""Quick campaigns: made together with the import of their list, and one per list when that is split [F2] [D7]. [P93]

Until its list is there a head has `import`, the import's id, and no `list_id`: it may come due and be queued, without
the turn. The import's head has `quick`: {campaign, delay (minutes), batch?, email?}.
"""

from datetime import UTC, datetime
from typing import Any

from kabar.domain import splits
from kabar.domain.campaigns import ALIVE, HALTED, Life
from kabar.domain.schedule import zone
from kabar.storage import ids, keys, workspaces
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import ConditionFailed, Item, Table

Leg = tuple[int, int]
_TRIES = 8  # against people and legs
_MINUTE = 60_000
_OF_ALL = (
    "text",
    "encoding",
    "smart",
    "sender",
    "carrier",
    "reply_response",
    "opt_out_response",
    "response_encoding",
    "speed",
    "speed_at",
    "request_id",
)


class QuickCampaigns:
    """What becomes of them once their import is over."""

    def __init__(self, table: Table, campaigns: Campaigns) -> None:
        self._table = table
        self._campaigns = campaigns

    def settle(self, workspace: str, imported: Item, now: int) -> list[Leg]:
        """Legs (campaign, leg) to start after `imported` is done or failed. Again gives the same campaigns.

        A campaign that was cancelled, or got another list, meanwhile makes no others.
        """
        wish = imported.get("quick")
        if wish is None:
            return []
        if imported["state"] == "failed":
            reason = f"the import of its list failed: {imported['error']['message']}"
            return self._change(workspace, imported, {"import_failed": reason}, now)
        made = imported.get("lists") or [{"list_id": imported["list_id"], "name": imported["list_name"]}]
        for each in made:
            self._describe(workspace, each["list_id"], wish)
        others = self._others(workspace, imported, made, now) if len(made) > 1 else []
        first = {"list_id": made[0]["list_id"], "list_name": made[0]["name"], "import": None}
        return others + self._change(workspace, imported, first, now, of=len(made))

    def _describe(self, workspace: str, list_id: int, wish: Item) -> None:
        told = {name: wish[name] for name in ("batch", "email") if name in wish}
        if not told:
            return
        try:
            self._table.update(
                keys.list_head(workspace, list_id),
                "SET " + ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in told),
                condition="attribute_exists(pk)",
                names={f"#{name}": name for name in told},
                values={f":{name}": value for name, value in told.items()},
            )
        except ConditionFailed:
            return  # deleted already

    def _others(self, workspace: str, imported: Item, made: list[Item], now: int) -> list[Leg]:
        """One campaign per list but the first, each `delay` after the one before. [D7]"""
        base = self._campaigns.get(workspace, imported["quick"]["campaign"], consistent=True)
        if base is None:
            return []
        numbers = self._numbers(workspace, imported, len(made) - 1)
        if base.get("import") != imported["id"]:  # they are made already, or never will be
            there = (self._campaigns.get(workspace, number, consistent=True) for number in numbers)
            return [(head["id"], 1) for head in there if head is not None and head["leg"] == 0]
        if Life(base["status"]) not in ALIVE | HALTED:
            return []
        names = splits.names(base["name"], len(made))
        for at, number in enumerate(numbers, 1):
            head = {name: base[name] for name in _OF_ALL if name in base}
            head |= {"id": number, "name": names[at], "created_at": now, "quick": True}
            head |= {"list_id": made[at]["list_id"], "list_name": made[at]["name"]}
            later = at * imported["quick"]["delay"] * _MINUTE
            head |= self._due(workspace, base, max(base["due_at"], imported["finished_at"]) + later)
            life = Life.PAUSED if base["status"] in HALTED else Life.SCHEDULED
            self._campaigns.create(workspace, head, imported.get("by", "system"), life)
        return [(number, 1) for number in numbers]

    def _numbers(self, workspace: str, imported: Item, count: int) -> list[int]:
        """Their ids, settled once in the import's head."""
        if "campaigns" not in imported:
            first = ids.reserve(self._table, count)
            imported = self._table.update(
                keys.import_head(workspace, imported["id"]),
                "SET campaigns = if_not_exists(campaigns, :numbers)",
                condition="attribute_exists(pk)",
                values={":numbers": [*range(first, first + count)]},
            )
        return [int(number) for number in imported["campaigns"]]

    def _due(self, workspace: str, base: Item, due_at: int) -> Item:
        """As what it is shown: the time on the wall clock of the first one's zone."""
        asked = base.get("schedule") or {}
        name = asked.get("timezone") or workspaces.settings(self._table, workspace)["timezone"]
        local = datetime.fromtimestamp(due_at / 1000, UTC).astimezone(zone(name))
        return {
            "due_at": due_at,
            "schedule": {"at": f"{local:%Y-%m-%dT%H:%M}", "timezone": name, "rounded": False},
        }

    def _change(self, workspace: str, imported: Item, changes: Item, now: int, of: int = 1) -> list[Leg]:
        """Change the campaign that waits for this import; its next leg, which carries that out."""
        for _ in range(_TRIES):
            head = self._campaigns.get(workspace, imported["quick"]["campaign"], consistent=True)
            if head is None or head.get("import") != imported["id"] or "closed_at" in head:
                return []
            sets: dict[str, Any] = changes | {"edition": head["edition"] + 1}
            if of > 1:
                sets["name"] = splits.names(head["name"], of)[0]
            what = "campaign import failed" if "import_failed" in changes else "campaign got its list"
            detail = {"status": head["status"], "import": imported["id"]}
            try:
                self._campaigns.tell(head, sets, now, "system", what, detail)
            except ConditionFailed:
                continue
            return [(head["id"], head["leg"] + 1)]
        raise TimeoutError(f"the campaign of the import {imported['id']} kept changing")

"""Campaign heads and the leg in charge. Access patterns: docs/data-model.md [P10]–[P16]."""

from typing import Any

from kabar.domain.campaigns import ALIVE, CONTROLS, Life
from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Page, Table, delete_in, put_in, transact, update_in


class NotAllowed(Exception):
    """The campaign's status doesn't allow this; `args[0]` is the status."""


class NoCampaign(Exception):
    """There is no such campaign in this workspace."""


class Campaigns:
    """The campaigns of all workspaces. Times are epoch milliseconds."""

    def __init__(self, table: Table, activity_table: Table) -> None:
        self._table = table
        self._activity = activity_table

    def create(self, workspace: str, head: Item, by: str) -> None:
        """[P10] Put the head of a new campaign (`id`, `name`, `list_id`, `text`, `sender`, `carrier`, `due_at`,
        `created_at`, `request_id`); its first leg waits until it is due. Putting the same again is harmless.
        """
        item = {
            **keys.campaign_head(workspace, head["id"]),
            **head,
            "workspace": workspace,
            "status": Life.SCHEDULED.value,
            "leg": 0,
            "lease_until": 0,
        }
        mark = keys.open_campaign(workspace, head["id"]) | {"workspace": workspace, "campaign": head["id"]}
        try:
            transact([put_in(self._table, item, "attribute_not_exists(pk)"), put_in(self._table, mark)])
        except ConditionFailed:
            return
        self._log(
            workspace,
            head["created_at"],
            by,
            "campaign created",
            head["id"],
            {"status": Life.SCHEDULED.value},
        )

    def get(self, workspace: str, campaign: int, *, consistent: bool = False) -> Item | None:
        """[P11]"""
        return self._table.get(keys.campaign_head(workspace, campaign), consistent=consistent)

    def page(self, workspace: str, limit: int, start: Item | None = None) -> Page:
        """[P12] Newest first."""
        pk = keys.workspace_pk(workspace)
        return self._table.query(pk, prefix="campaign#", limit=limit, start=start, reverse=True)

    def every_open(self) -> list[Item]:
        """[P13] {workspace, campaign} of every campaign that isn't over, in all workspaces."""
        return list(self._table.every("open", prefix="campaign#"))

    # ---- control by people ----

    def control(
        self, workspace: str, campaign: int, action: str, by: str, now: int, request_id: str = ""
    ) -> Item:
        """Pause, resume or cancel; the caller starts the next leg, which carries it out under `request_id`.

        Returns the head. Raises NotAllowed with the status, NoCampaign.
        """
        allowed, target = CONTROLS[action]
        known = self.get(workspace, campaign, consistent=True)
        if known and target is Life.QUEUED and known["due_at"] > now:
            target = Life.SCHEDULED
        try:
            head = self._move(workspace, campaign, allowed, target, now, reason=None, request_id=request_id)
        except ConditionFailed as error:
            current = self.get(workspace, campaign, consistent=True)
            if current is None:
                raise NoCampaign from error
            if (current["status"], current.get("status_at")) != (target.value, now):
                raise NotAllowed(current["status"]) from error
            head = current  # the SDK's own retry met our own write
        self._log(workspace, now, by, f"campaign {action}", campaign, {"status": target.value})
        return head

    def pause(self, workspace: str, campaign: int, reason: str, now: int) -> None:
        """Paused by the system, with the reason for its user."""
        try:
            self._move(workspace, campaign, ALIVE, Life.PAUSED, now, reason=reason)
        except ConditionFailed:
            return  # paused, cancelled or over by now
        self._log(
            workspace, now, "system", "campaign pause", campaign, {"status": "paused", "reason": reason}
        )

    def _move(
        self,
        workspace: str,
        campaign: int,
        allowed: frozenset[Life],
        target: Life,
        now: int,
        reason: str | None,
        request_id: str = "",
    ) -> Item:
        marks = {f":from{index}": life.value for index, life in enumerate(sorted(allowed))}
        return self._table.update(
            keys.campaign_head(workspace, campaign),
            "SET #status = :to, status_at = :now, wake_at = :zero"
            + (", request_id = :request" if request_id else "")
            + (", status_reason = :reason" if reason else " REMOVE status_reason"),
            condition=f"#status IN ({', '.join(marks)}) AND attribute_not_exists(closed_at)",
            names={"#status": "status"},
            values={":to": target.value, ":now": now, ":zero": 0, **marks}
            | ({":reason": reason} if reason else {})
            | ({":request": request_id} if request_id else {}),
        )

    # ---- the leg in charge ----

    def take_leg(
        self, workspace: str, campaign: int, leg: int, execution: str, lease_until: int
    ) -> Item | None:
        """[P14] Put this execution in charge of this leg; None when another one is, or the campaign is over."""
        try:
            return self._table.update(
                keys.campaign_head(workspace, campaign),
                "SET leg = :leg, leg_execution = :execution, lease_until = :until, wake_at = :zero,"
                " unsettled = if_not_exists(unsettled, :zero) + :one",
                condition="attribute_exists(pk) AND attribute_not_exists(closed_at)"
                " AND (leg < :leg OR (leg = :leg AND leg_execution = :execution))",
                values={":leg": leg, ":execution": execution, ":until": lease_until, ":zero": 0, ":one": 1},
            )
        except ConditionFailed:
            return None

    def advance(self, head: Item, life: Life, now: int, **changes: Any) -> bool:
        """[P15] Move a living campaign to `life`, if `head`'s leg is still in charge; `changes` are set besides."""
        sets = {
            "status": life.value,
            "status_at": now if head["status"] != life.value else head.get("status_at", now),
        }
        sets |= changes
        try:
            updated = self._charge_update(head, sets, alive=True)
        except ConditionFailed:
            return False
        if head["status"] != life.value:
            self._log(
                head["workspace"], now, "system", f"campaign {life.value}", head["id"], {"status": life.value}
            )
        head.update(updated)
        return True

    def commit_plan(self, head: Item, plan: Item) -> bool:
        """[P15] The frozen recipients, once for ever; False when another leg is in charge or has a plan."""
        try:
            head.update(
                self._charge_update(head, {"plan": plan}, alive=False, only_if="attribute_not_exists(#plan)")
            )
        except ConditionFailed:
            stored = self.get(head["workspace"], head["id"], consistent=True) or {}
            if stored.get("plan") != plan:
                return False
            head.update(stored)  # the SDK's own retry met our own write
        return True

    def keep(self, head: Item, **changes: Any) -> bool:
        """[P15] Set `changes` while `head`'s leg is in charge."""
        try:
            head.update(self._charge_update(head, changes, alive=False))
        except ConditionFailed:
            return False
        return True

    def _charge_update(self, head: Item, sets: Item, *, alive: bool, only_if: str = "") -> Item:
        names, values, expression, condition = _in_charge(head, sets, alive=alive)
        condition += f" AND {only_if}" if only_if else ""
        return self._table.update(
            keys.campaign_head(head["workspace"], head["id"]),
            expression,
            condition=condition,
            names=names,
            values=values,
        )

    def close(self, head: Item, life: Life, now: int, totals: Item, reason: str | None = None) -> bool:
        """[P16] The end, with closing totals, if `head`'s leg is still in charge."""
        sets = {"status": life.value, "status_at": now, "closed_at": now, "totals": totals}
        if reason:
            sets["status_reason"] = reason
        names, values, expression, condition = _in_charge(head, sets, alive=life is not Life.CANCELLED)
        workspace, campaign = head["workspace"], head["id"]
        try:
            transact(
                [
                    update_in(
                        self._table,
                        keys.campaign_head(workspace, campaign),
                        expression,
                        condition,
                        names=names,
                        values=values,
                    ),
                    delete_in(self._table, keys.open_campaign(workspace, campaign)),
                    delete_in(self._table, keys.queued(workspace, head["due_at"], campaign)),
                ]
            )
        except ConditionFailed:
            return False
        self._log(
            workspace, now, "system", f"campaign {life.value}", campaign, {"status": life.value} | totals
        )
        return True

    def _log(self, workspace: str, at: int, who: str, what: str, campaign: int, detail: Item) -> None:
        activity.record(self._activity, workspace, at, who, what, f"campaign/{campaign}", detail)


def _in_charge(head: Item, sets: Item, *, alive: bool) -> tuple[dict[str, str], Item, str, str]:
    """Names, values, expression and condition of an update that only the leg in charge may make."""
    names = {f"#{name}": name for name in sets}
    values: Item = {f":{name}": value for name, value in sets.items()}
    values |= {":my_leg": head["leg"], ":my_execution": head["leg_execution"]}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
    condition = "leg = :my_leg AND leg_execution = :my_execution AND attribute_not_exists(closed_at)"
    if alive:
        lives = {f":alive{index}": life.value for index, life in enumerate(sorted(ALIVE))}
        values |= lives
        names["#status"] = "status"
        condition += f" AND #status IN ({', '.join(lives)})"
    return names, values, expression, condition

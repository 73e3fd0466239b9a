"""Campaign heads and the leg in charge. Access patterns: docs/data-model.md [P10]–[P16]."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kabar.domain.campaigns import MOVES, Life, NotAllowed, target
from kabar.storage import activity, keys, silence
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact, update_in

_TRIES = 8  # of people's moves against those of legs
_READS = 10  # queries of one page, of 100 heads each


class NoCampaign(Exception):
    """There is no such campaign in this workspace."""


class Campaigns:
    """The campaigns of all workspaces. Times are epoch milliseconds."""

    def __init__(self, table: Table, activity_table: Table) -> None:
        self._table = table
        self._activity = activity_table

    def create(self, workspace: str, head: Item, by: str, life: Life = Life.SCHEDULED) -> None:
        """[P10] Put the head of a new campaign (`id`, `name`, `list_id`, `text`, `sender`, `carrier`, `created_at`,
        `request_id`, and `due_at` unless it is a draft); its first leg waits until it is due. Putting the same again
        is harmless.
        """
        item = {
            **keys.campaign_head(workspace, head["id"]),
            **head,
            "workspace": workspace,
            "status": life.value,
            "edition": 0,
            "leg": 0,
            "lease_until": 0,
        }
        writes = [put_in(self._table, item, "attribute_not_exists(pk)")]
        if life is not Life.DRAFT:
            writes.append(self.opened(workspace, head["id"]))
        writes += self.noted(
            workspace, head["created_at"], by, "campaign created", head["id"], status=life.value
        )
        try:
            transact(writes)
        except ConditionFailed:
            return

    def get(self, workspace: str, campaign: int, *, consistent: bool = False) -> Item | None:
        """[P11]"""
        return self._table.get(keys.campaign_head(workspace, campaign), consistent=consistent)

    def page(
        self,
        workspace: str,
        limit: int,
        before: str | None = None,
        wanted: Callable[[Item], bool] | None = None,
    ) -> tuple[list[Item], str | None]:
        """[P12] Those that are `wanted`, newest first, and where the next page starts.

        A page may come short where few are wanted; the next one goes on.
        """
        pk = keys.workspace_pk(workspace)
        start = {"pk": pk, "sk": before} if before else None
        found: list[Item] = []
        for _ in range(_READS):
            at_once = limit + 1 if wanted is None else 100
            page = self._table.query(pk, prefix="campaign#", limit=at_once, start=start, reverse=True)
            for head in page.items:
                if wanted is None or wanted(head):
                    if len(found) == limit:
                        return found, found[-1]["sk"]
                    found.append(head)
            if page.next is None:
                return found, None
            start = page.next
        return found, str(page.items[-1]["sk"])

    def every_open(self) -> list[Item]:
        """[P13] {workspace, campaign} of every campaign that isn't over, in all workspaces."""
        return list(self._table.every("open", prefix="campaign#"))

    def open_in(self, workspace: str) -> list[Item]:
        """[P13] The same of one workspace; consistent, so that whoever edits hours finds all who wait for them."""
        return list(self._table.every("open", prefix=f"campaign#{workspace}#", consistent=True))

    # ---- control by people ----

    def control(
        self, workspace: str, campaign: int, action: str, by: str, now: int, request_id: str = "", **sets: Any
    ) -> Item:
        """Pause, resume, cancel, or change the speed; the caller starts the next leg, which carries it out under
        `request_id`. `sets` are set besides, None removes.

        Returns the head. Raises NotAllowed, NoCampaign.
        """
        for _ in range(_TRIES):
            head = self.get(workspace, campaign, consistent=True)
            if head is None:
                raise NoCampaign
            ahead = head.get("due_at", 0) > now
            life = target(action, Life(head["status"]), ahead=ahead)
            changes = {"status": life.value, "wake_at": 0, "request_id": request_id, **sets}
            if life != head["status"]:
                changes |= {"status_at": now, "status_reason": None}
            told = {name: value for name, value in sets.items() if name != "speed_at"}
            try:
                return self.tell(head, changes, now, by, f"campaign {action}", {"status": life.value} | told)
            except ConditionFailed:
                continue  # a leg moved it meanwhile
        raise NotAllowed("The campaign keeps changing its status: try it again.")

    def pause(self, workspace: str, campaign: int, reason: str, now: int) -> None:
        """Paused by the system, with the reason for its user."""
        for _ in range(_TRIES):
            head = self.get(workspace, campaign, consistent=True)
            if head is None or Life(head["status"]) not in MOVES["pause"]:
                return  # paused, cancelled or over by now
            changes = {"status": Life.PAUSED.value, "status_at": now, "status_reason": reason, "wake_at": 0}
            try:
                self.tell(
                    head,
                    changes,
                    now,
                    "system",
                    "campaign pause",
                    {"status": Life.PAUSED.value, "reason": reason},
                )
            except ConditionFailed:
                continue
            return

    def tell(
        self, head: Item, changes: Item, now: int, by: str, what: str, detail: Item, *more: Item
    ) -> Item:
        """[P15] The head that was seen with these changes (None removes), the log, and `more`, or none of it.

        No leg has taken over since it was seen: whoever starts the next one starts the right one. Raises
        ConditionFailed.
        """
        workspace, campaign = head["workspace"], head["id"]
        expression, names, values = setting(changes)
        seen = {"status": head["status"], "leg": head["leg"], "edition": head["edition"]}
        told = update_in(
            self._table,
            keys.campaign_head(workspace, campaign),
            expression,
            "#status = :seen_status AND leg = :seen_leg AND edition = :seen_edition",
            names=names | {"#status": "status"},
            values=values | {f":seen_{name}": value for name, value in seen.items()},
        )
        transact([told, *more, *self.noted(workspace, now, by, what, campaign, **detail)])
        return changed(head, changes)

    # ---- the leg in charge ----

    def take_leg(
        self, workspace: str, campaign: int, leg: int, execution: str, lease_until: int
    ) -> Item | None:
        """[P14] Put this execution in charge of this leg; None when another one is, when the leg has let the campaign
        wait for the window, or the campaign is over.
        """
        try:
            return self._table.update(
                keys.campaign_head(workspace, campaign),
                "SET leg = :leg, leg_execution = :execution, lease_until = :until, wake_at = :zero,"
                " unsettled = if_not_exists(unsettled, :zero) + :one",
                condition="attribute_not_exists(closed_at)"
                " AND (leg < :leg OR (leg = :leg AND leg_execution = :execution"
                " AND (attribute_not_exists(settled_leg) OR settled_leg < :leg)))",
                values={":leg": leg, ":execution": execution, ":until": lease_until, ":zero": 0, ":one": 1},
            )
        except ConditionFailed:
            return None

    def advance(self, head: Item, life: Life, now: int, **changes: Any) -> bool:
        """[P15] Move a campaign from the status that `head` was seen in to `life`, if its leg is still in charge;
        `changes` are set besides.

        Moved there once, however many of the leg's invocations ask for it. `head` is the stored one afterwards,
        whoever has moved it, as long as the leg is in charge.
        """
        seen = MOVES[life].keys() & {Life(head["status"])}
        if not seen:
            return False
        if head["status"] == life.value:
            return self._keep(head, changes | {"status": life.value}, seen)
        sets = changes | {"status": life.value, "status_at": now}
        try:
            self._transact(head, sets, seen, now)
        except ConditionFailed:
            stored = self._still_ours(head)
            if stored is None:
                return False
            head.update(stored)  # by our own write, whose answer was lost, or by whoever was faster
            return bool(stored["status"] == life.value)
        head.update(sets)
        return True

    def _still_ours(self, head: Item) -> Item | None:
        """The stored head, if `head`'s leg is still in charge of it and it isn't over."""
        stored = self.get(head["workspace"], head["id"], consistent=True)
        ours = stored and all(stored.get(name) == value for name, value in _charge(head).items())
        return stored if ours and "closed_at" not in (stored or {}) else None

    def _transact(
        self, head: Item, sets: Item, sources: Iterable[Life], now: int, *more: Item, only_if: str = ""
    ) -> None:
        """What the leg in charge moves the campaign to, its log, and `more`. Raises ConditionFailed."""
        workspace, campaign = head["workspace"], head["id"]
        names, values, expression, condition = _in_charge(head, sets, sources, only_if)
        key = keys.campaign_head(workspace, campaign)
        move = update_in(self._table, key, expression, condition, names=names, values=values)
        told = {name: sets[name] for name in ("status", "status_reason") if name in sets}
        told |= sets.get("totals", {})
        note = self.noted(workspace, now, "system", f"campaign {sets['status']}", campaign, **told)
        transact([move, *more, *note])

    def commit_plan(self, head: Item, plan: Item) -> bool:
        """[P15] The frozen recipients, once for ever; `head` has the plan that stands. False when another leg is in
        charge.
        """
        if self._keep(head, {"plan": plan}, None, only_if="attribute_not_exists(#plan)"):
            return True
        stored = self._still_ours(head)
        if stored is None or "plan" not in stored:
            return False
        head.update(stored)  # by our own write, whose answer was lost, or by another invocation of this leg
        return True

    def keep(self, head: Item, **changes: Any) -> bool:
        """[P15] Set `changes` while `head`'s leg is in charge."""
        return self._keep(head, changes, None)

    def _keep(self, head: Item, sets: Item, sources: Iterable[Life] | None, only_if: str = "") -> bool:
        names, values, expression, condition = _in_charge(head, sets, sources, only_if)
        key = keys.campaign_head(head["workspace"], head["id"])
        try:
            updated = self._table.update(key, expression, condition=condition, names=names, values=values)
        except ConditionFailed:
            return False
        head.update(updated)
        return True

    def close(self, head: Item, life: Life, now: int, totals: Item, reason: str | None = None) -> bool:
        """[P16] The end, with closing totals, if `head`'s leg is still in charge.

        A campaign that has got a plan since `head` was read isn't closed: its recipients are to be settled first.
        """
        workspace, campaign = head["workspace"], head["id"]
        sets = {"status": life.value, "status_at": now, "closed_at": now, "totals": totals}
        if reason:
            sets["status_reason"] = reason
        gone = [
            delete_in(self._table, keys.open_campaign(workspace, campaign)),
            delete_in(self._table, keys.queued(workspace, head["due_at"], campaign)),
        ]
        if "plan" in head:  # no condition: nothing else has this key
            gone.append(put_in(self._table, silence.mark(workspace, now, campaign=campaign)))
        unplanned = "" if "plan" in head else "attribute_not_exists(#plan)"
        try:
            self._transact(head, sets, MOVES[life], now, *gone, only_if=unplanned)
        except ConditionFailed:
            return False
        return True

    # ---- what several writes have in common ----

    def opened(self, workspace: str, campaign: int) -> Item:
        """For `transact`: the mark of a campaign that isn't over and is no draft."""
        mark = keys.open_campaign(workspace, campaign)
        return put_in(self._table, mark | {"workspace": workspace, "campaign": campaign})

    def noted(self, workspace: str, at: int, who: str, what: str, campaign: int, **detail: Any) -> list[Item]:
        """For `transact`: what happened, in the log and in the campaign's own history."""
        return activity.entries(self._activity, workspace, at, who, what, f"campaign/{campaign}", detail)


def setting(changes: Mapping[str, Any]) -> tuple[str, dict[str, str], Item]:
    """Expression, names and values of an update that sets `changes`; None removes."""
    names = {f"#{name}": name for name in changes}
    sets = [name for name, value in changes.items() if value is not None]
    removes = [f"#{name}" for name, value in changes.items() if value is None]
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
    expression += f" REMOVE {', '.join(removes)}" if removes else ""
    return expression, names, {f":{name}": changes[name] for name in sets}


def changed(head: Item, changes: Mapping[str, Any]) -> Item:
    """The head once `changes` are set; None removes."""
    return {name: value for name, value in {**head, **changes}.items() if value is not None}


def _charge(head: Item) -> Item:
    """Who is in charge, and which edition it has read: an edit meanwhile counts like another leg [F5]."""
    return {name: head[name] for name in ("leg", "leg_execution", "edition")}


def _in_charge(
    head: Item, sets: Item, sources: Iterable[Life] | None, only_if: str = ""
) -> tuple[dict[str, str], Item, str, str]:
    """Names, values, expression and condition of an update that only the leg in charge may make, from `sources`;
    `only_if` is a further condition, on #plan.
    """
    expression, names, values = setting(sets)
    values |= {f":my_{name}": value for name, value in _charge(head).items()}
    condition = " AND ".join(f"{name} = :my_{name}" for name in _charge(head))
    condition += " AND attribute_not_exists(closed_at)"
    if sources is not None:
        lives = {f":from{index}": life.value for index, life in enumerate(sorted(sources))}
        values |= lives
        names["#status"] = "status"
        condition += f" AND #status IN ({', '.join(lives)})"
    if only_if:
        names["#plan"] = "plan"
        condition += f" AND {only_if}"
    return names, values, expression, condition

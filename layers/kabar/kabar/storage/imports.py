"""Heads of imports and the results of their parts [D3] [D5] [D8]. [P9]

An import is named after its object version, so the same event twice is one import; one that the API announced
has its name before its file. Its life is (waiting_for_file ->) validating -> loading -> done, or failed from
either; a final state never changes. Deleting members asks in between: needs_decision.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from kabar.domain.imports import Totals
from kabar.storage import activity, ids, keys, lists
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact, update_in

FINAL = ("done", "failed")
CHECKED = ("opted_out", "accepted", "corrected", "implausible")
RESULTS = {
    "append": ("added", "readded", "updated"),
    "new_list": ("added", "readded", "updated"),
    "delete_members": ("deleted",),
    "blacklist": ("blacklisted",),
}
BUCKETS = ("accepted", "corrected", "duplicates", "opted_out", "rejected")
COUNTED = ("to_delete", "missing")
CONFIRM, DELETING, DRY_RUN, OPENING = "confirm_deletion", "deleting", "dry_run", "waiting_for_list"  # phases
LOADED = ("added", "readded", "updated", "opted_out", "deleted", "left", "blacklisted")
OPTIONS = (
    "purpose",
    "list_name",
    "target",
    "remove_opt_outs",
    "filename",
    "dry_run",
    "strict",
    "split",
    "by",
)
WAITING = "waiting_for_file"
_KEPT_SECONDS = 90 * 86_400
_WAITING_SECONDS = 86_400  # longer than any permission to upload
_EMPTY: Item = {
    "state": "validating",
    "phase": "validating",
    "purpose": "append",
    "remove_opt_outs": True,  # [D4]
    "parts": 0,
    **dict.fromkeys(("rows_read", *BUCKETS, "bytes_read"), 0),
}


class Contended(Exception):
    """What a write depends on kept changing; nothing was written, the same may be tried again."""


class NotAsked(Exception):
    """The import waits for no decision, or another one was made."""


class NoSuchChoice(Exception):
    """The decision is none of those offered."""


class ListGone(Exception):
    """The list of an import was deleted meanwhile; nothing was written."""


class ListTaken(Exception):
    """The name of a list to be made leads to another one by now; nothing was written."""


class ListBusy(Exception):
    """Another import is writing the list; nothing was written, the same is to be tried later."""


def import_id(bucket: str, key: str, version: str, decision: int = 0) -> str:
    """The import of an object version; `decision` counts what the user was asked about it."""
    told = "\0".join((bucket, key, version, str(decision)))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def execution(workspace: str, head: Item) -> tuple[str, Item]:
    """(name, input) of the execution that runs an import from its present decision on, for `request_id`."""
    source = {name: head[name] for name in ("bucket", "key", "version")}
    told = source | {"workspace": workspace, "import_id": head["id"]}
    told["request_id"] = head.get("request_id", head["id"])
    decision = int(head.get("decision", 0))
    # an announced import had its name before there was a version
    name = import_id(**source, decision=decision) if decision else head["id"]
    if head.get("phase") != DELETING:
        return name, told
    told["confirmed"] = True
    told["validated"] = {"list_id": head["list_id"], "parts": [*range(1, head["parts"] + 1)]}
    return f"{name}-confirmed", told


class Imports:
    """Imports of all workspaces, whose lives the log tells [M4]."""

    def __init__(self, workspaces: Table, log: Table) -> None:
        self._workspaces = workspaces
        self._log = log

    def every_open(self) -> Iterator[Item]:
        """[P9] {workspace, import_id} of every import that isn't over, in all workspaces."""
        yield from self._workspaces.every("open", prefix="import#")

    def get(self, workspace: str, import_id: str) -> Item | None:
        return self._workspaces.get(keys.import_head(workspace, import_id), consistent=True)

    def begin(self, workspace: str, head: Item) -> bool:
        """Put a head {id, key, bucket, version, list_name, bytes_total, request_id} with all that leads to it.

        False when it was there already.
        """
        name, now = head["id"], head["created_at"]
        item = keys.import_head(workspace, name) | _EMPTY | head | {"updated_at": now}
        new = put_in(self._workspaces, item, "attribute_not_exists(pk)")
        return self._begun(workspace, head, now, new)

    def expect(self, workspace: str, head: Item, by: str) -> Item:
        """Announce an import {id, key, bucket, created_at and OPTIONS} whose file is still to come; its head.

        Again gives the same. It is forgotten after a day without a file.
        """
        now = head["created_at"]
        state = {"state": WAITING, "phase": WAITING, "updated_at": now}
        until = {"expires_at": now // 1000 + _WAITING_SECONDS}
        item = keys.import_head(workspace, head["id"]) | _EMPTY | head | state | until
        try:
            transact(
                [
                    put_in(self._workspaces, item, "attribute_not_exists(pk)"),
                    self._entry(workspace, now, by, "announced", item),
                ]
            )
        except ConditionFailed:
            return self.get(workspace, head["id"]) or item
        return item

    def arrived(self, workspace: str, head: Item, version: str, size: int, now: int) -> bool:
        """The file that an import was waiting for is there; False when an earlier version was."""
        values = {"state": "validating", "phase": "validating", "version": version, "bytes_total": size}
        condition, how = _change(values | {"updated_at": now}, (WAITING,))
        key = keys.import_head(workspace, head["id"])
        came = update_in(
            self._workspaces, key, how.pop("expression") + " REMOVE expires_at", condition, **how
        )
        return self._begun(workspace, head, now, came)

    def _begun(self, workspace: str, head: Item, now: int, write: dict[str, Any]) -> bool:
        """`write` the head together with all that leads to it; False when its condition fails."""
        name = head["id"]
        short = {"import_id": name, "created_at": now}
        writes = [
            write,
            # the newest import of the object: later ones replace it
            put_in(self._workspaces, keys.import_object(workspace, head["key"]) | short),
            put_in(self._workspaces, keys.import_time(workspace, now, name) | short),
            put_in(self._workspaces, keys.open_import(workspace, name) | short | {"workspace": workspace}),
            self._entry(workspace, now, "system", "began", head),
        ]
        try:
            transact(writes)
        except ConditionFailed:
            return False
        return True

    def progress(self, workspace: str, import_id: str, totals: Totals, bytes_read: int, now: int) -> None:
        """Say how far validation is. A late one, when the import is further, is dropped."""
        values = counts(totals) | {"bytes_read": bytes_read, "updated_at": now}
        condition, how = _change(values, ("validating",))
        try:
            self._workspaces.update(keys.import_head(workspace, import_id), condition=condition, **how)
        except ConditionFailed:
            return

    def ask(self, workspace: str, head: Item, preview: dict[str, list[str]], now: int) -> None:
        """Only a person can say in which encoding the file is: wait for `decide`."""
        values: Item = {
            "state": "needs_decision",
            "phase": "needs_decision",
            "preview": preview,
            "updated_at": now,
        }
        condition, how = _change(values, ("validating",))
        try:
            self._workspaces.update(keys.import_head(workspace, head["id"]), condition=condition, **how)
        except ConditionFailed:
            return  # asked already, or over

    def decide(self, workspace: str, import_id: str, encoding: str, by: str, now: int) -> Item:
        """A person chose one of the encodings of the preview; the head, whose `execution` is to be started next.

        The same choice again answers the same. Raises NotAsked, NoSuchChoice.
        """
        head = self.get(workspace, import_id)
        if head is None or "preview" not in head or head["phase"] == CONFIRM:
            raise NotAsked(f"the import {import_id} asks nothing")
        if encoding not in head["preview"]:
            raise NoSuchChoice(f"{encoding} is not in the preview")
        decision = int(head.get("decision", 0))
        if head["state"] == "needs_decision":
            values: Item = {"state": "validating", "phase": "validating", "encoding": encoding}
            values |= {"decision": decision + 1, "updated_at": now}
            writes = [
                self._setting(workspace, import_id, values, "needs_decision"),
                self._entry(workspace, now, by, "decided", head, encoding=encoding),
            ]
            try:
                transact(writes)
            except ConditionFailed:
                return self.decide(workspace, import_id, encoding, by, now)  # somebody else was faster
            return head | values
        if head.get("encoding") != encoding:
            raise NotAsked(f"the import {import_id} was told {head.get('encoding')}")
        return head

    def open_list(self, workspace: str, head: Item, now: int) -> tuple[int, bool]:
        """Find or make the list of an import that `was_read` and begin to load it; its id, and whether it was made.

        Again gives the same list. Raises ListGone for one named by its id (`target`), ListTaken for a new one whose
        name leads to a list by now, ListBusy, Contended.
        """
        for _ in range(5):
            current = self.get(workspace, head["id"]) or head
            if current.get("list_id"):
                return int(current["list_id"]), bool(current.get("made_list"))
            found = self.target(workspace, head)
            if found:
                if lists.is_busy(found, head["id"]):
                    raise ListBusy(f"another import writes the list {found['id']}")
                list_id, name = found["id"], found["name"]
                writes = [lists.loading(self._workspaces, workspace, list_id, head["id"])]
            else:
                list_id, name = ids.reserve(self._workspaces), head["list_name"]
                writes = lists.creation(self._workspaces, workspace, list_id, name, head["id"], now)
            values: Item = {"state": "loading", "phase": "loading"}
            values |= {"list_id": list_id, "list_name": name, "updated_at": now, "made_list": not found}
            writes.append(self._setting(workspace, head["id"], values, "validating"))
            try:
                transact(writes)
            except ConditionFailed:
                continue  # another import made or took the list, or our own answer was lost: read again
            return int(list_id), not found
        raise Contended(f"the list of the import {head['id']} kept changing")

    def target(self, workspace: str, head: Item) -> Item | None:
        """The list that is there already. Raises ListGone, ListTaken."""
        if head.get("target"):
            found = self._workspaces.get(keys.list_head(workspace, head["target"]), consistent=True)
            if found is None:
                raise ListGone(f"the list {head['target']} of the import {head['id']}")
            return found
        if head.get("purpose") != "new_list":
            return lists.find(self._workspaces, workspace, head["list_name"])
        if lists.named(self._workspaces, workspace, head["list_name"]):
            raise ListTaken(f"the name of the list that the import {head['id']} makes")
        return None

    def was_read(self, workspace: str, head: Item, values: Item, now: int) -> None:
        """Validation is over, with `values` of the head; again it changes nothing. Raises Contended."""
        values = values | {"updated_at": now}
        try:
            transact([self._setting(workspace, head["id"], values, "validating", "loading")])
        except ConditionFailed:
            raise Contended(f"the import {head['id']} has ended") from None

    def ask_to_confirm(self, workspace: str, head: Item, counted: Item, now: int) -> None:
        """It is known what would be deleted: the import waits until somebody confirms."""
        values = {"state": "needs_decision", "phase": CONFIRM, "updated_at": now, **counted}
        try:
            transact([self._setting(workspace, head["id"], values, "validating", "needs_decision")])
        except ConditionFailed:
            return  # confirmed already

    def confirm(self, workspace: str, head: Item, by: str, now: int) -> bool:
        """Begin to delete; again it is the same. False when the list is gone or there is nothing to confirm.

        Raises ListBusy.
        """
        if head.get("phase") not in (CONFIRM, DELETING):
            return False
        values = {"state": "loading", "phase": DELETING, "updated_at": now}
        writes = [
            self._setting(workspace, head["id"], values, "needs_decision"),
            lists.loading(self._workspaces, workspace, head["list_id"], head["id"]),
            self._entry(workspace, now, by, "confirmed", head),
        ]
        try:
            transact(writes)
        except ConditionFailed:
            current = self.get(workspace, head["id"]) or {}
            there = self._workspaces.get(keys.list_head(workspace, head["list_id"]), consistent=True)
            if current.get("phase") == CONFIRM and there and lists.is_busy(there, head["id"]):
                raise ListBusy(f"another import writes the list {head['list_id']}") from None
            return bool(current.get("phase") == DELETING)
        return True

    def fail(
        self,
        workspace: str,
        head: Item,
        error: tuple[str, str],
        loaded: dict[str, int],
        now: int,
        **values: Any,
    ) -> None:
        """The import failed for good, by (code, message). What was `loaded` counts in its list all the same."""
        values |= {"state": "failed", "phase": "failed", "error": {"code": error[0], "message": error[1]}}
        values |= {"updated_at": now, "finished_at": now}
        try:
            self._end(workspace, head, values, loaded)
        except ListGone:
            self._end(workspace, {**head, "list_id": None}, values, loaded)

    def expire(self, workspace: str, head: Item, error: tuple[str, str], now: int) -> None:
        """Nobody decided: the import failed, by (code, message), unless somebody just did."""
        values: Item = {"state": "failed", "phase": "failed", "updated_at": now, "finished_at": now}
        values["error"] = {"code": error[0], "message": error[1]}
        writes = [
            self._setting(workspace, head["id"], values, "needs_decision"),
            delete_in(self._workspaces, keys.open_import(workspace, head["id"])),
            self._entry(workspace, now, "system", "failed", head | values),
        ]
        try:
            transact(writes)
        except ConditionFailed:
            return

    def to_mail(self, workspace: str, import_id: str, now: int) -> bool:
        """Whether nobody has mailed about this import yet: the caller will, once. A lost mail is not sent again."""
        try:
            self._workspaces.update(
                keys.import_head(workspace, import_id),
                "SET mailed_at = :now",
                condition="attribute_exists(pk) AND attribute_not_exists(mailed_at)",
                values={":now": now},
            )
        except ConditionFailed:
            return False
        return True

    def finish(
        self, workspace: str, head: Item, checked: dict[str, int], loaded: dict[str, int], now: int
    ) -> None:
        """Every part is loaded: their results count, once. Raises ListGone."""
        purpose = head.get("purpose", "append")
        values: Item = {name: checked[name] for name in CHECKED} if "updated" in RESULTS[purpose] else {}
        values |= {name: loaded[name] for name in RESULTS[purpose]}
        done = {"state": "done", "phase": "done", "updated_at": now, "finished_at": now}
        self._end(workspace, head, values | done, loaded)

    def tried(
        self, workspace: str, head: Item, checked: dict[str, int], first_rows: list[Item], now: int
    ) -> None:
        """A dry run is over: what an import would do is known, and nothing of it was done."""
        values: Item = {name: checked[name] for name in CHECKED} | {"first_rows": first_rows}
        done = {"state": "done", "phase": DRY_RUN, "updated_at": now, "finished_at": now}
        self._end(workspace, head, values | done, {})

    def waiting(self, workspace: str, list_id: int) -> list[Item]:
        """Campaigns {campaign, leg} that wait until nothing loads the list."""
        start = keys.waiting_for_import(workspace, list_id, 0)
        prefix = start["sk"].rpartition("#")[0] + "#"
        return list(self._workspaces.every(start["pk"], prefix=prefix, consistent=True))

    def tell_waiting(self, workspace: str, list_id: int, reason: str) -> None:
        """[P9] Let the campaigns that wait for this list fail with `reason` when their next leg starts."""
        for note in self.waiting(workspace, list_id):
            try:
                self._workspaces.update(
                    keys.campaign_head(workspace, note["campaign"]),
                    "SET import_failed = :reason",
                    condition="attribute_exists(pk) AND attribute_not_exists(#plan)",
                    names={"#plan": "plan"},
                    values={":reason": reason},
                )
            except ConditionFailed:
                continue  # it has its recipients, or is gone

    def stop_waiting(self, note: Item) -> None:
        """Delete a note of `waiting`, unless it was renewed for a later leg meanwhile."""
        try:
            key = {"pk": note["pk"], "sk": note["sk"]}
            self._workspaces.delete(key, condition="leg = :leg", values={":leg": note["leg"]})
        except ConditionFailed:
            return

    def _end(self, workspace: str, head: Item, values: Item, loaded: dict[str, int]) -> None:
        writes = [
            self._setting(workspace, head["id"], values, "validating", "loading"),
            delete_in(self._workspaces, keys.open_import(workspace, head["id"])),
            self._entry(workspace, values["finished_at"], "system", values["state"], head | values),
        ]
        if head.get("list_id"):
            writes.append(lists.loaded(self._workspaces, workspace, head["list_id"], head["id"], loaded))
        try:
            transact(writes)
        except ConditionFailed:
            current = self.get(workspace, head["id"])
            if current and current["state"] not in FINAL:
                raise ListGone(f"the list {head.get('list_id')} of the import {head['id']}") from None

    def _entry(
        self, workspace: str, at: int, who: str, what: str, told: Item, **detail: Any
    ) -> dict[str, Any]:
        """For `transact`: the log's entry, with the counts of a final state."""
        detail |= {name: told[name] for name in ("purpose", "list_id", "list_name") if told.get(name)}
        if what in FINAL:
            detail |= {name: told[name] for name in ("rows_read", *BUCKETS, *LOADED) if name in told}
        if "error" in told:
            detail["error"] = told["error"]["code"]
        about = f"import/{told['id']}"
        return activity.entry(self._log, workspace, at, who, f"import {what}", about, detail)

    def _setting(self, workspace: str, import_id: str, values: Item, *states: str) -> dict[str, Any]:
        """For `transact`: set `values` while the import is in one of `states`."""
        condition, how = _change(values, states)
        expression = how.pop("expression")
        return update_in(
            self._workspaces, keys.import_head(workspace, import_id), expression, condition, **how
        )


class Parts:
    """What the parts of an import came to, in the dispatch table: {checked?, loaded?} each."""

    def __init__(self, dispatch: Table) -> None:
        self._dispatch = dispatch

    def keep_checked(self, import_id: str, part: int, result: dict[str, int], now: int) -> None:
        """What the check of one part found: {opted_out, accepted, corrected, implausible}."""
        self._keep(import_id, part, "checked", result, now)

    def keep_loaded(self, import_id: str, part: int, result: dict[str, int], now: int) -> None:
        """What loading one part did, see members.py."""
        self._keep(import_id, part, "loaded", result, now)

    def sums(self, import_id: str) -> tuple[int, dict[str, int], dict[str, int]]:
        """(how many parts are loaded, the sums of what was checked, those of what was loaded)."""
        done, checked, loaded = 0, dict.fromkeys((*CHECKED, *COUNTED), 0), dict.fromkeys(LOADED, 0)
        for part in self._dispatch.every(keys.import_part(import_id, 0)["pk"], consistent=True):
            done += "loaded" in part
            for sums, what in ((checked, "checked"), (loaded, "loaded")):
                for name, count in part.get(what, {}).items():
                    sums[name] += count
        return done, checked, loaded

    def loaded_by_list(self, import_id: str, parts_per_list: int) -> dict[int, dict[str, int]]:
        """The sums of what was loaded into each list of a split import, by its position from 0."""
        found: dict[int, dict[str, int]] = {}
        for part in self._dispatch.every(keys.import_part(import_id, 0)["pk"], consistent=True):
            at = (int(part["sk"].rpartition("#")[2]) - 1) // parts_per_list
            sums = found.setdefault(at, dict.fromkeys(LOADED, 0))
            for name, count in part.get("loaded", {}).items():
                sums[name] += count
        return found

    def _keep(self, import_id: str, part: int, what: str, result: dict[str, int], now: int) -> None:
        # no condition: a part that is done again finds the same
        self._dispatch.update(
            keys.import_part(import_id, part),
            "SET #what = :result, expires_at = :until",
            names={"#what": what},
            values={":result": result, ":until": now // 1000 + _KEPT_SECONDS},
        )


def counts(totals: Totals) -> Item:
    """The attributes of a head that say where the rows are."""
    return {
        "rows_read": totals.rows_read,
        "accepted": totals.accepted,
        "corrected": totals.corrected,
        "duplicates": totals.duplicates,
        "rejected": totals.rejected,
        "parts": totals.parts,
        "header": totals.header or None,
        "codes": dict(totals.codes),
        "changes": dict(totals.changes),
    }


def _change(values: Item, states: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """(condition, expression with its names and values) to set `values` in one of `states`."""
    how = {
        "expression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "names": {f"#{name}": name for name in (*values, "state")},
        "values": {f":{name}": value for name, value in values.items()} | {f":in_{s}": s for s in states},
    }
    return " OR ".join(f"#state = :in_{state}" for state in states), how

"""What an import asks a person: in which encoding its file is, whether its members are to go [D2] [C3]. [P57]"""

from kabar.storage import keys, lists
from kabar.storage.dynamo import ConditionFailed, Item, transact
from kabar.storage.import_heads import CONFIRM, DELETING, Heads, change
from kabar.storage.import_lists import ListBusy


class NotAsked(Exception):
    """The import waits for no decision, or another one was made."""


class NoSuchChoice(Exception):
    """The decision is none of those offered."""


class Questions(Heads):
    """Those of all imports."""

    def ask(self, workspace: str, head: Item, preview: dict[str, list[str]], now: int) -> None:
        """Only a person can say in which encoding the file is: wait for `decide`."""
        values: Item = {
            "state": "needs_decision",
            "phase": "needs_decision",
            "preview": preview,
            "updated_at": now,
        }
        condition, how = change(values, ("validating",))
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

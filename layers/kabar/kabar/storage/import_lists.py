"""The list that an import writes: found or made once its rows are read, then its own until it ends [D1]. [P9]"""

from kabar.storage import ids, keys, lists
from kabar.storage.dynamo import ConditionFailed, Item, transact
from kabar.storage.import_heads import Contended, Heads, ListGone


class ListTaken(Exception):
    """The name of a list to be made leads to another one by now; nothing was written."""


class ListBusy(Exception):
    """Another import is writing the list; nothing was written, the same is to be tried later."""


class Targets(Heads):
    """Those of all imports."""

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

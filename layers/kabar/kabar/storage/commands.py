"""A workspace's opt-out commands: what differs from the standard ones, kept in its settings [I3]. [P44]"""

from typing import Any

from kabar.domain.commands import MAX_OWN, Command, commands_of, folded, standard
from kabar.storage import workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.opt_outs import Contended

_ATTEMPTS = 5


class TooMany(Exception):
    """The workspace changed and added as many as fit; nothing was written."""


class Standard(Exception):
    """A standard command can be switched off, not deleted; nothing was written."""


class Commands:
    """The commands of one workspace; every change is in the log."""

    def __init__(self, table: Table, log: Table, workspace: str) -> None:
        self._table = table
        self._log = log
        self._workspace = workspace

    def all(self) -> list[Command]:
        """Every command, the standard ones first."""
        return list(commands_of(self._settings()).values())

    def save(self, command: Command, *, by: str, now: int) -> None:
        """Add it, or change what it means and whether it counts. Raises TooMany, Contended."""
        key = folded(command.word)
        for _ in range(_ATTEMPTS):
            settings = self._settings()
            if commands_of(settings).get(key) == command:
                return
            entry = {"word": command.word, "means": command.means.value, "enabled": command.enabled}
            changed = settings.get("commands", {}) | {key: entry}
            if len(changed) > MAX_OWN:
                raise TooMany
            if self._write(settings, changed, "opt-out command saved", entry, by, now):
                return
        raise Contended(f"the commands of {self._workspace} kept changing")

    def delete(self, word: str, *, by: str, now: int) -> bool:
        """Forget a command of the workspace's own; False when there is none. Raises Standard, Contended."""
        key = folded(word)
        if key in standard():
            raise Standard
        for _ in range(_ATTEMPTS):
            settings = self._settings()
            left = dict(settings.get("commands", {}))
            if left.pop(key, None) is None:
                return False
            if self._write(settings, left, "opt-out command deleted", {"word": word}, by, now):
                return True
        raise Contended(f"the commands of {self._workspace} kept changing")

    def _settings(self) -> Item:
        return workspaces.settings(self._table, self._workspace, consistent=True)

    def _write(
        self, seen: Item, commands: dict[str, Any], what: str, detail: dict[str, Any], by: str, now: int
    ) -> bool:
        changes = {"commands": commands}
        try:
            workspaces.change(
                self._table, self._log, seen, changes, {}, by=by, now=now, what=what, detail=detail
            )
        except workspaces.SettingsChanged:
            return False
        return True

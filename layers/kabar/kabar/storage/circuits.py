"""The circuits of carrier accounts: what requests hold for while a carrier is down. [P67]"""

import random
from collections.abc import Callable
from dataclasses import asdict, fields

from kabar.domain.circuit import TRYING, Circuit
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table

_FIELDS = {field.name for field in fields(Circuit)}


def stored(table: Table, workspace: str, carrier: str) -> Circuit:
    """[P67]"""
    return _circuit(table.get(keys.circuit(workspace, carrier), consistent=True))


def reset(table: Table, workspace: str, carrier: str) -> None:
    """[P67] People have mended the account; no condition: what is still wrong with it opens it again."""
    table.delete(keys.circuit(workspace, carrier))


class AccountCircuit:
    """That of one workspace at one carrier, as one request meets it."""

    def __init__(self, table: Table, workspace: str, carrier: str, now: Callable[[], int]) -> None:
        self._table = table
        self._key = keys.circuit(workspace, carrier)
        self._now = now
        self.seen = Circuit()

    def wait(self) -> int | None:
        """When (ms) to look again; None to go on, as one of all, or as the one that tries for all."""
        self.seen = self._read()
        if not self.seen.level:
            return None
        now = self._now()
        at = self.seen.wait(now)
        if at is not None:
            return at
        try:
            self._table.update(
                self._key,
                "SET trying = :until",
                condition="trying = :seen AND changed_at = :changed",
                values={
                    ":until": now + TRYING,
                    ":seen": self.seen.trying,
                    ":changed": self.seen.changed_at,
                },
            )
        except ConditionFailed:
            return self._read().wait(now) or now + 1000  # somebody else tries, or has
        return None

    def failed(self, started: int, reason: str, *, at_once: bool = False) -> int:
        """A try that began at `started` brought no result; until when (ms) nobody tries, 0 when anybody may."""
        while True:
            before, now = self._read(), self._now()
            after = before.failed(started, now, reason, at_once=at_once, jitter=random.random())  # noqa: S311
            if after is None:
                return before.open_until
            condition, values = "attribute_not_exists(pk)", None
            if before.changed_at:
                condition, values = "changed_at = :seen", {":seen": before.changed_at}
            try:
                self._table.put(self._key | asdict(after), condition=condition, values=values)
            except ConditionFailed:
                continue  # another failure was told meanwhile
            return after.open_until

    def worked(self, started: int) -> None:
        """A try that began at `started` brought a result: closed, unless others failed after that."""
        if not self.seen.changed_at:
            return
        try:
            self._table.delete(self._key, condition="changed_at <= :started", values={":started": started})
        except ConditionFailed:
            return

    def _read(self) -> Circuit:
        return _circuit(self._table.get(self._key, consistent=True))


def _circuit(item: Item | None) -> Circuit:
    return Circuit(**{name: value for name, value in (item or {}).items() if name in _FIELDS})

"""The sending hours as senders see them: settings at most a second old, the clock read at every look [G2]."""

from kabar.domain.campaigns import CONTROL_AGE
from kabar.domain.hours import Covered, Rules
from kabar.storage import workspaces
from kabar.storage.dynamo import Item, Table


def kind_of(head: Item) -> Covered:
    """What a campaign is to the hours."""
    return Covered.QUICK_CAMPAIGNS if head.get("quick") else Covered.CAMPAIGNS


class Gate:
    """Whether one kind of send of a workspace may go on. `call` (ms) is how long a call may take."""

    def __init__(self, table: Table, workspace: str, kind: Covered | None, call: int) -> None:
        self._table = table
        self._workspace = workspace
        self._kind = kind
        self._call = call
        self._looked_at = 0
        self._rules: Rules | None = None

    def opens(self, now: int) -> int | None:
        """None when a call may begin `now`; else the opening (ms) that it waits for."""
        if self._kind is None:
            return None
        if now - self._looked_at >= CONTROL_AGE:
            self._rules = Rules.of(workspaces.settings(self._table, self._workspace, consistent=True))
            self._looked_at = now
        return self._rules.waits_until(self._kind, now, self._call) if self._rules else None

"""The sending hours as senders see them: settings at most a second old, the clock read at every look [G2]."""

from kabar.domain.campaigns import CONTROL_AGE
from kabar.domain.hours import Covered, Rules
from kabar.domain.slices import Timing
from kabar.storage import keys
from kabar.storage.dynamo import Item, Table


def kind_of(head: Item) -> Covered:
    """What a campaign is to the hours."""
    return Covered.QUICK_CAMPAIGNS if head.get("quick") else Covered.CAMPAIGNS


def opening(table: Table, timing: Timing, head: Item, now: int) -> int | None:
    """When (ms) the hours open for a campaign; None when it may go on `now`."""
    return Gate(table, head["workspace"], kind_of(head), timing).opens(now)


class Gate:
    """Whether one kind of send of a workspace may go on; the kind None always may.

    A call must end before the close: `timing` says how long it may take, and how far the clocks may differ.
    `timezone` is that of the recipients, the workspace's when None.
    """

    def __init__(
        self,
        table: Table,
        workspace: str,
        kind: Covered | None,
        timing: Timing,
        timezone: str | None = None,
    ) -> None:
        self._timezone = timezone
        self._table = table
        self._workspace = workspace
        self._kind = kind
        self._call = timing.call + timing.skew
        self._looked_at = 0
        self._rules: Rules | None = None

    def opens(self, now: int) -> int | None:
        """None when a call may begin `now`; else the opening (ms) that it waits for."""
        if self._kind is None:
            return None
        if now - self._looked_at >= CONTROL_AGE:
            self._rules = Rules.of(
                self._table.get(keys.settings(self._workspace), consistent=True) or {}, self._timezone
            )
            self._looked_at = now
        return self._rules.waits_until(self._kind, now, self._call) if self._rules else None

"""The sending hours as senders see them: settings at most a second old, the clock read at every look [G2]."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from kabar.domain.campaigns import CONTROL_AGE
from kabar.domain.hours import Covered, Rules
from kabar.domain.number_zones import zones_of
from kabar.domain.recipient_hours import RecipientHours
from kabar.domain.slices import Timing
from kabar.storage import keys
from kabar.storage.chunks import Chunk
from kabar.storage.dynamo import Item, Table


def kind_of(head: Item) -> Covered:
    """What a campaign is to the hours."""
    return Covered.QUICK_CAMPAIGNS if head.get("quick") else Covered.CAMPAIGNS


def campaign_gate(table: Table, timing: Timing, head: Item) -> "Gate":
    """The one that a campaign's legs and lanes look at."""
    return Gate(table, head["workspace"], kind_of(head), timing)


def opening(table: Table, timing: Timing, head: Item, now: int) -> int | None:
    """When (ms) the hours open for a campaign; None when it may go on `now`."""
    return campaign_gate(table, timing, head).opens(now, head.get("zones"))


def goes_on_at(gate: "Gate", chunk: Chunk, now: int) -> int | None:
    """When (ms) there is something to do for a chunk again; None for now."""
    own = gate.opens(now, chunk.zones) if chunk.zones is not None else None
    return max(chunk.wake or 0, own or 0) or None


class Gate:
    """Whether one kind of send of a workspace may go on; the kind None always may.

    A call must end before the close: `timing` says how long it may take, and how far the clocks may differ.
    `timezone` is where somebody said that the recipients are. Where the hours are those of each recipient's own zones
    [G3], a gate is open as a whole, and `waits` tells recipients apart.
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
        self._recipients: RecipientHours | None = None

    def opens(self, now: int, zones: Collection[str] | None = None) -> int | None:
        """None when a call may begin `now`; else the opening (ms) that it waits for.

        `zones` are those of the recipients that are left, as `zones` below says; None as long as nobody has looked.
        """
        own = self._own(now)
        if own:
            return own.earliest(zones, now) if zones is not None else None
        return self._rules.waits_until(self._kind, now, self._call) if self._rules and self._kind else None

    def waits(self, mobiles: Sequence[str], now: int) -> Mapping[str, int]:
        """Whose own hours are closed `now`, and the opening (ms) that they wait for, or NEVER."""
        own = self._own(now)
        if own is None:
            return {}
        openings = ((mobile, own.opens(zones_of(mobile), now)) for mobile in mobiles)
        return {mobile: opening for mobile, opening in openings if opening is not None}

    def zones(self, mobiles: Iterable[str], now: int) -> list[str] | None:
        """Where these numbers may be, each set of zones once; None while that doesn't count."""
        return sorted(set(map(zones_of, mobiles))) if self._own(now) else None

    def _own(self, now: int) -> RecipientHours | None:
        """The hours of the recipients' own zones; None while the hours are others, or none."""
        if self._kind is None:
            return None
        if now - self._looked_at >= CONTROL_AGE:
            stored = self._table.get(keys.settings(self._workspace), consistent=True) or {}
            rules = Rules.of(stored, self._timezone)
            if rules != self._rules:
                own = rules is not None and rules.by_recipient and rules.apply_to(self._kind)
                self._recipients = RecipientHours(rules, self._call) if rules and own else None
                self._rules = rules
            self._looked_at = now
        return self._recipients

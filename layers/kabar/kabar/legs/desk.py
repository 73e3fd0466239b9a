"""What planning and settling a leg work with."""

from collections.abc import Callable
from dataclasses import dataclass

from kabar.legs.gate import Gate
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Item, Table
from kabar.storage.plan_parts import PlanParts
from kabar.storage.plans import Plans
from kabar.storage.schedules import Schedules
from kabar.storage.turns import Turns


@dataclass(frozen=True)
class Desk:
    """`start_leg(workspace, campaign, leg)` starts a leg at once, `sleep` takes seconds; a list of more than
    `shards_above` members is planned shard by shard. `gate` is that of a campaign's sending hours.
    """

    campaigns: Campaigns
    turns: Turns
    workspaces: Table
    members: Table
    chunks: Chunks
    plans: Plans
    parts: PlanParts
    shards_above: int
    schedules: Schedules
    start_leg: Callable[[str, int, int], None]
    sleep: Callable[[float], None]
    gate: Callable[[Item], Gate]

    def opens(self, head: Item, now: int) -> int | None:
        """When (ms) the sending hours open for a campaign; None when it may go on now."""
        return self.gate(head).opens(now, head.get("zones"))

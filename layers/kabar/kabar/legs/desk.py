"""What planning and settling a leg work with."""

from collections.abc import Callable
from dataclasses import dataclass

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
    `shards_above` members is planned shard by shard. `opens(head, now)` is when (ms) the sending hours open for a
    campaign, None when it may go on now.
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
    opens: Callable[[Item, int], int | None]

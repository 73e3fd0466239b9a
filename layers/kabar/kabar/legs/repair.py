"""Sweep: whatever a crash left without anybody in charge is started again."""

from collections.abc import Callable, Mapping
from typing import Any

from kabar.domain.campaigns import Life
from kabar.storage.campaigns import Campaigns

GRACE = 60_000  # ms that a lease or a schedule may be late before it counts as lost


def is_abandoned(head: Mapping[str, Any], now: int) -> bool:
    """Whether a campaign should have a leg under way or scheduled, and can't have one any more.

    One that is paused or missed waits for people; one that is queued is asked again, so that a turn whose holder
    died is found.
    """
    if "closed_at" in head or head["due_at"] > now:
        return False
    if head["status"] in (Life.PAUSED, Life.MISSED):
        return False
    expected = max(
        head.get("lease_until", 0), head.get("wake_at", 0), head.get("status_at", head["created_at"])
    )
    if head["status"] == Life.QUEUED:
        expected = head.get("status_at", head["created_at"])
    return bool(expected + GRACE < now)


def repair_campaigns(
    campaigns: Campaigns, start_leg: Callable[[str, int, int, str], None], now: int
) -> list[int]:
    """Start the next leg of every abandoned campaign; their ids."""
    repaired = []
    for mark in campaigns.every_open():
        head = campaigns.get(mark["workspace"], mark["campaign"], consistent=True)
        if head is not None and is_abandoned(head, now):
            start_leg(mark["workspace"], head["id"], head["leg"] + 1, f"-sweep-{now // 60_000}")
            repaired.append(head["id"])
    return repaired

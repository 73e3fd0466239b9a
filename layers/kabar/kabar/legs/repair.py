"""Sweep: a campaign or an opening that a crash left without anybody in charge is started again."""

from collections.abc import Callable, Sequence

from kabar.domain.campaigns import Life
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Item
from kabar.storage.held import Waiting

GRACE = 60_000  # ms that a lease or a schedule may be late before it counts as lost


def is_abandoned(head: Item, now: int, may_go: Callable[[Item], bool]) -> bool:
    """Whether a campaign should have a leg under way or scheduled, and can't have one any more.

    One that is paused or missed waits for people; one that is queued is asked again, so that a turn whose holder
    died is found; one that waits for the window goes on once it `may_go`, whatever was scheduled before somebody
    edited the hours.
    """
    if "closed_at" in head or head["due_at"] > now:
        return False
    if head["status"] in (Life.PAUSED, Life.MISSED):
        return False
    if head["status"] == Life.WAITING and may_go(head):
        return True
    expected = max(
        head.get("lease_until", 0), head.get("wake_at", 0), head.get("status_at", head["created_at"])
    )
    if head["status"] == Life.QUEUED:
        expected = head.get("status_at", head["created_at"])
    return bool(expected + GRACE < now)


def repair_campaigns(
    campaigns: Campaigns,
    start_leg: Callable[[str, int, int, str], None],
    may_go: Callable[[Item], bool],
    settle_import: Callable[[str, str], None],
    now: int,
) -> list[int]:
    """Start the next leg of every abandoned campaign, once more after the import that it waits for; their ids."""
    repaired = []
    for mark in campaigns.every_open():
        head = campaigns.get(mark["workspace"], mark["campaign"], consistent=True)
        if head is not None and is_abandoned(head, now, may_go):
            if "import" in head:
                settle_import(mark["workspace"], head["import"])
            start_leg(mark["workspace"], head["id"], head["leg"] + 1, f"-sweep-{now // 60_000}")
            repaired.append(head["id"])
    return repaired


def repair_held(
    openings: Sequence[Waiting],
    is_open: Callable[[Waiting], bool],
    wake: Callable[[str, int], None],
    now: int,
) -> list[tuple[str, int]]:
    """Wake what waits for an opening that has passed, or for one that edited hours have brought forward.

    `is_open` says whether some of the messages that wait for one may go now.
    """
    due = [each for each in openings if each.opening + GRACE < now or is_open(each)]
    for each in due:
        wake(each.workspace, each.opening)
    return [(each.workspace, each.opening) for each in due]

"""Campaigns that came due while their list was loading. [P59]"""

from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table


def of_list(workspaces: Table, workspace: str, list_id: int) -> list[Item]:
    """Campaigns {campaign, leg} that wait until nothing loads the list."""
    start = keys.waiting_for_import(workspace, list_id, 0)
    prefix = start["sk"].rpartition("#")[0] + "#"
    return list(workspaces.every(start["pk"], prefix=prefix, consistent=True))


def tell(workspaces: Table, workspace: str, list_id: int, reason: str) -> None:
    """Let the campaigns that wait for this list fail with `reason` when their next leg starts; not one that was given
    another list since.
    """
    for note in of_list(workspaces, workspace, list_id):
        try:
            workspaces.update(
                keys.campaign_head(workspace, note["campaign"]),
                "SET import_failed = :reason",
                condition="list_id = :list AND attribute_not_exists(#plan)",
                names={"#plan": "plan"},
                values={":reason": reason, ":list": list_id},
            )
        except ConditionFailed:
            continue  # it has its recipients or another list, or is gone


def forget(workspaces: Table, note: Item) -> None:
    """Delete a note of `of_list`, unless it was renewed for a later leg meanwhile."""
    try:
        key = {"pk": note["pk"], "sk": note["sk"]}
        workspaces.delete(key, condition="leg = :leg", values={":leg": note["leg"]})
    except ConditionFailed:
        return

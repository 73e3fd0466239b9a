"""Wakes what waits for the sending hours, once they were edited; `sweep` does it for a call that died [G2]."""

import json

import wiring
from kabar.domain.campaigns import Life
from kabar.storage import executions
from kabar.storage.campaigns import Campaigns
from kabar.storage.held import Held


def wake(workspace: str) -> None:
    """Let every campaign and message request of `workspace` that waits look at the hours again."""
    table, settings = wiring.table, wiring.settings()
    campaigns = Campaigns(table("workspaces"), table("activity"))
    for mark in campaigns.open_in(workspace):
        head = campaigns.get(workspace, mark["campaign"], consistent=True)
        if head and head["status"] == Life.WAITING:
            executions.start_leg(settings.run_campaign_arn, workspace, head["id"], head["leg"] + 1)
    for held in Held(table("workspaces"), table("dispatch")).openings(workspace):
        wiring.functions().invoke(
            FunctionName=settings.open_window_function,
            InvocationType="Event",
            Payload=json.dumps({"workspace": workspace, "opening": held.opening}),
        )

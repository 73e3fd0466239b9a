"""What `sweep` starts again: campaigns without anybody in charge, and no others."""

import pytest

from kabar.legs.repair import GRACE, repair_campaigns
from kabar.storage import keys
from tests.functions.leg_rig import WORKSPACE, Rig


def test_only_what_nobody_is_in_charge_of_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, started = Rig(monkeypatch), list[tuple[int, int]]()
    rig.campaign(1)
    rig.campaign(2)
    rig.plan(1, 1, now=GRACE)

    def start(_workspace: str, campaign: int, leg: int, _mark: str) -> None:
        started.append((campaign, leg))

    found = repair_campaigns(rig.campaigns, start, lambda _: True, lambda *_: None, GRACE + 1)
    assert (found, started) == ([2], [(2, 1)])


def test_a_mark_whose_campaign_is_gone_keeps_no_other_from_its_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    rig.campaign(2)
    rig.dynamo.seed("workspaces", keys.open_campaign(WORKSPACE, 1), workspace=WORKSPACE, campaign=1)
    assert repair_campaigns(rig.campaigns, lambda *_: None, lambda _: True, lambda *_: None, GRACE + 1) == [2]

"""Pages of campaigns, newest first, also where those that are wanted lie far apart. [P12]"""

import pytest

from kabar.storage import keys
from tests.functions.leg_rig import WORKSPACE, Rig

MANY = 230  # more than one query reads at once


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(monkeypatch)
    for number in range(1, MANY + 1):
        rig.dynamo.seed("workspaces", keys.campaign_head(WORKSPACE, number), id=number)
    return rig


@pytest.mark.parametrize(("every", "limit"), [(1, 100), (70, 2), (110, 1), (230, 5), (231, 5)])
def test_page_after_page_shows_every_campaign_that_is_wanted_once(rig: Rig, every: int, limit: int) -> None:
    shown: list[int] = []
    before: str | None = None
    while True:
        page, before = rig.campaigns.page(WORKSPACE, limit, before, lambda head: head["id"] % every == 0)
        assert len(page) <= limit
        shown += [head["id"] for head in page]
        if before is None:
            break
    assert shown == [number for number in range(MANY, 0, -1) if number % every == 0]

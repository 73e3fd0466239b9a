"""What `sweep` starts again: what has nobody in charge, and nothing else."""

import itertools
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from kabar.domain.statuses import Status, cell
from kabar.files.repair import UNDECIDED
from kabar.legs.repair import GRACE, repair_campaigns
from kabar.storage import executions, keys, silence
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Table
from kabar.storage.held import Held
from tests.functions.api_client import Clients
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.leg_rig import WORKSPACE, Rig
from tests.functions.loading import load, sample
from tests.functions.request_rig import CLOSE, HOUR, HOURS, THURSDAY_9

VARIABLES = {
    "RUN_CAMPAIGN_ARN": "arn:run",
    "IMPORT_LIST_ARN": "arn:import",
    "EXPORT_LIST_ARN": "arn:export",
    "FINISH_IMPORT_FUNCTION": "finish-import",
    "OPEN_WINDOW_FUNCTION": "open-window",
    "WORK_BUCKET": "work",
}


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


# ---- the function ---------------------------------------------------------------------------------------


class Sweep:
    """The function at a time of the test's; it opens at 8, closes at 11, and it is nine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dynamo, self.now = FakeDynamo(), THURSDAY_9
        self.clients = Clients(self.dynamo)
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value)
        self.function: ModuleType = load("sweep", monkeypatch, **vars(self.clients))
        monkeypatch.setattr(time, "time_ns", lambda: self.now * 1_000_000)
        self.workspaces = Table("workspaces")
        self.hours()

    def hours(self, **changes: Any) -> None:
        hours = HOURS | {"covers": ["campaigns", "quick_campaigns", "api_messages"]} | changes
        settings = {"max_digits": 14, "timezone": "Europe/Istanbul", "sending_hours": hours}
        self.dynamo.seed("workspaces", keys.settings(WORKSPACE), **settings)

    def campaign(self, **changes: Any) -> None:
        """Campaign 1, which came due a while ago."""
        head = {"id": 1, "name": "Gym", "list_id": 2, "text": "Merhaba", "sender": "3774", "carrier": "http"}
        due = THURSDAY_9 - HOUR
        campaigns = Campaigns(self.workspaces, Table("activity"))
        campaigns.create(WORKSPACE, head | {"due_at": due, "created_at": due} | changes, "api:me")
        key = keys.campaign_head(WORKSPACE, 1)
        self.dynamo.tables["workspaces"][key["pk"], key["sk"]].update(changes)

    def imported(self, state: str, **changes: Any) -> None:
        """Import `i` as it stands."""
        head = {"id": "i", "state": state, "updated_at": THURSDAY_9, "request_id": "r"} | changes
        self.dynamo.seed("workspaces", keys.import_head(WORKSPACE, "i"), **head)

    def silent(self) -> None:
        """A message that was sent and got no receipt for 72 hours."""
        self.dynamo.seed("dispatch", keys.request(9000), id=9000, first_id=9000, size=1, workspace=WORKSPACE)
        self.dynamo.seed("dispatch", keys.request_rows(9000, 0), rows=[["+64211", [], 1]])
        block = {"first": 9000, "size": 1, "workspace": WORKSPACE, "request": 9000, "chunk_size": 1000}
        self.dynamo.seed("workspaces", keys.id_block(9000), **block)
        Chunks(Table("dispatch")).merge(9000, 0, bytes([cell(Status.SENT)]), 1)
        self.workspaces.put(silence.mark(WORKSPACE, self.now - silence.WITHIN, request=9000))

    def deleted_list(self) -> None:
        """One with members left."""
        mark = {"workspace": WORKSPACE, "list_id": 7, "deleted_at": self.now}
        self.dynamo.seed("workspaces", keys.emptying(WORKSPACE, 7), **mark)
        for shard in (0, 1):
            for n in range(3):
                key = keys.member(7, f"+6421{n:07d}") | {"pk": keys.member_pk(7, shard)}
                self.dynamo.seed("members", key, params=[])

    def run(self) -> dict[str, Any]:
        told: dict[str, Any] = self.function.handler(sample("sweep_every_10_minutes"), None)
        return told


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sweep]:
    executions.client.cache_clear()
    yield Sweep(monkeypatch)
    executions.client.cache_clear()


def test_a_campaign_that_waits_for_hours_which_somebody_moved_goes_on_once_they_are_open(
    sweep: Sweep,
) -> None:
    """[G2] Whatever its schedule says, which was made by the hours before."""
    sweep.campaign(status="waiting_for_window", wake_at=THURSDAY_9 + 99 * HOUR)
    sweep.hours(**{"from": "10:00"})
    assert sweep.run()["campaigns"] == []
    sweep.hours()
    assert sweep.run()["campaigns"] == [1]
    assert list(sweep.clients.started.values()) == [{"workspace": WORKSPACE, "campaign": 1, "leg": 1}]


def test_messages_that_wait_for_hours_which_somebody_moved_go_on_once_they_are_open(sweep: Sweep) -> None:
    """[G2]"""
    opening = CLOSE + 99 * HOUR
    Held(sweep.workspaces, Table("dispatch")).put(WORKSPACE, opening, 9000, 1, sweep.now)
    sweep.hours(**{"from": "10:00"})
    assert sweep.run()["opened"] == []
    sweep.hours()
    assert sweep.run()["opened"] == [(WORKSPACE, opening)]
    assert sweep.clients.invoked == [("open-window", {"workspace": WORKSPACE, "opening": opening})]


@pytest.mark.parametrize(("state", "outcome"), [("done", "loaded"), ("failed", "failed")])
def test_a_campaign_whose_import_is_over_hears_of_it_once_more(
    sweep: Sweep, state: str, outcome: str
) -> None:
    sweep.campaign(**{"import": "i"})
    sweep.imported(state)
    assert sweep.run()["campaigns"] == [1]
    told = {"workspace": WORKSPACE, "import_id": "i", "outcome": outcome, "request_id": "r"}
    assert sweep.clients.invoked == [("finish-import", told)]


@pytest.mark.parametrize("state", ["validating", "loading", "waiting_for_file", None])
def test_an_import_that_is_not_over_isn_t_ended_for_the_campaign_that_waits_for_it(
    sweep: Sweep, state: str | None
) -> None:
    sweep.campaign(**{"import": "i"})
    if state:
        sweep.imported(state)
    assert sweep.run()["campaigns"] == [1]
    assert sweep.clients.invoked == []


def test_an_import_that_nobody_decided_in_a_week_is_ended(sweep: Sweep) -> None:
    sweep.imported("needs_decision", updated_at=sweep.now - UNDECIDED)
    sweep.dynamo.seed("workspaces", keys.open_import(WORKSPACE, "i"), workspace=WORKSPACE, import_id="i")
    assert sweep.run()["imports"] == ["i"]
    ((function, told),) = sweep.clients.invoked
    assert function == "finish-import"
    assert (told["import_id"], told["outcome"], told["request_id"]) == ("i", "expired", "r")


def test_what_takes_long_is_left_to_the_next_sweep(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep.silent()
    sweep.deleted_list()
    with monkeypatch.context() as late:
        looks = itertools.count(step=200)  # seconds
        late.setattr(time, "monotonic", lambda: float(next(looks)))
        done = sweep.run()
        assert (done["expired"], done["members_removed"]) == (0, 3)
    done = sweep.run()
    assert (done["expired"], done["members_removed"]) == (1, 3)

"""Large lists: planned shard by shard, committed by one write, the same whoever dies when."""

from dataclasses import replace

import pytest

from kabar.domain.statuses import Status
from kabar.storage import keys
from kabar.storage.reports import report
from tests.functions.leg_rig import LIST, WORKSPACE, Rig

PEOPLE = 1300  # about 80 in each shard: no chunk of 500 lies in one


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(monkeypatch)
    made.desk = replace(made.desk, shards_above=100)
    head = made.dynamo.find("workspaces", keys.list_head(WORKSPACE, LIST))
    assert head is not None
    head["members"] = PEOPLE
    made.members(PEOPLE)
    return made


def frozen(rig: Rig) -> list[str]:
    plan = rig.head(1)["plan"]
    chunks = [rig.desk.plans.read(1, plan, number) for number in range(plan["chunks"])]
    assert [len(chunk) for chunk in chunks] == [500, 500, 300]
    return [row.mobile for chunk in chunks for row in chunk]


def in_order(rig: Rig) -> list[str]:
    """Everybody, shard by shard in the order of their numbers."""
    shards = (keys.member_pk(LIST, shard) for shard in range(keys.MEMBER_SHARDS))
    return [item["sk"] for pk in shards for item in rig.desk.members.every(pk)]


def test_a_large_list_is_planned_by_its_shards_and_sent_to_everybody_once(rig: Rig) -> None:
    rig.campaign(1)
    first = rig.plan(1, 1)
    assert (first["outcome"], first["shards"]) == ("shards", list(range(16)))
    assert "plan" not in rig.head(1)
    assert rig.leg(1, 1) == "complete"
    assert rig.head(1)["status"] == "completed"
    assert frozen(rig) == in_order(rig)
    assert sorted(rig.carrier.accepted) == sorted(in_order(rig))
    assert report(rig.head(1), rig.chunks).segments == rig.head(1)["plan"]["segments"] == PEOPLE


def test_a_small_list_is_planned_at_once(rig: Rig) -> None:
    rig.desk = replace(rig.desk, shards_above=PEOPLE)
    rig.campaign(1)
    assert rig.plan(1, 1)["outcome"] == "send"
    assert frozen(rig) == in_order(rig)


def test_nothing_is_committed_before_all_shards_are_there(rig: Rig) -> None:
    rig.campaign(1)
    plan = rig.plan(1, 1)
    for shard in plan["shards"][:15]:
        rig.shard(plan, shard)
    assert rig.plan(1, 1)["outcome"] == "shards"
    assert "plan" not in rig.head(1)
    rig.shard(plan, 15)
    assert rig.plan(1, 1)["outcome"] == "send"


def test_a_run_that_was_given_up_for_dead_changes_nothing_any_more(rig: Rig) -> None:
    rig.campaign(1)
    plan = rig.plan(1, 1)
    for shard in plan["shards"]:
        assert rig.shard(plan, shard) == "planned"
    before = in_order(rig)
    rig.dynamo.seed("members", keys.member(LIST, "+642100000001"), params=[], at=2)
    rig.shard(plan, 3, run="a second one, before the commit")
    assert rig.plan(1, 1)["outcome"] == "send"
    rig.shard(plan, 3, run="a third one, after it")
    assert frozen(rig) == before


def test_a_leg_that_took_over_plans_anew_and_the_old_one_commits_nothing(rig: Rig) -> None:
    rig.campaign(1)
    old = rig.plan(1, 1)
    for shard in old["shards"][:9]:
        rig.shard(old, shard)
    new = rig.plan(1, 2)  # by the dead man's switch
    assert rig.shard(old, 9) == "superseded"
    assert rig.plan(1, 1)["outcome"] == "superseded"
    for shard in new["shards"]:
        rig.shard(new, shard)
    assert rig.plan(1, 2)["outcome"] == "send"
    assert frozen(rig) == in_order(rig)


def test_the_next_leg_waits_until_shards_had_their_time(rig: Rig) -> None:
    rig.campaign(1)
    rig.plan(1, 1, now=0)
    assert rig.scheduler.schedules["kabar-1-2"]["ScheduleExpression"] == "at(1970-01-01T00:30:00)"
    assert rig.head(1)["lease_until"] == 1_800_000


def test_whoever_dies_when_the_plan_is_the_same_in_the_end(rig: Rig) -> None:
    rig.campaign(1)
    deaths = 0
    while True:
        with rig.steps.dying_before(deaths % 7 + deaths // 7):
            plan = rig.plan(1, 1)
            if plan["outcome"] != "shards":
                break
            for shard in plan["shards"]:
                if shard not in {part["shard"] for part in _known(rig)}:
                    rig.shard(plan, shard, run=f"run {deaths}")
        deaths += rig.steps.died
    assert deaths > 20
    assert rig.plan(1, 1)["outcome"] == "send"
    assert frozen(rig) == in_order(rig)


def _known(rig: Rig) -> list[dict[str, int]]:
    found = rig.dynamo.tables["dispatch"]
    return [
        {"shard": int(sk.removeprefix("shard#"))}
        for pk, sk in found
        if pk.startswith("plan#1#") and "#" in sk
    ]


def test_a_cancel_counts_every_recipient_of_every_chunk(rig: Rig) -> None:
    rig.campaign(1)
    plan = rig.plan(1, 1)
    for shard in plan["shards"]:
        rig.shard(plan, shard)
    rig.plan(1, 1)
    rig.campaigns.control(WORKSPACE, 1, "cancel", "api:test", 5)
    rig.leg(1, 2)
    assert rig.head(1)["totals"]["statuses"][Status.CANCELLED.word] == PEOPLE

"""Whatever dies, is lost, comes late or is said meanwhile: nobody twice, nobody skipped, nobody after opting out.

Faults F1–F12, F22, F44, F82, crash points CP5–CP12, alone and in pairs, in every carrier class.
"""

import itertools
from collections.abc import Iterable

import pytest

from kabar.domain.statuses import Status
from tests.simulation.carrier import Ask, Call
from tests.simulation.run import MOBILES, Case, Outcome, random_case, run
from tests.simulation.world import Fault, Script

ALL = pytest.mark.parametrize("promise", "ABCD")
TRUE_LOSSES = [Call.LOST_AFTER, Call.LOST_BEFORE, Call.LATE, Call.PARTIAL]


def hold(cases: Iterable[Case]) -> list[Outcome]:
    """Run every case; one that breaks a rule is shown with all it did."""
    outcomes = []
    for case in cases:
        outcome = run(case)
        assert not outcome.broken, "\n".join([str(case), *outcome.broken, *outcome.world.log])
        outcomes.append(outcome)
    return outcomes


def effects(case: Case) -> range:
    """The effects of the case's first pass, and one more."""
    return range(run(case).steps[0] + 2)


@ALL
@pytest.mark.parametrize("sizes", [(1,), (3, 3), (1, 1, 2)])
def test_without_a_fault_everybody_is_sent_in_one_pass(promise: str, sizes: tuple[int, ...]) -> None:
    for seed in range(20):
        (outcome,) = hold([Case(promise, Script(), seed, sizes)])
        assert set(outcome.statuses) == {Status.SENT}
        assert (len(outcome.steps), outcome.world.counts["calls"]) == (1, len(sizes))


@ALL
@pytest.mark.parametrize("how", Call)
def test_any_single_fault_at_any_effect(promise: str, how: Call) -> None:
    plain = Case(promise, Script(calls=[how]), 1, (2, 2))
    hold(
        Case(promise, Script({(0, effect): fault}, [how]), seed, (2, 2))
        for effect in effects(plain)
        for fault in Fault
        for seed in range(2)
    )


@ALL
@pytest.mark.parametrize("how", [Call.OK, Call.LATE, Call.PARTIAL, Call.THROTTLED])
def test_any_two_deaths(promise: str, how: Call) -> None:
    points = [(effect, fault) for effect in range(12) for fault in (Fault.DIES_BEFORE, Fault.DIES_AFTER)]
    hold(
        Case(promise, Script({(0, first): one, (1, second): other}, [how]), 2, (3,))
        for (first, one), (second, other) in itertools.product(points, points)
    )


@ALL
@pytest.mark.parametrize("how", [Call.OK, Call.LOST_AFTER, Call.LOST_BEFORE])
def test_an_opt_out_between_any_two_effects_and_a_death_at_any(promise: str, how: Call) -> None:
    hold(
        Case(promise, Script({(0, death): Fault.DIES_AFTER}, [how], events={moment: MOBILES[1]}), 3, (2,))
        for death in range(12)
        for moment in range(24)
    )


@ALL
@pytest.mark.parametrize("event", ["pause", "cancel"])
@pytest.mark.parametrize("how", [Call.OK, Call.LOST_AFTER, Call.UNREACHABLE])
def test_a_pause_or_cancel_between_any_two_effects(promise: str, event: str, how: Call) -> None:
    hold(
        Case(
            promise,
            Script({(0, death): Fault.DIES_AFTER} if death else {}, [how], events={moment: event}),
            4,
            (2, 1),
        )
        for death in (0, 6, 8, 9, 10)
        for moment in range(26)
    )


@ALL
@pytest.mark.parametrize("event", ["pause", "cancel"])
def test_control_is_looked_at_again_when_an_effect_took_long(promise: str, event: str) -> None:
    hold(
        Case(promise, Script({(0, slow): Fault.SLUGGISH}, events={moment: event}), 5, (2, 1))
        for slow in range(12)
        for moment in range(12)
    )


@ALL
def test_twenty_pauses(promise: str) -> None:
    """F15"""
    events = dict.fromkeys(range(3, 63, 3), "pause")
    outcomes = hold(Case(promise, Script(events=events), seed, (1, 1, 2)) for seed in range(30))
    assert all(set(outcome.statuses) == {Status.SENT} for outcome in outcomes)


@ALL
def test_senders_at_once_share_the_work(promise: str) -> None:
    """Whatever the order of their steps: without another fault nobody is even uncertain."""
    for seed in range(150):
        (outcome,) = hold([Case(promise, Script(), seed, (1, 2), senders=2)])
        assert set(outcome.statuses) == {Status.SENT}


@ALL
def test_a_sender_that_loses_its_lease_hands_nothing_over_any_more(promise: str) -> None:
    hold(
        Case(promise, Script({(0, effect): Fault.SLOW}, [how]), seed, (3,), senders=2)
        for effect in range(10)
        for seed in range(15)
        for how in (Call.OK, Call.LOST_AFTER)
    )


@ALL
def test_a_lost_answer_to_a_conditional_write_is_no_conflict(promise: str) -> None:
    """CP6, CP10: the SDK writes again and meets its own write."""
    lost = {(0, effect): Fault.ANSWER_LOST for effect in range(24)}
    for seed in range(20):
        (outcome,) = hold([Case(promise, Script(lost), seed, (2, 2))])
        assert (set(outcome.statuses), len(outcome.steps)) == ({Status.SENT}, 1)


@pytest.mark.parametrize("promise", "AB")
@pytest.mark.parametrize("how", TRUE_LOSSES)
def test_whoever_can_be_asked_or_dedupes_is_never_uncertain(promise: str, how: Call) -> None:
    """F1, F5, F11, F82: in the end exactly one accept each, and we know it."""
    for asks in ([], [Ask.LOST, Ask.THROTTLED, Ask.UNREACHABLE]):
        for seed in range(10):
            script = Script(calls=[how, how, Call.THROTTLED], asks=list(asks))
            (outcome,) = hold([Case(promise, script, seed, (3,), log_lag=20_000)])
            assert set(outcome.statuses) == {Status.SENT}


@pytest.mark.parametrize("promise", "CD")
@pytest.mark.parametrize("how", TRUE_LOSSES)
def test_whoever_can_tell_nothing_is_uncertain_and_never_called_again(promise: str, how: Call) -> None:
    for seed in range(10):
        (outcome,) = hold([Case(promise, Script(calls=[how]), seed, (3,))])
        told = [Status.SENT] if how is Call.PARTIAL else []
        assert outcome.statuses == told + [Status.UNCERTAIN] * (3 - len(told))
        assert outcome.world.counts["calls"] == 1


@ALL
@pytest.mark.parametrize("how", [Call.THROTTLED, Call.UNREACHABLE, Call.REFUSED])
def test_what_was_surely_not_sent_is_sent_later_and_nobody_is_uncertain(promise: str, how: Call) -> None:
    """F2, F6, F12, F13"""
    for seed in range(10):
        (outcome,) = hold([Case(promise, Script(calls=[how] * 5), seed, (2, 1))])
        assert set(outcome.statuses) == {Status.SENT}


@ALL
def test_refused_recipients_are_rejected_and_the_rest_sent(promise: str) -> None:
    outcomes = hold(
        Case(promise, Script(calls=[how]), seed, (3,), rejects=frozenset(MOBILES[1:2]))
        for how in (Call.OK, Call.THROTTLED)
        for seed in range(10)
    )
    assert all(o.statuses == [Status.SENT, Status.REJECTED, Status.SENT] for o in outcomes)


@ALL
def test_a_death_at_any_effect_forgets_no_refusal(promise: str) -> None:
    """CP9, CP11: the fact is the highest rank ever seen [H1]."""
    for effect, seed in itertools.product(range(14), range(3)):
        script = Script({(0, effect): Fault.DIES_AFTER})
        hold([Case(promise, script, seed, (3,), rejects=frozenset(MOBILES[1:2]))])


def test_the_same_seed_repeats_the_same_run() -> None:
    for seed in range(200):
        first, second = run(random_case(seed)), run(random_case(seed))
        assert (first.statuses, first.world.log) == (second.statuses, second.world.log)


@pytest.mark.parametrize("block", range(4))
def test_any_mixture_of_faults(block: int) -> None:
    hold(random_case(seed) for seed in range(block * 1000, (block + 1) * 1000))

"""What a carrier's answer says of everybody in its call, and what its errors mean for the calls to come."""

from dataclasses import replace

import pytest

from kabar.domain.brakes import BREAKER, SAMPLE, SILENT
from kabar.domain.calls import UNASKED
from kabar.domain.handover import (
    AnswerLost,
    Divided,
    Outcome,
    Promise,
    RecipientsRefused,
    Refused,
    Result,
    Throttled,
    Unreachable,
)
from kabar.domain.slices import Tally
from kabar.domain.statuses import Status
from tests.unit.sender_rig import ACCEPTED, DEAD, NOW, REJECTED, TIMING, Ports, statuses, why

DUPLICATE, NOT_SENT = Result(Outcome.DUPLICATE), Result(Outcome.NOT_SENT)
DOWN, LOST = Unreachable("no connection"), AnswerLost("no answer in time")
IN_DOUBT = bytes([Status.SUBMITTED, Status.SUBMITTED])
AGE = 60_000


def doubtful(promise: Promise, age: int = AGE, vector: bytes = IN_DOUBT) -> Ports:
    """Somebody called `age` ms ago, for two, without an answer, and recorded that."""
    ports = Ports(promise)
    ports.stored[0] = replace(DEAD, owner="", calling=False, vector=vector, doubt_since=NOW - age)
    ports.facts = {(0, Status.SUBMITTED), (1, Status.SUBMITTED)}
    return ports


def called(ports: Ports) -> list[str]:
    return [what for what in ports.log if what.startswith(("ask", "call"))]


# ---- what is in doubt -----------------------------------------------------------------------------------


def test_a_carrier_that_can_be_asked_is_asked_in_time_and_before_anything_is_sent_again() -> None:
    ports = doubtful(Promise.ASKABLE, age=TIMING.ask_after - 1)
    result, _ = ports.send_chunk(2)
    assert (called(ports), result.wake) == ([], NOW + 1)
    ports = doubtful(Promise.ASKABLE, age=TIMING.ask_after)
    ports.told = {"x-0": ACCEPTED}
    assert statuses(ports.send_chunk(2)[0]) == ["sent", "sent"]
    assert called(ports) == ["ask x-0 x-1", "call x-1"]


def test_what_it_says_when_asked_settles() -> None:
    ports = doubtful(Promise.ASKABLE)
    ports.told = {"x-0": DUPLICATE, "x-1": REJECTED}
    result, _ = ports.send_chunk(2)
    assert (statuses(result), called(ports)) == (["sent", "rejected"], ["ask x-0 x-1"])
    assert (1, Status.REJECTED) in ports.facts


def test_a_carrier_that_dedupes_is_handed_the_same_again_until_its_memory_ends() -> None:
    ports = doubtful(Promise.DEDUPES, age=TIMING.give_up - 1)
    assert statuses(ports.send_chunk(2)[0]) == ["sent", "sent"]
    ports = doubtful(Promise.DEDUPES, age=TIMING.give_up)
    assert (statuses(ports.send_chunk(2)[0]), called(ports)) == (["uncertain", "uncertain"], [])


def test_what_nobody_knows_of_after_six_hours_is_uncertain() -> None:
    ports = doubtful(Promise.ASKABLE, age=TIMING.give_up)
    ports.told = {"x-0": ACCEPTED}
    assert (statuses(ports.send_chunk(2)[0]), called(ports)) == (["sent", "uncertain"], ["ask x-0 x-1"])


@pytest.mark.parametrize("promise", [Promise.ECHOES, Promise.NOTHING])
def test_a_carrier_that_can_not_tell_repeats_gets_none(promise: Promise) -> None:
    ports = doubtful(promise)
    assert (statuses(ports.send_chunk(2)[0]), called(ports)) == (["uncertain", "uncertain"], [])


@pytest.mark.parametrize(
    ("error", "wake"),
    [(DOWN, 30_000), (LOST, 30_000), (Throttled("429", 7), 30_000), (Throttled("429", 100), 100_000)],
)
def test_a_question_without_an_answer_is_asked_again(error: AnswerLost, wake: int) -> None:
    ports = doubtful(Promise.ASKABLE, age=UNASKED - 1)
    ports.told = error
    result, _ = ports.send_chunk(2)
    assert (statuses(result), result.wake) == (["submitted", "submitted"], NOW + wake)
    ports = doubtful(Promise.ASKABLE, age=UNASKED)
    ports.told = error
    assert statuses(ports.send_chunk(2)[0]) == ["uncertain", "uncertain"]


def test_an_account_that_is_refused_when_asking_stops() -> None:
    ports = doubtful(Promise.ASKABLE)
    ports.told = Refused("401")
    result, stop = ports.send_chunk(2, 1)
    assert (why(stop), ports.paused, called(ports)) == ("refused", ["401"], ["ask x-0 x-1"])
    assert statuses(result) == ["submitted", "submitted", "pending"]


# ---- answers --------------------------------------------------------------------------------------------


def test_f82_a_duplicate_id_is_acceptance_only_of_what_was_handed_over_before() -> None:
    ports = doubtful(Promise.ASKABLE, vector=bytes([Status.SUBMITTED, 0]))
    ports.answers = [{"x-0": DUPLICATE, "x-1": DUPLICATE}]
    assert statuses(ports.send_chunk(2)[0]) == ["sent", "uncertain"]
    assert ports.log[-2:] == ["the carrier knew message x-1 before its first hand-over", "record 0"]


def test_each_recipient_has_the_carriers_own_word_and_silence_is_a_doubt() -> None:
    ports = Ports()
    ports.answers = [{"x-0": ACCEPTED, "x-1": REJECTED}]
    result, _ = ports.send_chunk(3)
    assert statuses(result) == ["sent", "rejected", "submitted"]
    assert result.wake == NOW + TIMING.ask_after
    assert ports.stored[0].doubt_since == NOW
    assert (1, Status.REJECTED) in ports.facts
    ports = Ports(Promise.NOTHING)
    ports.answers = [{"x-0": ACCEPTED}]
    result, _ = ports.send_chunk(2)
    assert (statuses(result), result.done, result.wake) == (["sent", "uncertain"], True, None)


def test_what_surely_was_not_sent_goes_at_once() -> None:
    ports = Ports()
    ports.answers = [{"x-0": ACCEPTED, "x-1": NOT_SENT}]
    result, stop = ports.send_chunk(2)
    assert (statuses(result), result.wake, stop) == (["sent", "pending"], NOW, None)


def test_who_is_refused_by_name_is_refused_and_the_others_go_again() -> None:
    ports = doubtful(Promise.DEDUPES, vector=bytes([Status.SUBMITTED, 0]))
    ports.answers = [RecipientsRefused("poor numbers", {"x-0": "8", "x-1": "9"})]
    result, stop = ports.send_chunk(2, 1)
    assert (statuses(result), stop) == (["uncertain", "rejected", "sent"], None)
    ports = Ports()
    ports.answers = [RecipientsRefused("poor numbers", {"x-1": "9"})] * 4
    result, stop = ports.send_chunk(2, 2, 2, 2)
    assert (statuses(result)[:2], result.wake, stop) == (["pending", "rejected"], NOW, None)


def test_calls_that_ended_differently_count_each_by_its_own_end() -> None:
    ports = Ports()
    ports.answers = [Divided(Throttled("429", 7), {"x-0": ACCEPTED, "x-1": NOT_SENT})]
    result, stop = ports.send_chunk(3)
    assert (statuses(result), stop) == (["sent", "pending", "submitted"], None)
    assert "hold 7000" in ports.log
    assert result.wake == NOW + TIMING.ask_after
    ports = Ports()
    ports.answers = [Divided(Throttled("429", 7), {"x-0": ACCEPTED, "x-1": NOT_SENT})]
    assert ports.send_chunk(2)[0].wake == NOW + 7_000
    ports = Ports()
    ports.answers = [Divided(Refused("401"), {"x-0": ACCEPTED, "x-1": NOT_SENT})]
    assert why(ports.send_chunk(2)[1]) == "refused"


def test_a_429_beside_which_everybody_was_taken_holds_the_others_only() -> None:
    ports = Ports()
    ports.answers = [Divided(Throttled("429", 7), {"x-0": ACCEPTED})]
    result, _ = ports.send_chunk(1)
    assert (statuses(result), "hold 7000" in ports.log) == (["sent"], True)


# ---- errors ---------------------------------------------------------------------------------------------


def test_calls_that_bring_nothing_wait_ever_longer_and_the_third_stops_the_lane() -> None:
    ports = Ports()
    ports.answers = [DOWN] * 5
    result, stop = ports.send_chunk(*[1] * 5)
    assert why(stop) == "the carrier gives no results"
    assert called(ports) == ["call x-0", "call x-1", "call x-2"]
    assert [claim.not_before - NOW for claim in ports.stored.values()] == [10_000, 20_000, 40_000]
    assert (result.wake, ports.paused) == (NOW + 10_000, [])
    assert not [what for what in ports.log if what.startswith("hold")]


def test_a_call_that_brings_something_forgets_those_that_did_not() -> None:
    ports = Ports()
    ports.answers = [DOWN, DOWN, {"x-2": ACCEPTED}, DOWN, DOWN]
    _, stop = ports.send_chunk(*[1] * 5)
    assert (len(called(ports)), stop) == (5, None)
    ports = Ports()
    ports.answers = [DOWN, DOWN, {"x-2": REJECTED}, DOWN, DOWN]
    assert ports.send_chunk(*[1] * 5)[1] is None


def test_an_answer_that_says_nothing_of_anybody_is_an_answer() -> None:
    ports = Ports()
    ports.answers = [DOWN, DOWN, {}, DOWN, DOWN]
    assert ports.send_chunk(*[1] * 5)[1] is None


def test_before_the_carrier_has_proved_itself_one_call_that_brings_nothing_stops_the_lane() -> None:
    ports = Ports()
    ports.answers = [DOWN]
    assert why(ports.send_chunk(1, 1, proved=False)[1]) == "the carrier gives no results"
    assert called(ports) == ["call x-0"]


@pytest.mark.parametrize("promise", Promise)
def test_only_answers_that_are_lost_for_good_pause_besides(promise: Promise) -> None:
    ports = Ports(promise)
    ports.answers = [LOST] * BREAKER
    result, stop = ports.send_chunk(*[1] * 5)
    assert why(stop) == "the carrier gives no results"
    lost_for_good = not promise.resends
    assert ports.paused == ([SILENT] if lost_for_good else [])
    assert set(statuses(result)[:3]) == {"uncertain" if lost_for_good else "submitted"}
    assert result.wake is not None


def test_nothing_is_waited_for_where_nobody_is_left() -> None:
    ports = Ports(Promise.NOTHING)
    ports.answers = [LOST]
    result, _ = ports.send_chunk(1)
    assert (statuses(result), result.wake, ports.stored[0].not_before) == (["uncertain"], None, 0)


def test_a_429_holds_every_lane_as_long_as_it_says() -> None:
    ports = Ports()
    ports.answers = [Throttled("429", 7.5)]
    result, stop = ports.send_chunk(1)
    assert ("hold 7500" in ports.log, result.wake, stop) == (True, NOW + 10_000, None)
    ports = Ports()
    ports.answers = [Throttled("429", 60)]
    assert ports.send_chunk(1)[0].wake == NOW + 60_000


@pytest.mark.parametrize(("refused", "stops"), [(29, None), (30, None), (31, "too many refused")])
def test_a_carrier_that_refuses_more_than_a_share_stops_the_campaign(refused: int, stops: str | None) -> None:
    ports = Ports()
    ports.answers = [{f"x-{n}": REJECTED if n < refused else ACCEPTED for n in range(SAMPLE)}]
    _, stop = ports.send_chunk(SAMPLE, most_refused=0.3)
    assert why(stop) == stops
    assert ports.paused == ([f"the carrier refused {refused} % of the last 100 messages"] if stops else [])


def test_fewer_than_a_hundred_say_nothing_of_a_share() -> None:
    ports = Ports()
    ports.answers = [{f"x-{n}": REJECTED for n in range(SAMPLE - 1)}]
    assert ports.send_chunk(SAMPLE - 1, most_refused=0.3)[1] is None


def test_what_senders_did_side_by_side_is_one_sum() -> None:
    tally, beside = Tally(calls=2, accepted=150, doubts=1), Tally(calls=1, accepted=50, alarms=1)
    tally.add(beside)
    assert tally == Tally(calls=3, accepted=200, doubts=1, alarms=1)

"""One pass of a sender over a chunk, step by step: what it reads, writes and calls, and where it stops."""

from dataclasses import replace

import pytest

from kabar.domain.brakes import SAMPLE
from kabar.domain.dispatch import FIRST_SLICE
from kabar.domain.handover import AnswerLost, NotSent, Promise, Refused
from kabar.domain.recipient_hours import NEVER
from kabar.domain.slices import DOUBT, Claim, Place
from kabar.domain.statuses import Reason, Status, reason_of
from tests.unit.sender_rig import ACCEPTED, DEAD, NOW, REJECTED, TIMING, Ports, statuses, why


def test_a_slice_goes_claim_standing_facts_note_call_record() -> None:
    ports = Ports()
    result, stop = ports.send_chunk(2)
    assert ports.log == [
        "2 segments",
        "take 0",
        "standings",
        "submitted 0",
        "submitted 1",
        "note",
        "call x-0 x-1",
        "record 0",
    ]
    assert (statuses(result), result.done, result.wake, stop) == (["sent", "sent"], True, None, None)
    assert ports.stored[0] == Claim(
        owner="", attempt=1, claimed_at=NOW, lease=NOW + 60_000, vector=result.vector
    )


def test_a_chunk_that_is_done_is_left_alone() -> None:
    ports = Ports()
    ports.send_chunk(2, 1)
    ports.log.clear()
    assert ports.send_chunk(2, 1)[0].done
    assert ports.log == []


# ---- where it stops -------------------------------------------------------------------------------------


def test_until_the_carrier_has_proved_itself_one_slice_goes() -> None:
    ports = Ports()
    result, stop = ports.send_chunk(2, 1, 1, until_proved=True, proved=False)
    assert (statuses(result), why(stop), result.wake) == (
        ["sent", "sent", "pending", "pending"],
        FIRST_SLICE,
        NOW,
    )


def test_a_brake_counts_for_more_than_the_proof() -> None:
    ports = Ports()
    ports.answers = [{f"x-{n}": REJECTED if n % 2 else ACCEPTED for n in range(SAMPLE)}]
    _, stop = ports.send_chunk(SAMPLE, 1, until_proved=True, proved=False, most_refused=0.1)
    assert (why(stop), len(ports.paused)) == ("too many refused", 1)


def test_what_stands_before_a_stop_stands_all_the_same() -> None:
    ports = Ports()
    ports.meanwhile["record 0"] = ports.stop_now
    result, stop = ports.send_chunk(1, 1)
    assert (statuses(result), why(stop), result.done) == (["sent", "pending"], "control", False)
    assert ports.log.count("take 1") == 0


@pytest.mark.parametrize("step", ["take 0", "standings", "submitted 0", "note"])
def test_a_pause_at_any_step_stops_the_call_and_gives_the_claim_back(step: str) -> None:
    ports = Ports()
    ports.meanwhile[step] = ports.stop_now
    result, stop = ports.send_chunk(1, 1)
    assert (why(stop), statuses(result)) == ("control", ["pending", "pending"])
    assert not [what for what in ports.log if what.startswith("call")]
    assert (ports.stored[0].owner, ports.stored[0].calling) == ("", False)


def test_a_refused_account_stops_and_settles_nobody() -> None:
    ports = Ports()
    ports.answers = [Refused("401")]
    result, stop = ports.send_chunk(1, 1)
    assert (why(stop), ports.paused, statuses(result)) == ("refused", ["401"], ["pending", "pending"])


def test_no_slice_is_begun_that_a_lease_may_outlast_the_function() -> None:
    ports = Ports()
    result, stop = ports.send_chunk(1, deadline=NOW + TIMING.lease - 1)
    assert (why(stop), result.wake, ports.stored) == ("out of time", NOW, {})
    assert ports.send_chunk(1, deadline=NOW + TIMING.lease)[0].done


def test_a_call_that_could_outlast_its_claim_is_not_made() -> None:
    ports = Ports()
    ports.step_takes = 8_000  # from the claim to the call: four steps; a call and the clocks take 36 s of 60
    result, _ = ports.send_chunk(1)
    assert (statuses(result), ports.stored[0].owner) == (["pending"], "")
    ports.step_takes = 4_500  # five of an attempt after another
    assert statuses(ports.send_chunk(1)[0]) == ["sent"]


# ---- the pace -------------------------------------------------------------------------------------------


def test_it_waits_for_its_pace_and_looks_at_the_control_every_second() -> None:
    ports = Ports()
    ports.places = [Place(NOW + 1500, taken=False), Place(NOW + 2700, taken=True)]
    assert ports.send_chunk(1)[0].done
    assert ports.log[:6] == ["1 segments", "sleep 1000", "sleep 500", "1 segments", "sleep 1000", "sleep 200"]
    ports = Ports()
    ports.places = [Place(NOW + 5000, taken=True)]
    ports.meanwhile["sleep 1000"] = ports.stop_now
    assert why(ports.send_chunk(1)[1]) == "control"
    assert ports.log == ["1 segments", "sleep 1000"]


@pytest.mark.parametrize(
    ("patience", "waited", "stops"),
    [
        (None, 840_000, None),
        (None, 840_001, "pace"),
        (3_000, 3_000, None),
        (3_000, 3_001, "pace"),
        (1 << 40, 840_001, "pace"),
    ],
)
def test_it_waits_no_longer_than_it_has_patience_or_time(
    patience: int | None, waited: int, stops: str | None
) -> None:
    ports = Ports()
    ports.places = [Place(NOW + waited, taken=True)]
    result, stop = ports.send_chunk(1, patience=patience, deadline=NOW + 900_000)
    if stops:
        assert (why(stop), result.wake, ports.stored) == (stops, NOW + waited, {})
    else:
        assert why(stop) in (None, "out of time")


# ---- how far it is --------------------------------------------------------------------------------------


def test_who_watches_a_slow_chunk_sees_it_move_within_seconds() -> None:
    """[H1] A carrier's acceptance makes it sent: at one slice in twelve seconds too, not at the chunk's end."""
    ports = Ports()
    ports.places = [Place(NOW + each * 12_000, taken=True) for each in range(3)]
    ports.send_chunk(1, 1, 1)
    assert ports.progress == [(5_000, ["sent", "pending", "pending"]), (15_000, ["sent", "sent", "pending"])]


def test_who_watches_a_chunk_of_slow_calls_sees_it_move_too() -> None:
    ports = Ports()
    ports.step_takes = 1_000  # six to a call
    ports.send_chunk(1, 1, 1)
    assert ports.progress == [(6_000, ["sent", "pending", "pending"]), (12_000, ["sent", "sent", "pending"])]


def test_a_chunk_that_is_fast_or_where_nothing_happens_is_told_of_at_its_end() -> None:
    ports = Ports()
    ports.step_takes = 200
    ports.send_chunk(1, 1, 1, 1)
    assert ports.progress == []
    ports = Ports()
    ports.places = [Place(NOW + 60_000, taken=True)]
    ports.send_chunk(1)
    assert ports.progress == []


def test_what_others_left_untold_is_told_while_it_waits() -> None:
    """Whoever died had recorded it on the claim, and no chunk said so."""
    ports = Ports()
    ports.stored[0] = replace(DEAD, owner="", vector=bytes([Status.SENT, Status.SENT]), calling=False)
    ports.places = [Place(NOW + 60_000, taken=True)]
    ports.send_chunk(2, 1)
    assert ports.progress == [(5_000, ["sent", "sent", "pending"])]


# ---- claims of others -----------------------------------------------------------------------------------


def test_a_claim_that_somebody_holds_is_waited_for() -> None:
    ports = Ports()
    ports.stored[0] = replace(DEAD, lease=NOW + 5_000)
    result, _ = ports.send_chunk(2)
    assert (ports.log, result.wake) == ([], NOW + 5_000)


def test_what_may_not_go_yet_is_waited_for_whatever_its_old_lease() -> None:
    ports = Ports()
    ports.stored[0] = replace(DEAD, owner="", not_before=NOW + 5_000, lease=NOW + 50_000, calling=False)
    result, _ = ports.send_chunk(2)
    assert (ports.log, result.wake) == ([], NOW + 5_000)


def test_a_claim_of_the_dead_is_taken_over_with_all_that_it_knew() -> None:
    ports = Ports()
    ports.stored[0] = replace(DEAD, vector=bytes([Status.SENT, 0]), doubt_since=NOW - 100_000)
    ports.facts = {(1, Status.SUBMITTED)}
    taken: list[Claim] = []
    ports.meanwhile["seen"] = lambda: taken.append(ports.stored[0])
    result, _ = ports.send_chunk(2)
    assert taken == [
        Claim(
            owner="me",
            attempt=4,
            claimed_at=NOW,
            lease=NOW + 60_000,
            vector=bytes([Status.SENT, 0]),
            doubt_since=NOW - 100_000,
            calling=True,
        )
    ]
    assert ports.log == ["1 segments", "take 0", "seen", "standings", "call x-1", "record 0"]
    assert statuses(result) == ["sent", "sent"]


def test_a_fresh_claim_asks_nobody_what_was_done_before() -> None:
    ports = Ports()
    ports.send_chunk(1)
    assert "seen" not in ports.log


@pytest.mark.parametrize("promise", [Promise.ECHOES, Promise.NOTHING])
def test_what_the_dead_may_have_handed_over_is_uncertain_where_nobody_can_tell(promise: Promise) -> None:
    ports = Ports(promise)
    ports.stored[0] = DEAD
    ports.facts = {(0, Status.SUBMITTED), (1, Status.SUBMITTED)}
    assert statuses(ports.send_chunk(2)[0]) == ["uncertain", "uncertain"]


@pytest.mark.parametrize(
    ("vector", "since", "doubt_since"),
    [
        ([Status.SENT, Status.SENT], 0, 0),
        ([Status.SENT, 0], 0, DEAD.claimed_at),
        ([DOUBT, 0], NOW - 100_000, NOW - 100_000),
    ],
)
def test_a_doubt_is_as_old_as_the_first_call_without_an_answer(
    vector: list[int], since: int, doubt_since: int
) -> None:
    ports = Ports()
    ports.stored[0] = replace(DEAD, vector=bytes(vector), doubt_since=since)
    ports.facts = {(0, Status.SUBMITTED), (1, Status.SUBMITTED)}
    ports.answers = [AnswerLost("cut")]
    ports.send_chunk(2)
    assert ports.stored[0].doubt_since == doubt_since


def test_where_nobody_was_called_there_is_no_doubt() -> None:
    ports = Ports()
    ports.stored[0] = DEAD
    assert statuses(ports.send_chunk(2)[0]) == ["sent", "sent"]
    assert ports.stored[0].doubt_since == 0


def test_the_dead_called_nobody_without_a_fact_and_nobody_at_all_without_their_note() -> None:
    ports = Ports(Promise.NOTHING)
    ports.stored[0] = DEAD
    ports.facts = {(0, Status.SUBMITTED)}
    assert statuses(ports.send_chunk(2)[0]) == ["uncertain", "sent"]
    ports = Ports(Promise.NOTHING)
    ports.stored[0] = replace(DEAD, calling=False)
    ports.facts = {(0, Status.SUBMITTED), (1, Status.SUBMITTED)}
    assert statuses(ports.send_chunk(2)[0]) == ["sent", "sent"]


def test_what_was_never_handed_over_is_written_down_anew_when_it_is() -> None:
    """[J3] A pause before the call, or a call that reached nobody, is not when it was sent."""
    ports = Ports()
    ports.answers = [NotSent("no connection")]
    ports.send_chunk(2)
    ports.log.clear()
    ports.time += 600_000
    assert statuses(ports.send_chunk(2)[0]) == ["sent", "sent"]
    assert ports.log[4:8] == ["submitted 0", "submitted 1", "note", "call x-0 x-1"]


def test_what_may_have_been_handed_over_before_keeps_the_time_of_that() -> None:
    ports = Ports()
    ports.answers = [AnswerLost("reset")]
    ports.send_chunk(1)
    ports.log.clear()
    ports.time += 600_000
    assert statuses(ports.send_chunk(1)[0]) == ["sent"]
    assert "submitted 0" not in ports.log


def test_who_was_faster_has_the_slice() -> None:
    ports = Ports()
    ports.meanwhile["take 0"] = lambda: ports.stored.update({0: DEAD})
    result, _ = ports.send_chunk(2)
    assert (ports.log, result.wake, statuses(result)) == (
        ["2 segments", "take 0"],
        NOW + 60_000,
        ["pending", "pending"],
    )


def test_whose_claim_was_taken_before_the_call_calls_nobody_and_records_nothing() -> None:
    ports = Ports()
    ports.meanwhile["note"] = lambda: ports.stored.update({0: DEAD})
    result, _ = ports.send_chunk(2)
    assert ports.log[-1] == "note"
    assert (result.wake, ports.stored[0]) == (NOW + 60_000, DEAD)


def test_whose_claim_was_taken_after_the_call_leaves_the_result_to_its_taker() -> None:
    ports = Ports()
    ports.meanwhile["record 0"] = lambda: ports.stored.update({0: DEAD})
    result, _ = ports.send_chunk(2)
    assert (statuses(result), result.wake) == (["pending", "pending"], NOW + 60_000)


# ---- who is left out ------------------------------------------------------------------------------------


def test_who_left_is_told_apart_by_whether_they_may_have_been_handed_over() -> None:
    ports = Ports()
    ports.stored[0] = DEAD
    ports.facts = {(0, Status.SUBMITTED), (1, Status.SUBMITTED)}
    ports.leaving = {"+640": Reason.OPTED_OUT}
    assert statuses(ports.send_chunk(2)[0]) == ["uncertain", "sent"]
    ports = Ports()
    ports.leaving = {"+640": Reason.OPTED_OUT}
    assert statuses(ports.send_chunk(2)[0]) == ["suppressed", "sent"]
    assert ports.facts == {(0, Status.SUPPRESSED), (1, Status.SUBMITTED)}


def test_what_is_written_of_somebody_stands_though_they_came_back_meanwhile() -> None:
    ports = Ports()
    ports.stored[0] = replace(DEAD, vector=bytes(3))
    ports.facts = {(0, Status.SUPPRESSED), (1, Status.REJECTED)}
    ports.suppressed = {0: Reason.OPTED_OUT}
    result, _ = ports.send_chunk(3)
    assert statuses(result) == ["suppressed", "rejected", "sent"]
    assert reason_of(result.vector[0]) is Reason.OPTED_OUT
    assert [step for step in ports.log if step.startswith("call")] == ["call x-2"]


def test_nobody_is_called_when_everybody_left() -> None:
    ports = Ports()
    ports.leaving = {"+640": Reason.BLACKLISTED}
    result, _ = ports.send_chunk(1)
    assert ports.log == ["1 segments", "take 0", "standings", "suppressed 0", "record 0"]
    assert (result.done, result.wake) == (True, None)


def test_who_waits_for_hours_of_their_own_waits_without_a_claim_or_a_rate() -> None:
    ports = Ports()
    ports.waiting = {"+640": NOW + 3_600_000}
    result, _ = ports.send_chunk(1)
    assert (ports.log, result.wake, result.done) == ([], None, False)
    result, _ = ports.send_chunk(2)
    assert (statuses(result), result.wake) == (["pending", "sent"], None)
    assert ports.log[0] == "1 segments"


def test_hours_that_open_meanwhile_are_used_at_once() -> None:
    ports = Ports()
    ports.waiting = {"+640": NOW + 1}
    ports.meanwhile["record 0"] = ports.waiting.clear
    result, _ = ports.send_chunk(2)
    assert (statuses(result), result.wake) == (["pending", "sent"], NOW)


def test_a_lost_answer_is_asked_about_though_the_hours_have_closed() -> None:
    ports = Ports(Promise.ASKABLE)
    ports.answers = [AnswerLost("reset")]
    ports.meanwhile["record 0"] = lambda: ports.waiting.update({"+640": NOW + 3_600_000})
    result, _ = ports.send_chunk(1)
    assert result.wake == NOW + TIMING.ask_after


def test_hours_that_close_before_the_call_stop_it() -> None:
    ports = Ports()
    ports.meanwhile["note"] = lambda: ports.waiting.update({"+640": NOW + 3_600_000})
    result, _ = ports.send_chunk(2)
    assert (statuses(result), ports.stored[0].owner) == (["pending", "pending"], "")


def test_whose_hours_never_open_is_suppressed_unless_they_left_for_a_better_reason() -> None:
    ports = Ports()
    ports.waiting = {"+640": NEVER, "+641": NEVER}
    ports.leaving = {"+641": Reason.OPTED_OUT}
    result, _ = ports.send_chunk(2)
    assert [byte >> 4 & 7 for byte in result.vector] == [Reason.NO_COMMON_HOURS, Reason.OPTED_OUT]


def test_a_lost_answer_is_tried_again_after_a_while() -> None:
    ports = Ports(Promise.ASKABLE)
    ports.answers = [AnswerLost("reset"), {}]
    result, _ = ports.send_chunk(1, 1)
    assert statuses(result)[0] == "submitted"
    assert result.wake is not None
    assert result.wake >= NOW + TIMING.ask_after

"""What got no receipt for 72 hours: expired, said so, told like any receipt, and corrected by a late one [H1] [H2]."""

import pytest

from kabar.domain.campaigns import Life
from kabar.domain.requests import MAX_RECIPIENTS
from kabar.domain.statuses import Status, cell, status_of
from kabar.legs.send import now as clock
from kabar.legs.silence import CODE, Silence
from kabar.storage import keys, silence
from kabar.storage.dynamo import Table
from kabar.storage.plans import Plans
from tests.functions.leg_rig import WORKSPACE, Rig

HOUR = 3_600_000
END = 1_800_000_000_000
DUE = END + 72 * HOUR


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def work(rig: Rig) -> Silence:
    return Silence(rig.workspaces, rig.dispatch, Table("people", rig.dynamo), Plans("work"))


def expired(rig: Rig) -> dict[str, dict[str, object]]:
    """Facts of this kind, by number."""
    return {
        pk.removeprefix(f"{WORKSPACE}#"): item
        for (pk, sk), item in rig.dynamo.tables["people"].items()
        if sk.endswith("#expired")
    }


def sent(rig: Rig, people: int = 4) -> list[str]:
    """A campaign that is over; the mobiles in the order of its plan."""
    rig.members(people)
    rig.campaign(1, due_at=END)
    plan = rig.plan(1, 1, now=END)
    rig.send(1, 1, plan)
    assert rig.settle(1, 1, now=END)["outcome"] == "complete"
    return [row.mobile for row in Plans("work").read(1, rig.head(1)["plan"], 0)]


def test_sent_without_a_receipt_for_72_hours_is_expired_and_says_why(rig: Rig) -> None:
    mobiles = sent(rig)
    rig.chunks.merge(1, 0, bytes([cell(Status.RECEIVED), 0, cell(Status.FAILED), 0]), END)
    assert work(rig).run(DUE - 1, lambda: True) == 0
    assert work(rig).run(DUE, lambda: True) == 2
    facts = expired(rig)
    assert set(facts) == {mobiles[1], mobiles[3]}
    fact = facts[mobiles[1]]
    assert (fact["code"], fact["at"], fact["via"], fact["campaign"], fact["chunk"], fact["pos"]) == (
        *(CODE, DUE, "receipt"),
        *(1, 0, 1),
    )


def test_it_is_done_once_and_again_does_no_harm(rig: Rig) -> None:
    sent(rig)
    assert work(rig).run(DUE, lambda: True) == 4
    before = dict(rig.dynamo.tables["people"])
    assert work(rig).run(DUE + HOUR, lambda: True) == 0
    rig.workspaces.put(silence.mark(WORKSPACE, END, campaign=1))
    work(rig).run(DUE + HOUR, lambda: True)
    assert rig.dynamo.tables["people"] == before


def test_a_run_that_has_no_time_left_goes_on_the_next_time(rig: Rig) -> None:
    sent(rig)
    assert work(rig).run(DUE, lambda: False) == 0
    assert expired(rig) == {}
    assert work(rig).run(DUE, lambda: True) == 4


def test_uncertain_stays_uncertain(rig: Rig) -> None:
    """[H1] Final until a receipt."""
    sent(rig)
    chunk = rig.dynamo.find("dispatch", keys.chunk(1, 0))
    assert chunk
    chunk["vector"] = bytes([cell(Status.UNCERTAIN)] * 4)
    assert work(rig).run(DUE, lambda: True) == 0


def test_f21_a_receipt_after_the_expiry_corrects_it(rig: Rig) -> None:
    sent(rig)
    work(rig).run(DUE, lambda: True)
    rig.chunks.merge(1, 0, bytes([cell(Status.EXPIRED)] * 4), DUE)
    rig.chunks.merge(1, 0, bytes([cell(Status.RECEIVED)]), DUE + HOUR)
    assert [status_of(byte) for byte in rig.chunks.read(1, 0).vector] == [
        Status.RECEIVED,
        *[Status.EXPIRED] * 3,
    ]


def test_a_request_of_the_api_is_waited_for_likewise(rig: Rig) -> None:
    rows = [["+64211", [], 1], ["+64212", [], 1]]
    rig.dynamo.seed("dispatch", keys.request(9000), id=9000, first_id=9000, size=2, workspace=WORKSPACE)
    rig.dynamo.seed("dispatch", keys.request_rows(9000, 0), rows=rows)
    block = {"first": 9000, "size": 2, "workspace": WORKSPACE, "request": 9000, "chunk_size": MAX_RECIPIENTS}
    rig.dynamo.seed("workspaces", keys.id_block(9000), **block)
    rig.chunks.merge(9000, 0, bytes([cell(Status.SENT), cell(Status.RECEIVED)]), END)
    rig.workspaces.put(silence.mark(WORKSPACE, END, request=9000))
    assert work(rig).run(DUE, lambda: True) == 1
    assert expired(rig)["+64211"]["request"] == 9000


def test_a_campaign_that_never_had_recipients_waits_for_nothing(rig: Rig) -> None:
    rig.campaign(1, due_at=END)
    rig.campaigns.control(WORKSPACE, 1, "cancel", "me", END)
    rig.leg(1, 1, now=END)
    assert silence.due(rig.workspaces, DUE) == []


def test_what_is_gone_keeps_nobody_from_being_expired(rig: Rig) -> None:
    """A request is kept for a while only; a campaign may have failed before it had recipients."""
    sent(rig)
    rig.campaign(2, due_at=END)
    for gone in ({"campaign": 2}, {"campaign": 3}, {"request": 9000}):
        rig.workspaces.put(silence.mark(WORKSPACE, END - HOUR, **gone))
    assert work(rig).run(DUE, lambda: True) == 4
    assert silence.due(rig.workspaces, DUE) == []


def test_a_chunk_of_which_everybody_has_a_receipt_is_not_read(rig: Rig) -> None:
    sent(rig)
    rig.chunks.merge(1, 0, bytes([cell(Status.RECEIVED)] * 4), END)
    rig.bucket.objects.clear()
    assert work(rig).run(DUE, lambda: True) == 0


def test_nobody_is_told_of_messages_that_the_registry_does_not_know(rig: Rig) -> None:
    sent(rig)
    block = keys.id_block(rig.head(1)["plan"]["first_id"])
    del rig.dynamo.tables["workspaces"][block["pk"], block["sk"]]
    assert work(rig).run(DUE, lambda: True) == 0
    assert expired(rig) == {}


# ---- a campaign without an end --------------------------------------------------------------------------


def midnight(at: int) -> int:
    """The end of the day (UTC) of a leg that is settled then; an hour before it, it is the next day's."""
    return -(-(at + HOUR) // (24 * HOUR)) * 24 * HOUR


def halted(rig: Rig, people: int = 500) -> int:
    """Everybody is sent to, then the campaign is paused for good; when that is."""
    rig.members(people)
    rig.campaign(1, due_at=clock())
    plan = rig.plan(1, 1, now=clock())
    rig.send(1, 1, plan)
    rig.campaigns.control(WORKSPACE, 1, "pause", "api:me", clock())
    stopped = clock()
    assert rig.settle(1, 1, now=stopped)["outcome"] == "release"
    return stopped


def claims(rig: Rig) -> list[dict[str, object]]:
    """Of the first chunk, by slice."""
    pk = keys.claims_pk(1, 0)
    table = rig.dynamo.tables["dispatch"]
    return [item for (found, sk), item in sorted(table.items()) if found == pk and sk.startswith("slice#")]


def vector(rig: Rig) -> bytearray:
    return bytearray(rig.chunks.read(1, 0).vector)


def test_whoever_was_sent_to_before_a_pause_for_good_is_expired_all_the_same(rig: Rig) -> None:
    until = midnight(halted(rig))
    assert work(rig).run(until + 72 * HOUR - 1, lambda: True) == 0
    assert work(rig).run(until + 72 * HOUR, lambda: True) == 500
    assert rig.head(1)["status"] == Life.PAUSED.value
    assert silence.due(rig.workspaces, until + 72 * HOUR) == []


def test_of_a_campaign_without_an_end_nobody_is_expired_who_was_sent_to_less_than_72_hours_ago(
    rig: Rig,
) -> None:
    """By slices: the second was worked on a moment after the day, the third is under work."""
    until = midnight(halted(rig))
    first, second, third, *_ = claims(rig)
    first["lease"], second["lease"], third["lease"] = until, until + 1, until + HOUR
    assert work(rig).run(until + 72 * HOUR, lambda: True) == 300
    assert {item["pos"] for item in expired(rig).values()} == {*range(100), *range(300, 500)}


def test_who_is_pending_or_in_doubt_is_left_for_whoever_resumes(rig: Rig) -> None:
    until = midnight(halted(rig))
    chunk = rig.dynamo.find("dispatch", keys.chunk(1, 0))
    assert chunk
    left = vector(rig)
    left[:2] = bytes([cell(Status.PENDING), cell(Status.SUBMITTED)])
    chunk["vector"] = bytes(left)
    assert work(rig).run(until + 72 * HOUR, lambda: True) == 498
    assert not {0, 1} & {item["pos"] for item in expired(rig).values()}


def test_a_campaign_that_is_sending_is_let_go_on_and_its_old_days_expire_when_it_stops(rig: Rig) -> None:
    """[F8] So many failures at once would trip its breaker."""
    until = midnight(halted(rig))
    due = until + 72 * HOUR
    rig.change(status=Life.SENDING.value)
    assert work(rig).run(due, lambda: True) == 0
    rig.change(status=Life.WAITING.value)
    assert work(rig).run(due, lambda: True) == 500


def test_all_legs_of_a_day_leave_one_mark_and_the_last_hour_counts_as_the_next_day(rig: Rig) -> None:
    rig.members(3)
    rig.campaign(1)
    rig.plan(1, 1)
    day = 24 * HOUR
    rig.change(wake_at=10 * day)
    for now in (1000, HOUR, 22 * HOUR, 23 * HOUR, 23 * HOUR + 1, 24 * HOUR):
        assert rig.settle(1, 1, now=now)["outcome"] == "wait"
    marks = silence.due(rig.workspaces, 100 * day)
    assert sorted(mark["sent_until"] for mark in marks) == [day, 2 * day]


def test_a_campaign_that_ends_after_a_pause_is_waited_for_until_its_last_message(rig: Rig) -> None:
    stopped = halted(rig)
    rig.campaigns.control(WORKSPACE, 1, "cancel", "api:me", stopped)
    rig.plan(1, 2, now=stopped + 1)
    assert rig.settle(1, 2, now=stopped + 1)["outcome"] == "close"
    for item in claims(rig):
        item["lease"] = midnight(stopped) + 1
    late = stopped + 1 + 72 * HOUR
    assert work(rig).run(late, lambda: True) == 500
    assert work(rig).run(midnight(stopped) + 72 * HOUR, lambda: True) == 0


def test_a_campaign_that_ends_or_has_chosen_nobody_yet_leaves_no_mark_of_a_day(rig: Rig) -> None:
    sent(rig)
    rig.campaign(2)
    rig.campaigns.control(WORKSPACE, 2, "pause", "api:me", 5)
    assert rig.leg(2, 1) == "release"
    (mark,) = silence.due(rig.workspaces, END + 100 * 24 * HOUR)
    assert (mark["id"], mark["due"], "sent_until" in mark) == (1, DUE, False)


def test_the_day_of_a_campaign_that_is_gone_is_waited_for_no_longer(rig: Rig) -> None:
    rig.workspaces.put(silence.mark_of_day(WORKSPACE, END, campaign=99))
    assert work(rig).run(END + 100 * 24 * HOUR, lambda: True) == 0
    assert silence.due(rig.workspaces, END + 100 * 24 * HOUR) == []

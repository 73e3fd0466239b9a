"""Campaign heads, legs, queue and turn: whoever comes late, twice or at once changes nothing it may not."""

from collections.abc import Callable

import pytest

from kabar.domain.campaigns import MOVES, Life, NotAllowed
from kabar.domain.slices import Claim
from kabar.storage import keys
from kabar.storage.campaigns import NoCampaign
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Item
from tests.functions.leg_rig import WORKSPACE, Rig

PLAN = {"attempt": "a", "recipients": 3, "chunks": 1, "first_id": 5000}


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def taken(rig: Rig, campaign: int, leg: int = 1, execution: str = "one") -> Item:
    head = rig.campaigns.take_leg(WORKSPACE, campaign, leg, execution, 99)
    assert head
    return head


def test_creating_a_campaign_twice_is_creating_it_once(rig: Rig) -> None:
    rig.campaign(1)
    taken(rig, 1)
    assert rig.campaign(1)["leg"] == 1
    assert [mark["campaign"] for mark in rig.campaigns.every_open()] == [1]
    assert len(rig.dynamo.tables["activity"]) == 2  # in the log and in its own history


# ---- control [F5] ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["pause", "resume", "cancel", "speed"])
@pytest.mark.parametrize("life", Life)
def test_people_move_a_campaign_only_from_where_they_may(rig: Rig, action: str, life: Life) -> None:
    rig.campaign(1)
    rig.dynamo.seed("workspaces", keys.campaign_head(WORKSPACE, 1), **rig.head(1) | {"status": life.value})
    if leads_to := MOVES[action].get(life):
        head = rig.campaigns.control(WORKSPACE, 1, action, "api:me", 7)
        assert (head["status"], rig.head(1)) == (leads_to.value, head)
        assert rig.head(1).get("status_at") == (None if leads_to is life else 7)
    else:
        with pytest.raises(NotAllowed, match=life.value):
            rig.campaigns.control(WORKSPACE, 1, action, "api:me", 7)
        assert rig.head(1)["status"] == life.value


def test_nobody_moves_a_campaign_of_another_workspace(rig: Rig) -> None:
    rig.campaign(1)
    with pytest.raises(NoCampaign):
        rig.campaigns.control("other", 1, "cancel", "api:me", 7)
    assert rig.head(1)["status"] == Life.SCHEDULED.value


def test_a_pause_by_the_system_tells_why_and_the_resume_forgets_it(rig: Rig) -> None:
    rig.campaign(1)
    rig.campaigns.pause(WORKSPACE, 1, "Infobip refused the call with 401", 5)
    assert (rig.head(1)["status"], rig.head(1)["status_reason"]) == (
        "paused",
        "Infobip refused the call with 401",
    )
    rig.campaigns.pause(WORKSPACE, 1, "another lane says so too", 6)
    assert rig.head(1)["status_reason"] == "Infobip refused the call with 401"
    rig.campaigns.control(WORKSPACE, 1, "resume", "api:me", 7)
    assert "status_reason" not in rig.head(1)


# ---- the leg in charge ----------------------------------------------------------------------------------


def test_f46_of_two_executions_of_one_leg_one_is_in_charge(rig: Rig) -> None:
    """F46"""
    rig.campaign(1)
    taken(rig, 1, execution="one")
    assert rig.campaigns.take_leg(WORKSPACE, 1, 1, "two", 99) is None
    assert taken(rig, 1, execution="one")["leg_execution"] == "one"


def test_a_leg_takes_over_from_earlier_ones_and_never_from_later_ones(rig: Rig) -> None:
    rig.campaign(1)
    taken(rig, 1, leg=3, execution="three")
    assert rig.campaigns.take_leg(WORKSPACE, 1, 2, "two", 99) is None
    assert taken(rig, 1, leg=4, execution="four")["leg"] == 4


LATE_WRITES: list[tuple[str, Callable[[Rig, Item], bool]]] = [
    ("a status", lambda rig, head: rig.campaigns.advance(head, Life.SENDING, 5)),
    ("a plan", lambda rig, head: rig.campaigns.commit_plan(head, PLAN)),
    ("its progress", lambda rig, head: rig.campaigns.keep(head, wake_at=5)),
    ("the end", lambda rig, head: rig.campaigns.close(head, Life.COMPLETED, 5, {})),
]


@pytest.mark.parametrize("write", [w[1] for w in LATE_WRITES], ids=[w[0] for w in LATE_WRITES])
def test_f57_a_late_write_of_an_old_leg_is_refused(rig: Rig, write: Callable[[Rig, Item], bool]) -> None:
    """F57"""
    rig.campaign(1)
    old = taken(rig, 1, leg=1, execution="old")
    before = taken(rig, 1, leg=2, execution="new")
    assert not write(rig, old)
    assert rig.head(1) == before
    assert [mark["campaign"] for mark in rig.campaigns.every_open()] == [1]


def test_no_leg_takes_a_campaign_that_is_over(rig: Rig) -> None:
    rig.campaign(1)
    assert rig.campaigns.close(taken(rig, 1), Life.COMPLETED, 5, {"recipients": 0})
    assert rig.campaigns.take_leg(WORKSPACE, 1, 2, "two", 99) is None
    assert rig.campaigns.every_open() == []


@pytest.mark.parametrize("life", [Life.PAUSED, Life.CANCELLED])
def test_what_people_said_meanwhile_stands_against_a_leg_that_goes_on(rig: Rig, life: Life) -> None:
    rig.campaign(1)
    head = taken(rig, 1)
    action = "pause" if life is Life.PAUSED else "cancel"
    rig.campaigns.control(WORKSPACE, 1, action, "api:me", 5)
    assert not rig.campaigns.advance(head, Life.SENDING, 6)
    assert not rig.campaigns.close(head, Life.COMPLETED, 6, {})
    assert rig.head(1)["status"] == life.value


def test_a_plan_is_committed_once(rig: Rig) -> None:
    """CP1"""
    rig.campaign(1)
    head = taken(rig, 1)
    assert rig.campaigns.commit_plan(head, PLAN)
    again = taken(rig, 1) | {}
    assert rig.campaigns.commit_plan(again, PLAN | {"attempt": "b"})  # of a second invocation of this leg
    assert again["plan"] == rig.head(1)["plan"] == PLAN


# ---- queue and turn [F4] --------------------------------------------------------------------------------


def queued(rig: Rig, campaign: int, due_at: int = 0) -> Item:
    rig.campaign(campaign, due_at)
    head = taken(rig, campaign)
    assert rig.campaigns.advance(head, Life.QUEUED, 1)
    return head


def test_f56_ten_at_once_get_one_turn_and_pass_it_on_in_order_of_schedule(rig: Rig) -> None:
    """F56"""
    heads = {n: queued(rig, n, due_at=100 - n) for n in range(1, 11)}
    assert [n for n, head in heads.items() if rig.desk.turns.take(head)] == [1]
    order, current = [], 1
    while following := rig.desk.turns.pass_on(WORKSPACE, current, heads[current]["due_at"], 1):
        current = following[0]
        assert following == (current, heads[current]["leg"] + 1)
        assert rig.holder() == current
        assert rig.desk.turns.take(heads[current])
        order.append(current)
    assert order == list(range(10, 1, -1))
    assert rig.holder() is None
    assert rig.queue() == []


def test_whoever_has_the_turn_gets_it_again_and_nobody_else_does(rig: Rig) -> None:
    first, second = queued(rig, 1), queued(rig, 2)
    assert rig.desk.turns.take(first)
    assert rig.campaigns.advance(first, Life.SENDING, 2)
    for _ in range(3):
        assert rig.desk.turns.take(first)
        assert not rig.desk.turns.take(second)


@pytest.mark.parametrize("end", ["paused", "completed", "gone"])
def test_a_holder_that_is_over_loses_the_turn(rig: Rig, end: str) -> None:
    """CP19: it died before it passed its turn on."""
    first, second = queued(rig, 1), queued(rig, 2)
    assert rig.desk.turns.take(first)
    if end == "paused":
        rig.campaigns.control(WORKSPACE, 1, "pause", "api:me", 5)
    elif end == "completed":
        assert rig.campaigns.close(first, Life.COMPLETED, 5, {})
    else:
        rig.workspaces.delete(keys.campaign_head(WORKSPACE, 1))
    assert rig.desk.turns.take(second)
    assert rig.holder() == 2


def test_who_queues_at_any_moment_of_a_release_is_not_forgotten(rig: Rig) -> None:
    """Either it has the turn by its own doing, or the release starts it."""
    for moment in range(4):
        first, late = queued(rig, 10 * moment + 1), queued(rig, 10 * moment + 2)
        assert rig.desk.turns.take(first)
        assert rig.campaigns.close(first, Life.COMPLETED, 5, {})
        got: list[bool] = []

        def queue(head: Item = late, got: list[bool] = got) -> None:
            got.append(rig.desk.turns.take(head))

        rig.dynamo.before = [lambda: None] * moment + [queue]
        following = rig.desk.turns.pass_on(WORKSPACE, first["id"], first["due_at"], first["leg"])
        rig.dynamo.before = []
        if not got:
            queue()
        assert got == [True] or following == (late["id"], 2)
        assert rig.holder() == late["id"]
        rig.campaigns.close(late, Life.COMPLETED, 6, {})
        rig.desk.turns.pass_on(WORKSPACE, late["id"], late["due_at"], late["leg"])
        assert rig.holder() is None


def test_a_release_that_died_anywhere_is_made_up_for_by_the_next_try(rig: Rig) -> None:
    for last in range(6):
        first, second = queued(rig, 10 * last + 1), queued(rig, 10 * last + 2)
        assert rig.desk.turns.take(first)
        assert not rig.desk.turns.take(second)
        rig.campaigns.close(first, Life.COMPLETED, 5, {})
        with rig.steps.dying_before(last):
            following = rig.desk.turns.pass_on(WORKSPACE, first["id"], first["due_at"], first["leg"])
        if rig.steps.died:
            following = rig.desk.turns.pass_on(WORKSPACE, first["id"], first["due_at"], first["leg"])
        assert following == (second["id"], 2)
        assert rig.holder() == second["id"]
        rig.campaigns.close(second, Life.COMPLETED, 6, {})
        rig.desk.turns.pass_on(WORKSPACE, second["id"], second["due_at"], second["leg"])


def test_leaving_the_queue_takes_nobody_elses_turn(rig: Rig) -> None:
    first, second = queued(rig, 1), queued(rig, 2)
    assert rig.desk.turns.take(first)
    assert rig.campaigns.advance(first, Life.SENDING, 2)
    assert not rig.desk.turns.take(second)
    turn = rig.dynamo.find("workspaces", keys.turn(WORKSPACE))
    assert rig.desk.turns.pass_on(WORKSPACE, 2, second["due_at"], 1) is None
    assert (rig.dynamo.find("workspaces", keys.turn(WORKSPACE)), rig.queue()) == (turn, [1])


def test_leaving_an_empty_queue_frees_the_turn_once(rig: Rig) -> None:
    head = queued(rig, 1)
    assert rig.desk.turns.take(head)
    for _ in range(2):
        assert rig.desk.turns.pass_on(WORKSPACE, 1, head["due_at"], 1) is None
    assert rig.holder() is None
    rig.dynamo.calls.clear()
    assert rig.desk.turns.pass_on(WORKSPACE, 1, head["due_at"], 1) is None
    assert "update_item" not in rig.dynamo.calls


def test_who_lined_up_while_the_turn_was_freed_gets_it(rig: Rig) -> None:
    """Its leg saw the turn taken, or died, right after it had lined up."""
    first, second = queued(rig, 1), queued(rig, 2)
    assert rig.desk.turns.take(first)

    def line_up() -> None:
        assert rig.desk.turns._enqueue(WORKSPACE, 2, second["due_at"], second["leg"])

    rig.dynamo.before = [lambda: None, line_up]
    assert rig.desk.turns.pass_on(WORKSPACE, 1, first["due_at"], 1) == (2, 2)
    assert rig.holder() == 2


def test_places_of_who_is_paused_deleted_or_was_put_off_are_passed_over(rig: Rig) -> None:
    first, paused, gone, moved, last = (queued(rig, number, due_at=number) for number in range(1, 6))
    for head in (first, paused, gone, moved, last):
        rig.desk.turns.take(head)
    rig.campaigns.control(WORKSPACE, 2, "pause", "api:me", 5)
    rig.workspaces.delete(keys.campaign_head(WORKSPACE, gone["id"]))
    rig.dynamo.seed("workspaces", keys.campaign_head(WORKSPACE, 4), **rig.head(4) | {"due_at": 9})
    assert [head["id"] for head in rig.desk.turns.waiting(WORKSPACE)] == [1, 5]
    assert rig.desk.turns.pass_on(WORKSPACE, 1, first["due_at"], 1) == (5, 2)
    assert rig.holder() == last["id"]


def test_who_is_cancelled_keeps_the_turn_until_the_last_claims_are_settled(rig: Rig) -> None:
    """I8"""
    first, second = queued(rig, 1), queued(rig, 2)
    assert rig.desk.turns.take(first)
    rig.campaigns.control(WORKSPACE, 1, "cancel", "api:me", 5)
    assert not rig.desk.turns.take(second)
    assert rig.campaigns.close(rig.head(1), Life.CANCELLED, 6, {})
    assert rig.desk.turns.take(second)


def test_an_old_leg_lowers_no_place_of_a_newer_one(rig: Rig) -> None:
    old = queued(rig, 1)
    new = resumed(rig, 1)
    assert rig.desk.turns.take(new)
    place = rig.dynamo.find("workspaces", keys.queued(WORKSPACE, new["due_at"], 1))
    assert not rig.desk.turns.take(old)
    assert rig.dynamo.find("workspaces", keys.queued(WORKSPACE, new["due_at"], 1)) == place


def test_an_old_leg_has_no_turn_though_its_place_in_the_queue_is_free(rig: Rig) -> None:
    """I8: the newer leg is just leaving the queue."""
    old = queued(rig, 1)
    new = resumed(rig, 1)
    assert rig.desk.turns.take(new)
    rig.workspaces.delete(keys.queued(WORKSPACE, new["due_at"], 1))
    turn = rig.dynamo.find("workspaces", keys.turn(WORKSPACE))
    assert not rig.desk.turns.take(old)
    assert rig.dynamo.find("workspaces", keys.turn(WORKSPACE)) == turn


def resumed(rig: Rig, campaign: int) -> Item:
    """Paused, resumed, and its next leg in charge."""
    rig.campaigns.control(WORKSPACE, campaign, "pause", "api:me", 5)
    rig.campaigns.control(WORKSPACE, campaign, "resume", "api:me", 6)
    head = rig.campaigns.take_leg(WORKSPACE, campaign, 2, "second", 9)
    assert head
    return head


@pytest.mark.parametrize("moment", range(6))
@pytest.mark.parametrize("due_at", [0, 2], ids=["an earlier one waits", "a later one waits"])
def test_a_late_leg_gives_away_neither_turn_nor_place_of_a_newer_one(
    rig: Rig, moment: int, due_at: int
) -> None:
    """I8: it decided to release while the campaign was paused; meanwhile that was resumed."""
    old, other = queued(rig, 1, due_at=1), queued(rig, 2, due_at=due_at)
    assert rig.desk.turns.take(old)
    assert not rig.desk.turns.take(other)
    new = resumed(rig, 1)
    got: list[bool] = []
    rig.dynamo.before = [lambda: None] * moment + [lambda: got.append(rig.desk.turns.take(new))]
    started = rig.desk.turns.pass_on(WORKSPACE, 1, old["due_at"], 1)
    rig.dynamo.before = []
    if not got:
        got.append(rig.desk.turns.take(new))
    assert 1 in rig.queue()
    if got == [True]:
        assert (rig.holder(), started) == (1, None)
    else:
        assert (rig.holder(), started) == (2, (2, 2))


@pytest.mark.parametrize("moment", range(5))
def test_a_turn_is_not_taken_from_a_holder_that_was_resumed_meanwhile(rig: Rig, moment: int) -> None:
    """I8"""
    first, second = queued(rig, 1), queued(rig, 2)
    assert rig.desk.turns.take(first)
    rig.campaigns.control(WORKSPACE, 1, "pause", "api:me", 5)
    got: list[bool] = []

    def resume() -> None:
        rig.campaigns.control(WORKSPACE, 1, "resume", "api:me", 6)
        head = rig.campaigns.take_leg(WORKSPACE, 1, 2, "second", 9)
        assert head
        got.append(rig.desk.turns.take(head))

    rig.dynamo.before = [lambda: None] * moment + [resume]
    taken_over = rig.desk.turns.take(second)
    rig.dynamo.before = []
    if not got:
        resume()
    assert [taken_over, *got].count(True) == 1


def test_of_two_that_find_the_turn_free_one_has_it(rig: Rig) -> None:
    """I8"""
    first, second = queued(rig, 1), queued(rig, 2)
    others: list[bool] = []
    rig.dynamo.before = [lambda: None, lambda: others.append(rig.desk.turns.take(first))]
    assert not rig.desk.turns.take(second)
    assert (others, rig.holder()) == ([True], 1)


def test_a_leg_that_meets_a_newer_one_of_its_campaign_has_no_turn(rig: Rig) -> None:
    """I8"""
    old, got = queued(rig, 1), list[bool]()
    rig.dynamo.before = [lambda: None, lambda: got.append(rig.desk.turns.take(resumed(rig, 1)))]
    assert not rig.desk.turns.take(old)
    assert got == [True]


def test_a_turn_that_moved_on_meanwhile_is_not_given_away_by_what_was_seen_before(rig: Rig) -> None:
    """I8: its new holder's leg may have the number of the old one's."""
    first, second, third = queued(rig, 1), queued(rig, 2), queued(rig, 3)
    assert rig.desk.turns.take(first)
    assert rig.campaigns.close(first, Life.COMPLETED, 5, {})
    others: list[bool] = []
    rig.dynamo.before = [lambda: None, lambda: others.append(rig.desk.turns.take(second))]
    assert not rig.desk.turns.take(third)
    assert (others, rig.holder()) == ([True], 2)


# ---- a write that is applied, its answer lost, and written again by the SDK (CP6, CP10) ------------------


@pytest.fixture
def echo(rig: Rig) -> Rig:
    rig.campaign(1)
    rig.campaign(2)
    rig.dynamo.echo = True
    return rig


def test_an_echo_of_a_leg_and_its_writes_is_no_conflict(echo: Rig) -> None:
    head = taken(echo, 1)
    assert echo.campaigns.advance(head, Life.QUEUED, 5)
    assert echo.campaigns.keep(head, progress=3)
    assert echo.campaigns.commit_plan(head, PLAN)
    assert head["plan"] == PLAN


def test_an_echo_of_a_free_turn_is_no_conflict(echo: Rig) -> None:
    assert echo.desk.turns.take(taken(echo, 1))


def test_an_echo_of_taking_over_a_turn_is_no_conflict(echo: Rig) -> None:
    assert echo.desk.turns.take(taken(echo, 1))
    echo.campaigns.pause(WORKSPACE, 1, "a reason", 5)
    assert echo.desk.turns.take(taken(echo, 2))


def test_an_echo_of_passing_the_turn_on_is_no_conflict(echo: Rig) -> None:
    first, second = taken(echo, 1), taken(echo, 2)
    assert echo.campaigns.advance(first, Life.QUEUED, 5)
    assert echo.desk.turns.take(first)
    assert echo.campaigns.advance(second, Life.QUEUED, 5)
    assert not echo.desk.turns.take(second)
    assert echo.desk.turns.pass_on(WORKSPACE, 1, 0, 1) == (2, 2)


@pytest.mark.parametrize("action", ["pause", "cancel"])
def test_an_echo_of_a_control_is_no_refusal(echo: Rig, action: str) -> None:
    assert echo.campaigns.control(WORKSPACE, 1, action, "api:me", 5)["status_at"] == 5


def test_an_echo_of_a_claim_and_of_its_record_is_ours(echo: Rig) -> None:
    ledger = ChunkLedger(echo.dispatch, 1, 0)
    first = Claim("me", 1, 10, 60, b"\0\0")
    record = Claim("", 1, 10, 60, b"\7\0", 0, 90)
    assert ledger.take(0, first, None)
    assert ledger.record(0, record, first)
    second = Claim("me", 2, 100, 160, b"\7\0")
    assert ledger.take(0, second, record)
    assert ledger.claims() == {0: second}


def test_an_echo_of_a_chunks_merge_raises_it_once(echo: Rig) -> None:
    assert echo.chunks.merge(1, 0, b"\7\3", 5, close=True, wake=None) == b"\7\3"
    assert echo.chunks.read(1, 0).version == 1


# ---- claims ---------------------------------------------------------------------------------------------


def test_a_claim_is_taken_by_one_and_recorded_only_by_its_owner(rig: Rig) -> None:
    mine, theirs = (ChunkLedger(rig.dispatch, 1, 0) for _ in range(2))
    first, rival = Claim("me", 1, 10, 60, b"\0"), Claim("you", 1, 10, 60, b"\0")
    assert mine.take(0, first, None)
    assert not theirs.take(0, rival, None)
    after = Claim("you", 2, 70, 130, b"\0")
    assert theirs.take(0, after, first)
    assert not mine.record(0, Claim("", 1, 10, 60, b"\7"), first)
    assert theirs.claims() == {0: after}

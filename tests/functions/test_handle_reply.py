"""A reply is put once, with the opt-out that it means [I2] [I4] [I7]."""

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason
from kabar.storage import keys
from kabar.storage.opt_outs import Contended
from tests.functions.fake_dynamo import FakeDynamo, client_error
from tests.functions.loading import queued, sample
from tests.functions.reply_rig import (
    CARRIER_ID,
    HOURS,
    MOBILE,
    REPLIED_AT,
    SENT_AT,
    counted,
    dynamo,
    function,
    inbox,
    member,
    post,
    queue,
    reply,
    settings,
    standing,
    submitted,
)

__all__ = ["dynamo", "function", "post", "queue"]


def test_f22_stop_leaves_the_list_of_the_message_it_answers_from_now_on(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    """F22, [I7]: the time is that of our acknowledgement, not the carrier's."""
    before = int(time.time() * 1000)
    function.handler(sample("handle_reply_opt_out"), None)
    kept = inbox(dynamo)
    answers = {"message": 5001, "campaign": 4000, "list": 3000, "chunk": 0, "pos": 1}
    assert {name: kept[name] for name in answers} == answers
    said = {"id": CARRIER_ID, "carrier": "infobip", "mobile": MOBILE, "to": "3774", "text": "STOP"}
    assert {name: kept[name] for name in said} == said
    assert (kept["at"], kept["opt_out"], kept["via"]) == (REPLIED_AT, True, "reply")

    mark = standing(dynamo)["lists"]["3000"]
    assert mark["by"] == f"reply:{CARRIER_ID}"
    assert before <= mark["at"] == member(dynamo)["opted_out"] <= int(time.time() * 1000)
    assert counted(dynamo) == 1
    assert suppression(standing(dynamo), 3000) is Reason.OPTED_OUT
    assert suppression(standing(dynamo), 3001) is Reason.NONE


def test_a_repeated_reply_changes_nothing(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler(queued(reply(), reply()), None)
    before = {table: dict(rows) for table, rows in dynamo.tables.items()}
    assert len(before["activity"]) == 1
    function.handler(queued(reply()), None)
    assert dynamo.tables == before
    assert counted(dynamo) == 1


def test_a_second_opt_out_keeps_the_time_of_the_first(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler(queued(reply()), None)
    first = standing(dynamo)["lists"]["3000"]
    marked = member(dynamo)["opted_out"]
    function.handler(queued(reply(id="2")), None)
    assert inbox(dynamo, "2")["opt_out"] is True
    assert standing(dynamo)["lists"] == {"3000": first}
    assert member(dynamo)["opted_out"] == marked
    assert counted(dynamo) == 1


def test_an_ordinary_reply_is_kept_and_changes_no_standing(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler(queued(reply("please don't stop")), None)
    assert (inbox(dynamo)["opt_out"], inbox(dynamo)["list"]) == (False, 3000)
    assert standing(dynamo) == {}
    assert "opted_out" not in member(dynamo)


def test_f22_a_number_in_three_lists_leaves_only_the_one_it_answers(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    """F22"""
    submitted(dynamo, 5002, list=3001, campaign=4001, sender="3775", at=SENT_AT + 1)
    submitted(dynamo, 5003, list=3002, campaign=4002, at=SENT_AT - 1)
    function.handler(queued(reply()), None)
    assert set(standing(dynamo)["lists"]) == {"3000"}
    function.handler(queued(reply(id="2", to="3775")), None)
    assert set(standing(dynamo)["lists"]) == {"3000", "3001"}


@pytest.mark.parametrize("to", ["3774x", "99", "KABAR"])
def test_an_opt_out_that_answers_no_message_goes_on_the_blacklist(
    function: ModuleType, dynamo: FakeDynamo, to: str
) -> None:
    function.handler(queued(reply(to=to)), None)
    entry = standing(dynamo)
    assert entry["blacklisted"]["by"] == f"reply:{CARRIER_ID}"
    assert entry["by_workspace_pk"] == keys.blacklist_shard("acme", MOBILE)
    assert entry["by_workspace_sk"] == f"{entry['blacklisted']['at']:013d}#{MOBILE}"
    assert entry["mobile"] == MOBILE
    assert inbox(dynamo)["opt_out"] is True
    assert "list" not in inbox(dynamo)
    assert suppression(entry, 3000) is Reason.BLACKLISTED


@pytest.mark.parametrize(
    ("head", "blacklisted"),
    [
        ({"status": "sending"}, False),
        ({"status": "completed", "closed_at": SENT_AT + 10 * HOURS}, False),
        ({"status": "completed", "closed_at": SENT_AT + HOURS}, True),
        (None, True),
    ],
)
def test_f22_an_opt_out_after_the_campaign_closed_for_replies_goes_on_the_blacklist(
    function: ModuleType, dynamo: FakeDynamo, head: dict[str, Any] | None, blacklisted: bool
) -> None:
    """F22, [I4]: 72 hours after its last send."""
    if head:
        dynamo.seed("workspaces", keys.campaign_head("acme", 4000), **head)
    function.handler(queued(reply(at=SENT_AT + 80 * HOURS)), None)
    assert ("blacklisted" in standing(dynamo)) is blacklisted
    assert ("lists" in standing(dynamo)) is not blacklisted


def test_a_blacklisted_number_keeps_its_first_mark(function: ModuleType, dynamo: FakeDynamo) -> None:
    mark = {"blacklisted": {"at": 1, "by": "api:k"}, "mobile": MOBILE}
    mark |= {"by_workspace_pk": "shard", "by_workspace_sk": f"{1:013d}#{MOBILE}"}
    dynamo.seed("people", keys.standing("acme", MOBILE), **mark)
    function.handler(queued(reply(to="99")), None)
    assert standing(dynamo) == {**keys.standing("acme", MOBILE), **mark}


@pytest.mark.parametrize("gone", ["member", "list"])
def test_an_opt_out_counts_without_the_member_or_the_list(
    function: ModuleType, dynamo: FakeDynamo, gone: str
) -> None:
    if gone == "member":
        dynamo.tables["members"].clear()
    else:
        delete_list(dynamo)
    function.handler(queued(reply()), None)
    assert set(standing(dynamo)["lists"]) == {"3000"}
    assert ("opted_out" in member(dynamo)) is (gone == "list")


def test_a_deleted_member_is_marked_but_not_counted_among_the_members(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    dynamo.seed("members", keys.member(3000, MOBILE), deleted=1)
    function.handler(queued(reply()), None)
    assert "opted_out" in member(dynamo)
    assert counted(dynamo) == 0


def change_lists(dynamo: FakeDynamo) -> None:
    dynamo.seed("people", keys.standing("acme", MOBILE), lists={"1": {"at": 1, "by": "api:k"}})


def opt_out_by_hand(dynamo: FakeDynamo) -> None:
    dynamo.seed("members", keys.member(3000, MOBILE), mobile=MOBILE, opted_out=1)


def delete_member(dynamo: FakeDynamo) -> None:
    dynamo.tables["members"].clear()


def delete_list(dynamo: FakeDynamo) -> None:
    key = keys.list_head("acme", 3000)
    dynamo.tables["workspaces"].pop((key["pk"], key["sk"]))


def conflict(_: FakeDynamo) -> None:
    raise client_error("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}])


def before_the_put(dynamo: FakeDynamo, *hooks: Callable[[], None]) -> None:
    """Each before one attempt at it; the write before them reserves ids."""
    dynamo.before += [lambda: None, *hooks]


@pytest.mark.parametrize("change", [change_lists, opt_out_by_hand, delete_member, delete_list, conflict])
def test_a_change_between_reading_and_writing_loses_nothing(
    function: ModuleType, dynamo: FakeDynamo, change: Callable[[FakeDynamo], None]
) -> None:
    before_the_put(dynamo, lambda: change(dynamo))
    function.handler(queued(reply()), None)
    assert inbox(dynamo)["opt_out"] is True
    assert "3000" in standing(dynamo)["lists"]
    assert set(standing(dynamo)["lists"]) - {"3000"} <= {"1"}


def test_an_opt_out_that_had_to_wait_for_other_writers_is_acknowledged_when_it_is_written(
    function: ModuleType, dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[I7]: what was claimed while it waited was claimed before."""
    times = iter(range(1_000, 2_000))
    monkeypatch.setattr(function.time, "time", lambda: next(times))
    waited: list[int] = []

    def wait() -> None:
        waited.append(next(times))
        conflict(dynamo)

    before_the_put(dynamo, wait, wait, wait)
    function.handler(queued(reply()), None)
    assert standing(dynamo)["lists"]["3000"]["at"] > waited[-1] * 1000


def test_the_same_reply_taken_twice_at_once_is_taken_once(function: ModuleType, dynamo: FakeDynamo) -> None:
    before_the_put(dynamo, lambda: function.handler(queued(reply()), None))
    function.handler(queued(reply()), None)
    assert counted(dynamo) == 1


def test_a_reply_that_keeps_meeting_changes_comes_again_and_the_others_are_done(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    def toggle() -> None:
        if "lists" in standing(dynamo):
            dynamo.seed("people", keys.standing("acme", MOBILE))
        else:
            change_lists(dynamo)

    before_the_put(dynamo, *[toggle] * 10)
    with pytest.raises(ExceptionGroup) as raised:
        function.handler(queued(reply(), reply("thanks", id="2")), None)
    assert [type(failure) for failure in raised.value.exceptions] == [Contended]
    assert inbox(dynamo) == {}
    assert inbox(dynamo, "2")


def test_what_can_not_be_understood_is_left_and_the_rest_is_taken(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    function.handler(queued({}, [], None, {"workspace": "acme"}, reply(at="soon"), reply()), None)
    assert inbox(dynamo)


def test_the_reads_for_one_reply_are_bounded(function: ModuleType, dynamo: FakeDynamo) -> None:
    for message in range(5100, 6100):
        submitted(dynamo, message, sender="3775")
    function.handler(queued(reply()), None)
    assert dynamo.calls.count("query") == 5


def test_nothing_personal_is_logged(function: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    function.handler(queued(reply("my secret text")), None)
    logged = str([vars(record) for record in caplog.records])
    assert CARRIER_ID in logged
    assert MOBILE not in logged
    assert "secret" not in logged


@pytest.mark.parametrize(
    ("claim", "handed_over"),
    [
        (
            {"owner": "", "vector": bytes([0, 0])},
            False,
        ),  # released: refused, throttled or stopped before its call
        ({"owner": "", "vector": bytes([7, 3])}, False),  # left out, while others of its call were sent
        ({"owner": "", "vector": bytes([0, 2])}, True),  # in doubt
        ({"owner": "", "vector": bytes([0, 6])}, True),  # uncertain
        ({"owner": "", "vector": bytes([0, 7])}, True),
        ({"owner": "lane", "vector": bytes([0, 0])}, True),  # under way
        (None, True),  # expired
    ],
)
def test_a_stop_answers_the_newest_message_that_was_handed_over(
    dynamo: FakeDynamo, function: ModuleType, claim: dict[str, Any] | None, handed_over: bool
) -> None:
    """[I2]: a campaign to another list wrote its facts later, and was stopped before or after its call."""
    dynamo.seed("workspaces", keys.campaign_head("acme", 4100), id=4100, plan={"slice": 2})
    submitted(dynamo, 6003, campaign=4100, list=3100, pos=3, at=SENT_AT + 1000)
    if claim:
        dynamo.seed("dispatch", keys.claim(4100, 0, 1), **claim)
    function.handler(queued(reply()), None)
    assert set(standing(dynamo)["lists"]) == ({"3100"} if handed_over else {"3000"})


def test_a_reply_gets_an_id_of_ours_and_its_place_in_the_inbox(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    """[I1]: what callbacks and the API call it by, and where the inbox finds it."""
    dynamo.seed("workspaces", keys.list_head("acme", 3000), members=1, name="Gym", batch="Q4")
    function.handler(queued(reply("hello")), None)
    kept = inbox(dynamo)
    assert kept["by_workspace_pk"] == keys.inbox_shard("acme", MOBILE)
    assert kept["by_workspace_sk"] == f"{REPLIED_AT:013d}#{kept['reply_id']:016d}"
    assert (kept["list_name"], kept["batch"]) == ("Gym", "Q4")
    pointer = dynamo.find("people", keys.reply_by_id("acme", kept["reply_id"])) or {}
    assert (pointer["mobile"], pointer["reply"]) == (MOBILE, kept["sk"])


def test_a_reply_from_before_our_time_is_in_the_inbox_too(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler(queued(reply("hello", at=-62_135_596_800_000)), None)
    assert inbox(dynamo)["by_workspace_sk"].startswith("0000000000000#")


def test_a_reply_from_the_future_was_received_now(function: ModuleType, dynamo: FakeDynamo) -> None:
    function.handler(queued(reply("hello", at=253402300799000)), None)
    assert inbox(dynamo)["at"] == inbox(dynamo)["taken_at"] <= int(time.time() * 1000)


def test_a_workspace_widens_opt_outs_to_everything(function: ModuleType, dynamo: FakeDynamo) -> None:
    settings(dynamo, opt_out_scope="everything")
    function.handler(queued(reply()), None)
    assert standing(dynamo)["everything"]["by"] == f"reply:{CARRIER_ID}"
    assert "lists" not in standing(dynamo)
    assert suppression(standing(dynamo), 3001) is Reason.OPTED_OUT
    assert inbox(dynamo)["left"] == "everything"
    function.handler(queued(reply(id="2")), None)
    assert standing(dynamo)["everything"]["by"] == f"reply:{CARRIER_ID}"


def test_the_reply_window_is_a_setting(function: ModuleType, dynamo: FakeDynamo) -> None:
    settings(dynamo, reply_window_hours=100)
    dynamo.seed("workspaces", keys.campaign_head("acme", 4000), status="completed", closed_at=SENT_AT)
    function.handler(queued(reply(at=SENT_AT + 99 * HOURS)), None)
    assert inbox(dynamo)["left"] == "list"


def test_a_word_that_was_switched_off_is_an_ordinary_reply(function: ModuleType, dynamo: FakeDynamo) -> None:
    settings(dynamo, commands={"stop": {"word": "STOP", "means": "opt_out", "enabled": False}})
    function.handler(queued(reply()), None)
    assert inbox(dynamo)["opt_out"] is False
    assert standing(dynamo) == {}


@pytest.mark.parametrize("scope", ["list", "everything"])
def test_start_takes_back_what_a_reply_to_the_same_number_did(
    function: ModuleType, dynamo: FakeDynamo, scope: str
) -> None:
    """[I3] [I5]"""
    settings(dynamo, opt_out_scope=scope)
    function.handler(queued(reply()), None)
    function.handler(queued(reply("Start!", id="2", at=REPLIED_AT + 1)), None)
    assert suppression(standing(dynamo), 3000) is Reason.NONE
    assert "opted_out" not in member(dynamo)
    assert counted(dynamo) == 0
    assert inbox(dynamo, "2")["command"] == "opt_in"
    whats = [entry["what"] for entry in dynamo.tables["activity"].values()]
    assert sorted(whats) == ["opted in again", "opted out"]


def test_start_takes_a_number_off_the_blacklist_that_a_reply_put_there(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    function.handler(queued(reply(to="99")), None)
    assert "blacklisted" in standing(dynamo)
    function.handler(queued(reply("START", id="2", at=REPLIED_AT + 1, to="99")), None)
    assert not {"blacklisted", "by_workspace_pk", "by_workspace_sk"} & set(standing(dynamo))


@pytest.mark.parametrize("later", [0, 1])
def test_start_takes_back_no_stop_that_was_said_after_it(
    function: ModuleType, dynamo: FakeDynamo, later: int
) -> None:
    """Queues keep no order; what was said in the same moment is a refusal."""
    function.handler(queued(reply(at=REPLIED_AT + later)), None)
    function.handler(queued(reply("START", id="2")), None)
    assert suppression(standing(dynamo), 3000) is Reason.OPTED_OUT


def test_start_undoes_nothing_that_was_done_by_hand_or_that_answered_another_number(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    """[I5]"""
    by_hand, elsewhere = {"at": 1, "by": "api:key:1"}, {"at": 2, "by": "reply:1", "to": "3775", "said": 1}
    marks = {"lists": {"3000": by_hand, "3001": elsewhere}, "blacklisted": by_hand, "everything": elsewhere}
    dynamo.seed("people", keys.standing("acme", MOBILE), **marks)
    function.handler(queued(reply("START")), None)
    assert {name: standing(dynamo)[name] for name in marks} == marks
    assert dynamo.tables["activity"] == {}


def test_start_while_something_else_changes_undoes_what_is_there_then(
    function: ModuleType, dynamo: FakeDynamo
) -> None:
    function.handler(queued(reply()), None)
    by_hand = {"at": 1, "by": "api:key:1"}
    before_the_put(
        dynamo, lambda: dynamo.seed("people", keys.standing("acme", MOBILE), lists={"3000": by_hand})
    )
    function.handler(queued(reply("START", id="2", at=REPLIED_AT + 1)), None)
    assert standing(dynamo)["lists"] == {"3000": by_hand}


def test_f27_a_burst_of_replies_is_as_many_replies(function: ModuleType, dynamo: FakeDynamo) -> None:
    """Each comes twice, as queues may deliver."""
    bodies = [reply(f"n{n}", id=str(n), mobile=f"+6421555{n:04d}") for n in range(200)]
    for start in range(0, 200, 10):
        function.handler(queued(*bodies[start : start + 10], *bodies[start : start + 3]), None)
    kept = [row for row in dynamo.tables["people"].values() if row.get("via") == "reply"]
    assert len(kept) == len({row["reply_id"] for row in kept}) == 200

"""Message requests: stored, queued and sent once, by the rules of campaigns, whatever dies in between [F9]."""

import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kabar.carriers.base import Answer
from kabar.domain.brakes import NO_RESULTS
from kabar.domain.composing import composer
from kabar.domain.handover import AnswerLost, Unreachable
from kabar.domain.recipients import Selection
from kabar.domain.requests import ONLY, Kind, NoText
from kabar.domain.slices import Claim
from kabar.domain.statuses import Status
from kabar.legs.requests import MAX_AGE, run_request
from kabar.storage import accounts, keys, silence
from kabar.storage.dispatch import ChunkLedger
from tests.functions.leg_rig import WORKSPACE
from tests.functions.request_rig import CLOSE, RUN, RequestRig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> RequestRig:
    return RequestRig(monkeypatch)


def test_a_request_is_sent_to_everybody_once_and_its_messages_say_so(rig: RequestRig) -> None:
    head = rig.submit(250, reference="order-7")
    assert (head["size"], head["segments"], head["slice"]) == (250, 250, 100)
    assert rig.drain() == ["done"]
    assert sorted(rig.carrier.accepted) == [f"+90555{n:07d}" for n in range(250)]
    assert rig.statuses() == ["sent"] * 250
    assert rig.run() == "done"
    assert len(rig.carrier.accepted) == 250
    (entry,) = rig.dynamo.tables["activity"].values()
    assert (entry["what"], entry["detail"]["recipients"]) == ("messages sent", 250)


def test_each_recipient_gets_its_own_text(rig: RequestRig) -> None:
    rig.submit(2, recipients=[("+905550000001", ["Amy"]), ("+905550000002", [])], text="Hi %%1%%!")
    rig.drain()
    texts = {fact["sk"][:20]: fact["text"] for fact in rig.dynamo.tables["people"].values()}
    assert texts == {"out#0000000000009000": "Hi Amy!", "out#0000000000009001": "Hi !"}


def test_submitting_the_same_again_is_the_same_request(rig: RequestRig) -> None:
    first = rig.submit(3)
    again = rig.submit(3, first_id=9500, text="Another text")
    assert again == first
    assert rig.drain() == ["done", "done"]
    assert len(rig.carrier.accepted) == 3
    assert len(rig.dynamo.tables["activity"]) == 1


@pytest.mark.parametrize("text", ["%%1%%", "%%2%%", "%%1%%%%2%%", " %%1%%"])
@pytest.mark.parametrize("params", [[], [""], ["", "x"], [" "], ["\n"], ["\u200b"], ["0"]])
@pytest.mark.parametrize("smart", [True, False])
def test_a_request_refuses_whom_a_campaign_leaves_out_for_want_of_a_text(
    rig: RequestRig, text: str, params: list[str], *, smart: bool
) -> None:
    recipients = [("+905550000001", ["Amy", "Scott"]), ("+905550000002", params)]
    selection = Selection(composer({"text": text, "smart": smart}), max_digits=14)
    chosen = [mobile for mobile, *_ in selection.texts(recipients)]
    if len(chosen) == len(recipients):
        assert rig.submit(recipients=recipients, text=text, smart=smart)["size"] == len(recipients)
        return
    with pytest.raises(NoText) as refused:
        rig.submit(recipients=recipients, text=text, smart=smart)
    assert [mobile for n, (mobile, _) in enumerate(recipients) if n not in refused.value.positions] == chosen
    assert not rig.dynamo.tables["dispatch"]
    assert rig.queue == []


def test_a_stored_request_goes_on_though_its_params_were_emptied_meanwhile(rig: RequestRig) -> None:
    """It died between storing and queueing; nobody else would queue it."""
    first = rig.submit(1, recipients=[("+905550000001", ["Amy"])], text="%%1%%")
    rig.queue.clear()
    assert rig.submit(1, recipients=[("+905550000001", [""])], text="%%1%%") == first
    assert rig.drain() == ["done"]
    assert rig.carrier.accepted == ["+905550000001"]


def test_submitting_again_changes_nobody_who_is_sent_to(rig: RequestRig) -> None:
    """Such as a test of a campaign whose members changed meanwhile."""
    rig.submit(1, recipients=[("+905550000001", ["Amy"])])
    rig.submit(1, recipients=[("+905550000002", ["Bob"])])
    rig.drain()
    assert rig.carrier.accepted == ["+905550000001"]


def test_what_is_no_request_of_the_workspace_is_left_alone(rig: RequestRig) -> None:
    """[A1]"""
    rig.submit()
    for workspace, request in (("rival", 9000), (WORKSPACE, 9001)):
        told = run_request(rig.tools, workspace, request, rig.clock + RUN)
        assert told == {"outcome": "unknown"}
    assert rig.carrier.accepted == []
    assert rig.queue == [(9000, 0, None)]


def test_a_request_that_is_done_waits_for_nothing_any_more(rig: RequestRig) -> None:
    rig.submit()
    rig.drain()
    rig.settings(enabled=True)
    rig.clock = CLOSE
    assert rig.run() == "done"
    assert (rig.queue, rig.tools.held.openings()) == ([], [])


def test_receipts_are_waited_for_from_when_a_request_is_done(rig: RequestRig) -> None:
    """[H1]"""
    rig.carrier.answers = [Unreachable("no route")]
    rig.submit()
    rig.drain(1)
    assert silence.due(rig.workspaces, rig.clock + silence.WITHIN) == []
    rig.drain()
    assert [mark["id"] for mark in silence.due(rig.workspaces, rig.clock + silence.WITHIN)] == [9000]


def test_what_another_sender_is_at_is_waited_for(rig: RequestRig) -> None:
    rig.submit(100)
    assert ChunkLedger(rig.dispatch, 9000, ONLY).take(0, another(rig, 30_000), None)
    assert rig.drain(1) == ["waits"]
    assert rig.queue == [(9000, 30_000, 1)]
    assert rig.drain() == ["done"]


def another(rig: RequestRig, lease: int) -> Claim:
    """Of a call to 100 that somebody is at, who died as soon as it had it; `lease` in ms from now."""
    return Claim(owner="another", attempt=1, claimed_at=rig.clock, lease=rig.clock + lease, vector=bytes(100))


def test_a_call_that_brings_nothing_is_not_followed_by_another_within_seconds(rig: RequestRig) -> None:
    """Whatever else the request waits for."""
    rig.submit(300)
    assert ChunkLedger(rig.dispatch, 9000, ONLY).take(0, another(rig, 2_000), None)
    rig.carrier.outage = Unreachable("no route")
    assert rig.drain(1) == [NO_RESULTS]
    ((_, delay, _),) = rig.queue
    assert delay >= 10_000


def test_whoever_opted_out_or_is_blacklisted_is_left_out_at_the_time_of_sending(rig: RequestRig) -> None:
    rig.submit(3, list_id=7)
    mark = {"at": 1, "by": "x"}
    rig.dynamo.seed("people", keys.standing(WORKSPACE, "+905550000000"), blacklisted=mark)
    rig.dynamo.seed("people", keys.standing(WORKSPACE, "+905550000001"), lists={"7": mark})
    rig.dynamo.seed("people", keys.standing(WORKSPACE, "+905550000002"), lists={"8": mark})
    rig.drain()
    assert rig.carrier.accepted == ["+905550000002"]
    assert rig.statuses() == ["suppressed", "suppressed", "sent"]
    assert rig.message(9000).reason.word == "blacklisted"


def test_only_the_confirmation_of_an_opt_out_goes_to_somebody_who_opted_out(rig: RequestRig) -> None:
    """[I7] [I9]"""
    rig.dynamo.seed("people", keys.standing(WORKSPACE, "+905550000000"), everything={"at": 1, "by": "x"})
    rig.submit(1, 9000, kind=Kind.RESPONSE)
    rig.submit(1, 9001, kind=Kind.RESPONSE, confirms_opt_out=True)
    rig.drain()
    assert rig.carrier.accepted == ["+905550000000"]
    assert rig.statuses(9000) == ["suppressed"]
    assert rig.statuses(9001) == ["sent"]
    assert rig.dynamo.tables["activity"] == {}


def test_a_receipt_promotes_and_its_fact_leads_back_to_the_reference(rig: RequestRig) -> None:
    rig.submit(1, reference="order-7")
    rig.drain()
    fact = keys.fact(WORKSPACE, "+905550000000", 9000, "received")
    rig.dynamo.seed("people", fact, at=rig.clock + 5, code="5/0", via="receipt", request=9000)
    message = rig.message()
    assert (message.status, [f["sk"][21:] for f in message.facts]) == (
        Status.RECEIVED,
        ["submitted", "received"],
    )


def test_a_carrier_that_cannot_be_reached_is_tried_again_from_the_queue(rig: RequestRig) -> None:
    rig.carrier.outage = Unreachable("no route")
    rig.submit()
    assert rig.drain(1) == [NO_RESULTS]
    ((_, delay, _),) = rig.queue
    assert delay > 0
    rig.carrier.outage = None
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 1


def test_a_lost_answer_is_asked_about_and_never_sent_blindly(rig: RequestRig) -> None:
    rig.carrier.answers = [AnswerLost("reset")]
    rig.submit()
    assert rig.drain(1) == [NO_RESULTS]
    assert rig.statuses() == ["submitted"]
    ((_, delay, _),) = rig.queue
    assert 59_000 < delay <= 60_000
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 1


def test_f12_a_refused_account_waits_for_people_and_says_why(rig: RequestRig) -> None:
    rig.carrier.outage = Answer(401, {}, b'{"errorCode": "E401"}')
    rig.submit()
    rig.drain(1)
    ((_, delay, _),) = rig.queue
    assert 7_000 <= delay <= 10_000
    assert "401" in rig.message().head["status_reason"]
    rig.carrier.outage = None
    assert rig.drain() == ["done"]
    assert "status_reason" not in rig.message().head


def test_an_account_that_is_not_set_up_waits_too(rig: RequestRig) -> None:
    rig.account, account = accounts.Unusable("the credentials are missing"), rig.account
    rig.submit()
    assert rig.drain(1) == ["carrier unusable"]
    assert rig.message().head["status_reason"] == "the credentials are missing"
    rig.account = account
    assert rig.drain() == ["done"]


def test_what_could_not_be_sent_before_its_claims_are_forgotten_is_missed(rig: RequestRig) -> None:
    rig.submit(2)
    rig.clock += MAX_AGE + 1
    assert rig.drain() == ["missed"]
    assert rig.statuses() == ["missed", "missed"]
    assert rig.carrier.accepted == []


def test_what_was_sent_of_a_request_that_is_given_up_is_waited_for(rig: RequestRig) -> None:
    """[H1]"""
    rig.submit(150)
    rig.carrier.outage = Unreachable("no route")
    rig.drain(1)
    assert ChunkLedger(rig.dispatch, 9000, ONLY).claims()
    rig.clock += MAX_AGE + 1
    assert rig.drain() == ["missed"]
    assert [mark["id"] for mark in silence.due(rig.workspaces, rig.clock + silence.WITHIN)] == [9000]


# ---- death ----------------------------------------------------------------------------------------------


def test_submitting_may_die_before_any_step_and_the_next_try_sends_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for last in itertools.count():
        rig = RequestRig(monkeypatch)
        with rig.steps.dying_before(last):
            rig.submit(3)
        if not rig.steps.died:
            break
        rig.submit(3)
        assert set(rig.drain()) == {"done"}
        assert sorted(rig.carrier.accepted) == [f"+90555{n:07d}" for n in range(3)]
        assert len(rig.dynamo.tables["activity"]) == 1
    assert last >= 4


@pytest.mark.parametrize("echo", [False, True])
def test_sending_may_die_before_any_step_and_the_queue_brings_it_again(
    monkeypatch: pytest.MonkeyPatch, echo: bool
) -> None:
    for last in itertools.count():
        rig = RequestRig(monkeypatch)
        rig.submit(3)
        rig.dynamo.echo = echo
        rig.queue.clear()
        with rig.steps.dying_before(last):
            outcome = rig.run()
        if not rig.steps.died:
            assert outcome == "done"
            break
        rig.clock += 120_000  # the lease is over, and the carrier may be asked
        rig.queue.append((9000, 0, None))
        assert rig.drain()[-1] == "done"
        assert sorted(rig.carrier.accepted) == [f"+90555{n:07d}" for n in range(3)]
        assert rig.statuses() == ["sent"] * 3
    assert last >= 4


def test_f1_who_waits_stays_one_however_often_it_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each dies once, before any step, and the queue brings it again beside what it had queued: none is lost."""
    for last in itertools.count():
        rig = RequestRig(monkeypatch)
        account = rig.account
        rig.submit()
        rig.account = accounts.Unusable("the credentials are missing")
        deaths = 0
        for _ in range(8):
            taken, rig.queue = rig.queue, []
            for request, _, generation in taken:
                with rig.steps.dying_before(last):
                    rig.run(request, generation)
                if rig.steps.died:
                    deaths += 1
                    rig.run(request, generation)
            assert 1 <= len(rig.queue) <= 2
        rig.drain(len(rig.queue))
        assert len(rig.queue) == 1
        rig.account = account
        assert rig.drain() == ["done"]
        assert len(rig.carrier.accepted) == 1
        if not deaths:
            break
    assert last == 3  # the reason, the queue, the note


def test_who_was_queued_again_since_does_nothing_and_whoever_comes_from_elsewhere_is_heeded(
    rig: RequestRig,
) -> None:
    rig.submit()
    rig.requests.note_generation(9000, 5)
    rig.queue.clear()
    assert rig.run(9000, 4) == "goes on elsewhere"
    assert (rig.queue, rig.carrier.accepted) == ([], [])
    rig.carrier.outage = Unreachable("no route")
    assert rig.run(9000, 7) == NO_RESULTS  # whoever queued it died before saying so
    assert [generation for _, _, generation in rig.queue] == [8]
    assert rig.run(9000) == "waits"
    assert [generation for _, _, generation in rig.queue] == [8, 8]  # the first of them goes on
    assert rig.run(9000, 8) == "waits"
    assert [rig.run(9000, 8), rig.run(9000, 9)] == ["goes on elsewhere", "waits"]


def test_a_note_that_fails_brings_nobody_back(rig: RequestRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each try would queue one more for as long as writes are throttled."""
    rig.submit()
    rig.account = accounts.Unusable("the credentials are missing")

    def throttled(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")

    monkeypatch.setattr(rig.requests, "note_generation", throttled)
    assert rig.drain(1) == ["carrier unusable"]
    assert len(rig.queue) == 1


@pytest.mark.parametrize("late", [False, True])
def test_f1_a_copy_of_who_waits_ends_with_its_next_look(rig: RequestRig, late: bool) -> None:
    """Whoever dies after the note, before its message is forgotten, comes again: at once, or after its successor."""
    rig.submit()
    (first,) = rig.queue
    account, rig.account = rig.account, accounts.Unusable("the credentials are missing")
    rig.drain(1)
    (second,) = rig.queue
    rig.queue = [second, second] if late else [second]
    rig.drain(len(rig.queue))
    rig.queue.append(second)
    assert sorted(rig.drain(2)) == ["carrier unusable", "goes on elsewhere"]
    assert len(rig.queue) == 1
    rig.queue.append(first)  # from elsewhere as far as anybody can tell: heeded
    rig.account = account
    assert sorted(rig.drain()) == ["done", "done"]
    assert len(rig.carrier.accepted) == 1

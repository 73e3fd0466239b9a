"""Why: everything to and from a number, and one number in one campaign, as a run of it left them."""

import random
from typing import Any
from urllib.parse import quote

import pytest

from kabar.domain.campaigns import Life
from kabar.domain.conversations import WHY_NOT
from kabar.domain.messages import Receipt
from kabar.domain.receipts import Block, Told
from kabar.domain.statuses import Status
from kabar.storage import keys
from kabar.storage.conversations import Conversations
from kabar.storage.dynamo import Table
from kabar.storage.people import keep_receipts
from tests.functions.api_client import Api, api
from tests.functions.leg_rig import LIST, WORKSPACE, Rig

__all__ = ["api"]


@pytest.fixture
def rig(api: Api, monkeypatch: pytest.MonkeyPatch) -> Rig:  # whose tables are then the rig's
    return Rig(monkeypatch)


@pytest.fixture
def ask(rig: Rig, api: Api) -> Any:
    """The API over the tables of the rig."""
    del rig

    def get(address: str, status: int = 200) -> Any:
        answer = api.call("GET", address)
        assert answer.status == status, answer.text
        return answer.json

    return get


def receipt(rig: Rig, campaign: int, mobile: str, status: Status, at: int) -> None:
    plan = rig.head(campaign)["plan"]
    position = next(at for at, row in enumerate(rows(rig, campaign)) if row == mobile)
    block = Block(plan["first_id"], plan["recipients"], WORKSPACE, plan["chunk_size"], campaign, LIST)
    told = Told(plan["first_id"] + position, block, Receipt("x", mobile, status, at, "5/0"))
    keep_receipts(Table("people", rig.dynamo), [told])


def rows(rig: Rig, campaign: int) -> list[str]:
    plan = rig.head(campaign)["plan"]
    read = (rig.desk.plans.read(campaign, plan, number) for number in range(plan["chunks"]))
    return [row.mobile for chunk in read for row in chunk]


def test_every_recipient_is_found_in_the_plan_and_nobody_else_is(rig: Rig) -> None:
    rig.members(1203)
    rig.campaign(1)
    rig.plan(1, 1)
    found = Conversations(rig.workspaces, rig.dispatch, Table("people", rig.dynamo), "work")
    head = rig.head(1)
    frozen = rows(rig, 1)
    for position in [*random.Random(5).sample(range(1203), 60), 0, 499, 500, 1202]:  # noqa: S311
        place = found.place(head, frozen[position])
        assert place
        assert place.position == position
    for stranger in ("+1", "+99999999999999", "+64210000000001"):
        assert found.place(head, stranger) is None


def test_who_got_it_is_told_when_which_text_by_which_call_and_with_which_receipts(rig: Rig, ask: Any) -> None:
    mobile = rig.members(3)[1]
    rig.campaign(1)
    rig.leg(1, 1)
    receipt(rig, 1, mobile, Status.RECEIVED, rig.head(1)["plan"]["at"] + 2**41)
    told = ask(f"/v1/campaigns/1/recipients/{quote(mobile)}")
    assert (told["status"], told["rule"], told["why"]) == ("received", None, None)
    assert (told["text"], told["sender"], told["segments"]) == ("Merhaba", "KABAR1", 1)
    assert told["sent_at"]
    assert (told["call"]["chunk"], told["call"]["slice"], told["call"]["attempts"]) == (0, 0, 1)
    assert [(fact["status"], fact["by"], fact["code"]) for fact in told["facts"]] == [
        ("submitted", "us", None),
        ("received", "receipt", "5/0"),
    ]


def test_acceptance_is_told_by_the_call_without_a_receipt(rig: Rig, ask: Any) -> None:
    mobile = rig.members(3)[0]
    rig.campaign(1)
    rig.leg(1, 1)
    assert ask(f"/v1/campaigns/1/recipients/{quote(mobile)}")["status"] == "sent"
    (entry,) = ask(f"/v1/conversations/{quote(mobile)}")["data"]
    assert (entry["status"], entry["text"], entry["campaign_id"]) == ("sent", "Merhaba", 1)


def test_who_did_not_get_it_is_told_by_which_rule(rig: Rig, ask: Any) -> None:
    opted_out, listed = rig.members(2)
    rig.dynamo.seed("people", keys.standing(WORKSPACE, opted_out), lists={str(LIST): {"at": 5, "by": "me"}})
    rig.dynamo.seed("people", keys.standing(WORKSPACE, listed), blacklisted={"at": 5, "by": "me"})
    rig.campaign(1)
    assert ask(f"/v1/campaigns/1/recipients/{quote(listed)}")["rule"] == "not_frozen"
    rig.leg(1, 1)
    for mobile, rule in ((opted_out, "opted_out"), (listed, "blacklisted")):
        told = ask(f"/v1/campaigns/1/recipients/{quote(mobile)}")
        assert (told["rule"], told["why"]) == (rule, WHY_NOT[rule])
        assert (told["sent_at"], told["text"]) == (None, None)
    assert ask(f"/v1/conversations/{quote(listed)}")["data"][0]["rule"] == "blacklisted"


def test_who_was_not_chosen_is_told_why_by_the_list_of_today(rig: Rig, ask: Any) -> None:
    rig.members(1)
    empty, later, gone, refused = "+6421777", "+6421888", "+6421999", "+6421666"
    rig.dynamo.seed("members", keys.member(LIST, empty), params=["", "x"])
    rig.dynamo.seed("members", keys.member(LIST, gone), params=["x"], deleted=5)
    rig.campaign(1)
    rig.change(text="%%1%%")
    rig.leg(1, 1)
    rig.dynamo.seed("members", keys.member(LIST, later), params=["Hi"])
    rig.dynamo.seed("people", keys.standing(WORKSPACE, refused), blacklisted={"at": 5, "by": "me"})
    for mobile, rule, says in (
        (empty, "empty", "comes out empty: by the list of today"),
        (later, "no_recipient", "was no member of the list when the campaign started"),
        (later, "no_recipient", "today it is one"),
        (gone, "no_recipient", "today it is none"),
        (refused, "no_recipient", "today it is none, and the number is on the blacklist"),
    ):
        told = ask(f"/v1/campaigns/1/recipients/{quote(mobile)}")
        assert told["rule"] == rule
        assert says in told["why"]
        assert (told["status"], told["message_id"], told["facts"]) == (None, None, [])


def test_before_its_turn_and_after_a_cancel(rig: Rig, ask: Any) -> None:
    mobile = rig.members(2)[0]
    rig.campaign(1)
    rig.plan(1, 1)
    told = ask(f"/v1/campaigns/1/recipients/{quote(mobile)}")
    assert (told["status"], told["rule"], told["call"]) == ("pending", "pending", None)
    stored = rig.dynamo.find("workspaces", keys.campaign_head(WORKSPACE, 1))
    assert stored is not None
    stored["status"] = Life.WAITING.value
    told = ask(f"/v1/campaigns/1/recipients/{quote(mobile)}")
    assert (told["status"], told["rule"]) == ("pending", "held")
    rig.campaigns.control(WORKSPACE, 1, "cancel", "api:me", 5)
    rig.leg(1, 2)
    assert ask(f"/v1/campaigns/1/recipients/{quote(mobile)}")["rule"] == "cancelled"


def test_a_conversation_is_all_that_was_said_newest_first_in_pages(rig: Rig, ask: Any) -> None:
    mobile = rig.members(2)[0]
    for number in range(1, 6):
        rig.campaign(number)
        rig.leg(number, 1)
    for number in range(3):
        item = {"reply_id": 70 + number, "id": f"c{number}", "mobile": mobile, "to": "3774", "text": "Hi"}
        rig.dynamo.seed(
            "people", keys.reply(WORKSPACE, mobile, "infobip", f"c{number}"), at=number * 2**41, **item
        )
    shown, cursor = [], ""
    while True:
        page = ask(f"/v1/conversations/{quote(mobile)}?limit=3{cursor}")
        shown += page["data"]
        assert len(page["data"]) <= 3
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [each["at"] for each in shown] == sorted((each["at"] for each in shown), reverse=True)
    assert [each["id"] for each in shown if each["direction"] == "in"] == [72, 71, 70]
    assert {each["campaign_id"] for each in shown if each["direction"] == "out"} == {1, 2, 3, 4, 5}
    assert len(shown) == 8


def test_nothing_is_known_of_a_stranger_and_nothing_is_told_to_another_workspace(rig: Rig, ask: Any) -> None:
    assert ask("/v1/conversations/%2B6421000")["data"] == []
    assert ask("/v1/conversations/nobody", status=422)
    assert ask("/v1/campaigns/77/recipients/%2B6421000000", status=404)

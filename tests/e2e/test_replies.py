"""Replies through the real stack and the simulated carrier: inbox, opt-outs, keywords, answers, mail [I1]-[I10]."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from local import job
from local import stack as stacks

pytestmark = pytest.mark.xdist_group("replies")

PEOPLE = {f"+90535776{number:04d}": f"Deniz{number}" for number in range(8)}
WRITES, STOPS, TURKISH, BUTTON, BLACKLISTS, RETURNS = list(PEOPLE)[:6]
JOINS, STRANGER = "+905357769001", "+905357769002"
GOODBYE, WELCOME = "Listeden cikarildiniz.", "Hos geldiniz!"


@pytest.fixture(scope="module")
def gym(stack: stacks.Stack) -> dict[str, Any]:
    """A list whose replies are mailed and whose opt-outs are confirmed, and a campaign that it got."""
    rows = "".join(f"{mobile},{name}\n" for mobile, name in PEOPLE.items())
    imported = job.import_file(stack, "Reply gym", "people.csv", rows.encode(), ignored)
    path = f"/v1/lists/{imported['list_id']}"
    own = {"batch": "replies-e2e", "email": "gym@example.com", "opt_out_response": GOODBYE}
    tag = stack.api("GET", path).headers["ETag"]
    assert stack.api("PATCH", path, own, {"If-Match": tag}).status == 200
    campaign = job.start_campaign(stack, "Open day", imported["list_id"], "Hi %%1%%, open day tomorrow")
    report = job.follow_campaign(stack, campaign, ignored)
    assert sent(report) == len(PEOPLE), report
    return {"list_id": int(imported["list_id"]), "campaign": campaign, "path": path}


def sent(report: dict[str, Any]) -> int:
    """How many were handed over: the simulated network fails a few of them."""
    return int(report["statuses"]["received"] + report["statuses"]["failed"])


def ignored(_: Any) -> None:
    pass


def says(stack: stacks.Stack, mobile: str, text: str, to: str | None = None) -> None:
    stack.carrier("POST", "/_replies", {"from": mobile, "to": to or stack.sender, "text": text})


def until(found: Callable[[], Any], patience: float = 30) -> Any:
    deadline = time.monotonic() + patience
    while not (it := found()):
        assert time.monotonic() < deadline, "it didn't happen"
        time.sleep(0.2)
    return it


def replies(stack: stacks.Stack, query: str) -> list[dict[str, Any]]:
    """All pages."""
    return list(_pages(stack, query))


def _pages(stack: stacks.Stack, query: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        page = stack.api("GET", f"/v1/inbox?limit=100&{query}{cursor}")
        assert page.status == 200, page.body
        yield from page.body["data"]
        cursor = page.body["next_cursor"] and f"&cursor={quote(page.body['next_cursor'])}"


def of(stack: stacks.Stack, mobile: str, count: int = 1) -> list[dict[str, Any]]:
    """The replies of one number, once there are so many."""
    query = f"mobile={quote(mobile)}"
    found: list[dict[str, Any]] = until(lambda: len(now := replies(stack, query)) >= count and now)
    return found


def told(stack: stacks.Stack, mobile: str) -> list[str]:
    """What the carrier was given for a number, in order."""
    return [message.text for message in job.truth(stack)[0] if message.to.endswith(mobile[1:])]


def test_a_reply_is_in_the_inbox_with_what_it_answers_and_is_mailed(
    stack: stacks.Stack, gym: dict[str, Any]
) -> None:
    says(stack, WRITES, "Açılış saat kaçta?")
    (reply,) = of(stack, WRITES)
    expected = {
        "content": "Açılış saat kaçta?",
        "list_id": gym["list_id"],
        "list_name": "Reply gym",
        "batch": "replies-e2e",
        "campaign_id": gym["campaign"],
        "params": ["Deniz0"],
        "command": None,
        "opted_out": False,
        "read": False,
    }
    assert {name: reply[name] for name in expected} == expected
    assert reply["reply_to"] > 0
    assert stack.api("PATCH", f"/v1/inbox/{reply['id']}", {"read": True}).body["read"] is True
    assert [each["id"] for each in replies(stack, "content=acilis&read=true&batch=REPLIES")] == [reply["id"]]
    mails = until(lambda: WRITES in (text := mail(stack)) and text)
    assert "gym@example.com" in mails


def test_replies_become_a_file(stack: stacks.Stack, gym: dict[str, Any]) -> None:
    says(stack, WRITES, "=1+1; teşekkürler")
    assert gym["list_id"] in [each["list_id"] for each in of(stack, WRITES, 2)]
    asked = stack.api("POST", "/v1/inbox/exports", {"list_id": gym["list_id"], "content": "tesekkurler"})
    assert asked.status == 202, asked.body
    path = f"/v1/inbox/exports/{asked.body['id']}"
    done = until(lambda: (now := stack.api("GET", path).body)["state"] != "running" and now)
    assert (done["state"], done["rows"]) == ("done", 1), done
    text = httpx.get(done["file"]).content.decode("utf-8-sig")
    assert f",{WRITES}," in text
    assert ",'=1+1; teşekkürler," in text.replace('"', "")


def mail(stack: stacks.Stack) -> str:
    return httpx.get(f"{stack.emulator_url}/_ministack/ses/messages").text


@pytest.mark.parametrize(("mobile", "text"), [(STOPS, " Stop."), (TURKISH, "İPTAL")])
def test_an_opt_out_leaves_the_list_and_is_confirmed_once(
    stack: stacks.Stack, gym: dict[str, Any], mobile: str, text: str
) -> None:
    says(stack, mobile, text)
    says(stack, mobile, text)
    first, second = of(stack, mobile, 2)
    assert {first["left"], second["left"]} == {"list"}
    member = stack.api("GET", f"{gym['path']}/members/{quote(mobile)}").body
    assert member["opted_out"] is True
    until(lambda: told(stack, mobile)[1:] == [GOODBYE])
    report = until(lambda: (now := job.campaign_report(stack, gym["campaign"]))["opted_out"] > 0 and now)
    assert report["recipients"] == len(PEOPLE)


def test_start_takes_the_opt_out_back(stack: stacks.Stack, gym: dict[str, Any]) -> None:
    member = f"{gym['path']}/members/{quote(RETURNS)}"
    says(stack, RETURNS, "ret")
    until(lambda: stack.api("GET", member).body["opted_out"])
    says(stack, RETURNS, "Başla")
    until(lambda: not stack.api("GET", member).body["opted_out"])
    campaign = job.start_campaign(stack, "Welcome back", gym["list_id"], "Hi again %%1%%")
    report = job.follow_campaign(stack, campaign, ignored)
    assert sent(report) >= 1
    assert told(stack, RETURNS)[-1] == "Hi again Deniz5"


def test_the_button_stops_everything_and_undo_lets_it_go_on(stack: stacks.Stack, gym: dict[str, Any]) -> None:
    says(stack, BUTTON, "lütfen artık yazmayın")
    (reply,) = of(stack, BUTTON)
    path = f"/v1/inbox/{reply['id']}/opt-out"
    assert stack.api("POST", path).body["opted_out"] is True
    again = {"Idempotency-Key": uuid.uuid4().hex}
    other = stack.api("POST", "/v1/lists", {"name": "Reply pool"}, again).body["id"]
    assert stack.api("POST", f"/v1/lists/{other}/members", {"mobile": BUTTON, "params": []}).status == 201
    campaign = job.start_campaign(stack, "Pool", other, "Pool is open")
    assert job.follow_campaign(stack, campaign, ignored)["statuses"]["suppressed"] == 1
    assert "Pool is open" not in told(stack, BUTTON)
    assert stack.api("DELETE", path).body["opted_out"] is False
    campaign = job.start_campaign(stack, "Pool again", other, "Pool is open")
    assert sent(job.follow_campaign(stack, campaign, ignored)) == 1
    assert told(stack, BUTTON)[-1] == "Pool is open"


def test_an_opt_out_that_answers_nothing_is_blacklisted_until_start(
    stack: stacks.Stack, gym: dict[str, Any]
) -> None:
    says(stack, BLACKLISTS, "BERHENTI", to="77001")
    (reply,) = of(stack, BLACKLISTS)
    assert (reply["left"], reply["opted_out"], reply["blacklisted"]) == ("blacklist", False, True)
    says(stack, BLACKLISTS, "start", to="77001")
    until(lambda: not replies(stack, f"mobile={quote(BLACKLISTS)}")[0]["blacklisted"])
    assert gym["list_id"] not in [each["list_id"] for each in of(stack, BLACKLISTS, 2)]


def test_a_keyword_makes_a_member_and_is_answered_once(stack: stacks.Stack, gym: dict[str, Any]) -> None:
    """[I8] [I9] [C6]"""
    once = {"Idempotency-Key": uuid.uuid4().hex}
    pool = stack.api("POST", "/v1/lists", {"name": "Reply keyword"}, once).body["id"]
    body = {"keyword": "Yuzme2", "list_id": pool, "response": WELCOME}
    made = stack.api("POST", "/v1/keywords", body)
    assert made.status == 201, made.body
    says(stack, JOINS, "yüzme2!")
    member = until(
        lambda: (a := stack.api("GET", f"/v1/lists/{pool}/members/{quote(JOINS)}")).status == 200 and a
    )
    assert member.body["params"] == []
    until(lambda: told(stack, JOINS) == [WELCOME])
    (reply,) = of(stack, JOINS)
    assert (reply["keyword"], reply["list_id"]) == ("Yuzme2", pool)
    assert reply["response_id"] > reply["id"]
    says(stack, JOINS, "STOP")  # it answers the response, which belongs to the list
    until(lambda: replies(stack, f"mobile={quote(JOINS)}&opted_out=true"))
    assert of(stack, JOINS, 2)[0]["left"] == "list"
    gone = stack.api("DELETE", f"/v1/lists/{pool}")
    assert (gone.status, gone.body["keywords"]) == (200, ["Yuzme2"])
    assert stack.api("POST", "/v1/keywords", {**body, "list_id": gym["list_id"]}).status == 409


def test_a_burst_of_replies_loses_none(stack: stacks.Stack) -> None:
    phones = [f"+90535778{number:04d}" for number in range(300)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda mobile: says(stack, mobile, f"burst {mobile}"), phones))
    until(lambda: len(replies(stack, "content=burst")) >= len(phones), patience=90)
    found = replies(stack, "content=burst")
    assert sorted(reply["mobile"] for reply in found) == phones
    assert len({reply["id"] for reply in found}) == len(phones)


def test_nothing_was_refused(stack: stacks.Stack, gym: dict[str, Any]) -> None:
    assert gym
    assert [each for each in job.denials(stack) if "HandleReply" in each or "SendMessages" in each] == []

"""A campaign's life through the real stack: drafted, edited, slowed, queued, split, reported on, explained."""

import csv
import io
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from local import job
from local import stack as stacks

PEOPLE = [f"+90538{n:07d}" for n in range(420)]
TEN = [f"+90537{n:07d}" for n in range(3)]
QUICK = [f"+90539{n:07d}" for n in range(50)]
NOW = {"schedule": "now"}
Json = dict[str, Any]


def ok(stack: stacks.Stack, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
    answer = stack.api(method, path, body, headers)
    assert answer.status < 300, (path, answer.status, answer.body)
    return answer.body


def until(stack: stacks.Stack, path: str, wanted: Callable[[Json], bool], patience: float = 90) -> Json:
    deadline = time.monotonic() + patience
    while True:
        shown: Json = ok(stack, "GET", path)
        if wanted(shown):
            return shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.2)


def ended(stack: stacks.Stack, campaign: int) -> Json:
    return until(stack, f"/v1/campaigns/{campaign}", lambda shown: shown["status"] in job.ENDED)


def got(stack: stacks.Stack, people: list[str], text: str) -> Counter[str]:
    """How often each of them got a text that begins so, by the carrier's own log."""
    accepted, wanted = job.truth(stack)[0], set(people)
    return Counter(each.to for each in accepted if each.to in wanted and each.text.startswith(text))


@pytest.fixture(scope="module")
def list_id(stack: stacks.Stack) -> int:
    rows = "".join(f"{mobile},Deniz\n" for mobile in PEOPLE)
    return int(job.import_file(stack, "Life", "life.csv", rows.encode(), lambda _: None)["list_id"])


def create(stack: stacks.Stack, list_id: int, text: str, **more: Any) -> Any:
    body = {"name": f"Life {text}", "list_id": list_id, "text": text} | more
    return stack.api("POST", "/v1/campaigns", body, {"Idempotency-Key": uuid.uuid4().hex})


def test_a_draft_is_edited_scheduled_put_forward_and_then_no_longer_edited(
    stack: stacks.Stack, list_id: int
) -> None:
    draft = create(stack, list_id, "First draft")
    here = f"/v1/campaigns/{draft.body['id']}"
    assert draft.body["status"] == "draft"
    tag = {"If-Match": draft.headers["ETag"]}
    far = {"at": "2030-01-01T09:00", "timezone": "Europe/Istanbul"}
    planned = stack.api("PATCH", here, {"text": "Final %%1%%", "schedule": far}, tag)
    assert (planned.status, planned.body["status"]) == (200, "scheduled")
    assert stack.api("PATCH", here, {"text": "Late"}, tag).status == 412
    until(stack, here, lambda shown: shown["status"] == "scheduled")
    now = stack.api("PATCH", here, NOW, {"If-Match": planned.headers["ETag"]})
    assert now.status == 200, now.body
    assert ended(stack, draft.body["id"])["status"] == "completed"
    assert got(stack, PEOPLE, "Final Deniz") == dict.fromkeys(PEOPLE, 1)
    refused = stack.api("PATCH", here, {"text": "Too late"}, {"If-Match": now.headers["ETag"]})
    assert (refused.status, "has started" in refused.body["detail"]) == (409, True)
    told = [entry["status"] for entry in ok(stack, "GET", f"{here}/history?limit=100")["data"]]
    assert told[0] == "completed"
    assert {"draft", "scheduled", "queued", "sending", "completed"} <= set(told)


def test_a_campaign_is_slowed_paused_resumed_and_sped_up_while_it_runs(
    stack: stacks.Stack, list_id: int
) -> None:
    """[F5] within two seconds, and nobody is skipped or sent to twice."""
    campaign = create(stack, list_id, "Speed", **NOW).body["id"]
    here = f"/v1/campaigns/{campaign}"
    ok(stack, "POST", f"{here}/speed", {"segments_per_second": 5})  # a call of 100 every 20 seconds
    until(stack, here, lambda shown: shown["status"] == "sending")
    time.sleep(4)
    slow = sum(got(stack, PEOPLE, "Speed").values())
    assert slow < len(PEOPLE)
    queued = create(stack, list_id, "Behind", **NOW).body["id"]
    until(stack, f"/v1/campaigns/{queued}", lambda shown: shown["status"] == "queued")
    order = [place["campaign_id"] for place in ok(stack, "GET", "/v1/campaigns/queue?limit=100")["data"]]
    assert order.index(campaign) < order.index(queued)
    assert queued in [each["id"] for each in ok(stack, "GET", "/v1/campaigns?status=queued")["data"]]
    ok(stack, "POST", f"/v1/campaigns/{queued}/cancel")
    ok(stack, "POST", f"{here}/pause")
    ok(stack, "POST", f"{here}/resume")
    ok(stack, "POST", f"{here}/speed", {"segments_per_second": None})
    began = time.monotonic()
    assert ended(stack, campaign)["status"] == "completed"
    assert time.monotonic() - began < 40  # at 5 a second it would have taken 60 and more
    assert got(stack, PEOPLE, "Speed") == dict.fromkeys(PEOPLE, 1)
    assert ended(stack, queued)["status"] == "cancelled"


def test_f56_of_ten_concurrent_starts_one_sends_and_the_others_wait_in_order(
    stack: stacks.Stack, list_id: int
) -> None:
    """I8: by the carrier's own log no campaign begins before the one before it is through."""
    rows = "".join(f"{mobile},Ece\n" for mobile in TEN)
    to = int(job.import_file(stack, "Ten", "ten.csv", rows.encode(), lambda _: None)["list_id"])
    ahead = f"/v1/campaigns/{create(stack, list_id, 'Ahead', **NOW).body['id']}"
    ok(stack, "POST", f"{ahead}/speed", {"segments_per_second": 5})
    until(stack, ahead, lambda shown: shown["status"] == "sending")
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda n: create(stack, to, f"Ten {n}.", **NOW).body, range(10)))
    for campaign in made:
        until(stack, f"/v1/campaigns/{campaign['id']}", lambda shown: shown["status"] == "queued")
    ok(stack, "POST", f"{ahead}/speed", {"segments_per_second": None})
    for campaign in made:
        assert ended(stack, campaign["id"])["status"] == "completed"
    ours = ("Ahead", *(f"Ten {n}." for n in range(10)))
    runs = [text for text, _ in groupby(each.text for each in job.truth(stack)[0] if each.text in ours)]
    in_order = sorted(made, key=lambda each: (each["scheduled_at"], each["id"]))
    assert runs == ["Ahead", *(each["text"] for each in in_order)]  # nobody's messages among another's
    for n in range(10):
        assert got(stack, TEN, f"Ten {n}.") == dict.fromkeys(TEN, 1)


def test_a_status_of_a_report_is_a_file_and_every_recipient_can_be_explained(
    stack: stacks.Stack, list_id: int
) -> None:
    """I5"""
    campaign = create(stack, list_id, "Report", **NOW).body["id"]
    report = job.follow_campaign(stack, campaign, lambda _: None)
    rows: list[dict[str, str]] = []
    for status, count in report["statuses"].items():
        if count:
            rows += written(stack, campaign, status)
    assert Counter(row["status"] for row in rows) == {s: n for s, n in report["statuses"].items() if n}
    assert sorted(row["mobile"] for row in rows) == PEOPLE
    assert {row["list_name"] for row in rows} == {"Life"}
    row = next(row for row in rows if row["status"] == "received")
    told = ok(stack, "GET", f"/v1/campaigns/{campaign}/recipients/{quote(row['mobile'])}")
    assert (told["status"], told["text"], str(told["message_id"])) == (
        "received",
        "Report",
        row["message_id"],
    )
    assert (told["call"]["attempts"], told["facts"][-1]["by"]) == (1, "receipt")
    newest = ok(stack, "GET", f"/v1/conversations/{quote(row['mobile'])}")["data"][0]
    assert (newest["campaign_id"], newest["text"], newest["status"]) == (campaign, "Report", "received")
    stranger = ok(stack, "GET", f"/v1/campaigns/{campaign}/recipients/%2B905380999999")
    assert stranger["rule"] == "no_recipient"
    assert campaign in [line["campaign_id"] for line in ok(stack, "GET", "/v1/reports")["data"]]


def written(stack: stacks.Stack, campaign: int, status: str) -> list[dict[str, str]]:
    export = ok(stack, "POST", f"/v1/reports/{campaign}/exports", {"status": status})["id"]
    done = until(stack, f"/v1/reports/{campaign}/exports/{export}", lambda shown: shown["state"] != "running")
    assert done["state"] == "done", done
    content = httpx.get(done["file"]).content.decode("utf-8-sig")
    found = list(csv.DictReader(io.StringIO(content, newline="")))
    assert len(found) == done["rows"]
    return found


def test_a_quick_campaign_is_one_call_and_a_split_one_becomes_several(stack: stacks.Stack) -> None:
    """[F2] [D7]"""
    body = {
        "name": "Quick",
        "text": "Quick %%1%%",
        "members": [{"mobile": mobile, "params": ["Ada"]} for mobile in QUICK],
        "batch": "Q4",
        "split": {"records": 20, "delay_minutes": 0},
    } | NOW
    made = ok(stack, "POST", "/v1/quick-campaigns", body, {"Idempotency-Key": uuid.uuid4().hex})
    first = made["campaign"]["id"]
    assert made["campaign"]["status"] == "scheduled"
    until(stack, f"/v1/imports/{made['import_id']}", lambda shown: shown["state"] == "done")
    until(stack, f"/v1/campaigns/{first}", lambda shown: shown["list_id"] is not None)
    found = ok(stack, "GET", "/v1/campaigns?search=quick%20(")["data"]
    assert sorted(each["name"] for each in found) == [f"Quick ({n}/3)" for n in (1, 2, 3)]
    for each in found:
        assert ended(stack, each["id"])["status"] == "completed"
        assert ok(stack, "GET", f"/v1/lists/{each['list_id']}")["batch"] == "Q4"
    assert got(stack, QUICK, "Quick Ada") == dict.fromkeys(QUICK, 1)


def test_a_quick_campaign_whose_file_can_not_be_read_fails_with_the_reason(stack: stacks.Stack) -> None:
    """[D6]"""
    far = {"at": "2030-01-01T09:00", "timezone": "UTC"}
    body = {"name": "Broken quick", "text": "Never", "schedule": far}
    made = ok(stack, "POST", "/v1/quick-campaigns", body, {"Idempotency-Key": uuid.uuid4().hex})
    form = made["upload"]
    sent = httpx.post(form["url"], data=form["fields"], files={"file": b"\x00\x01\x02\x03" * 64})
    assert sent.status_code < 300, sent.text
    shown = ended(stack, made["campaign"]["id"])
    assert (shown["status"], "import of its list failed" in shown["status_reason"]) == ("failed", True)

"""The pre-flight, the report and the carrier's bill through the real stack, to the segment [E3] [F6]."""

import time
from typing import Any

import pytest

from local import job
from local import stack as stacks

pytestmark = pytest.mark.xdist_group("preflights")

PARAMS = ["Ayşe,Kadıköy", "Budi,", "“Mia”,😀", f"{'ğ' * 50},{'ş' * 50}", f"{'a' * 50},{'[' * 30}", "Łukasz,è"]
PEOPLE = {f"+90535{number:07d}": PARAMS[number % len(PARAMS)] for number in range(60)}
BLACKLISTED, LEFT = "+905350000011", "+905350000012"
TEXT = "Günaydın %%1%%, “%%2%%” için teşekkürler: [siparişiniz] yarın elinizde olacak. " + "RET yazın. " * 6


@pytest.fixture(scope="module")
def list_id(stack: stacks.Stack) -> int:
    rows = "".join(f"{mobile},{params}\n" for mobile, params in PEOPLE.items())
    imported = job.import_file(stack, "Looked at before", "people.csv", rows.encode(), lambda _: None)
    number = int(imported["list_id"])
    assert stack.api("POST", "/v1/blacklist", {"mobile": BLACKLISTED}).status in {200, 201}
    assert stack.api("PUT", f"/v1/lists/{number}/members/{LEFT}/opt-out").status == 200
    tag = stack.api("GET", "/v1/settings/prices").headers["ETag"]
    prices = {"currency": "EUR", "countries": [{"country": "TR", "price": "0.0123"}]}
    assert stack.api("PUT", "/v1/settings/prices", prices, {"If-Match": tag}).status == 200
    return number


def looked_at(stack: stacks.Stack, campaign: int) -> Any:
    asked = stack.api("POST", "/v1/preflights", {"campaign_id": campaign})
    assert asked.status == 202, asked.body
    deadline = time.monotonic() + 60
    while (shown := stack.api("GET", asked.headers["Location"]).body)["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return shown


@pytest.mark.parametrize(
    ("encoding", "smart"),
    [("gsm", False), ("gsm", True), ("turkish_single", False), ("turkish_locking", True)],
)
def test_a_run_is_what_its_pre_flight_said_and_what_the_carrier_bills(
    stack: stacks.Stack, list_id: int, encoding: str, smart: bool
) -> None:
    draft = {"name": f"{encoding} {smart}", "list_id": list_id, "text": TEXT, "sender": "KABARP"}
    made = stack.api("POST", "/v1/campaigns", draft | {"encoding": encoding, "smart": smart})
    assert (made.status, made.body["status"]) == (201, "draft"), made.body
    campaign = int(made.body["id"])
    expected = looked_at(stack, campaign)
    assert expected["state"] == "done", expected

    here = f"/v1/campaigns/{campaign}"
    tag = stack.api("GET", here).headers["ETag"]
    assert stack.api("PATCH", here, {"schedule": "now"}, {"If-Match": tag}).status == 200
    job.follow_campaign(stack, campaign, lambda _: None)
    report = stack.api("GET", f"{here}/report").body
    accepted = [each for each in job.truth(stack)[0] if each.to in PEOPLE][-expected["recipients"] :]

    not_sent = {each["reason"]: each["recipients"] for each in expected["not_sent"]}
    assert (not_sent["opted_out"], not_sent["blacklisted"]) == (1, 1)
    assert {each.to for each in accepted} == set(PEOPLE) - {BLACKLISTED, LEFT}
    assert expected["segments"] == report["segments"] == sum(each.segments for each in accepted)
    assert (report["cost"], report["currency"]) == (expected["cost"]["amount"], "EUR")
    assert report["statuses"]["suppressed"] == report["opted_out"] == 2
    assert report["preflight"] == expected

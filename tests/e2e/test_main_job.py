"""The main job through the real stack: bucket, API, state machines, carrier, webhooks, report.

Permissions are enforced: each function runs as its own role. The tests share a list and run in this order.
"""

import json
import os
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local import audit, http, job
from local import stack as stacks

TEXT = "Merhaba %%1%%, %%2%% seni bekliyor. Reply STOP to opt out."

# (row as written, bucket it must end in, mobile and params when imported)
ROWS: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("+905321234501,Ayşe,İstanbul", "accepted", "+905321234501", ("Ayşe", "İstanbul")),
    (" +905321234502 ,Çağrı,Bursa", "accepted", "+905321234502", ("Çağrı", "Bursa")),
    ("+90 532 123 45 03,Deniz,İzmir", "corrected", "+905321234503", ("Deniz", "İzmir")),
    ("+90 (532) 123-45.04,Şule,Muş", "corrected", "+905321234504", ("Şule", "Muş")),
    ("905321234505,Oğuz,Van", "corrected", "+905321234505", ("Oğuz", "Van")),
    ('="+905321234506",Fatma,Ağrı', "corrected", "+905321234506", ("Fatma", "Ağrı")),
    ("'+905321234507,Gül,Uşak", "corrected", "+905321234507", ("Gül", "Uşak")),
    ("+٩٠٥٣٢١٢٣٤٥٠٨,İnci,Çorum", "corrected", "+905321234508", ("İnci", "Çorum")),
    ('+6281234567890,"Dewi, Putri","Jl. ""Merdeka"" 5"', "accepted", "+6281234567890",
     ("Dewi, Putri", 'Jl. "Merdeka" 5')),
    ('+6421555666,"Two\nlines",X', "accepted", "+6421555666", ("Two\nlines", "X")),
    ("+905321234501,Again,X", "duplicates", "", ()),
    ("+90-532-123-45-03,Again,X", "duplicates", "", ()),
    ("+614xxxxxxxx,Letters,X", "rejected", "", ()),
    ("12345;6789,Two values,X", "rejected", "", ()),
    ("6.42E+10,Digits are lost,X", "rejected", "", ()),
    ("+123456,Too short,X", "rejected", "", ()),
    ("+123456789012345,Too long,X", "rejected", "", ()),
    ("+0123456789,Starts with zero,X", "rejected", "", ()),
    ("+905321234509,a,b,c,d,e,f,seven params are too many", "rejected", "", ()),
    (f"+905321234510,{'x' * 51},param too long", "rejected", "", ()),
]  # fmt: skip
FILE = ("\ufeffPhone,Name,City\r\n" + "\r\n\r\n".join(row for row, *_ in ROWS) + "\r\n").encode()
BUCKETS = {name: sum(bucket == name for _, bucket, *_ in ROWS) for name in audit.BUCKETS}
PEOPLE = {mobile: params for _, _, mobile, params in ROWS if mobile}
TEXTS = {
    mobile: f"Merhaba {name}, {city} seni bekliyor. Reply STOP to opt out."
    for mobile, (name, city) in PEOPLE.items()
}
KEY = "lists/Main job/people.csv"


@dataclass
class Done:
    """What the main job has made."""

    imported: dict[str, Any]
    campaign: int
    report: dict[str, Any]


@pytest.fixture(scope="module")
def stack() -> Iterator[stacks.Stack]:
    """A stack of its own, since everything that its carrier was ever handed is compared."""
    name = f"main-job-{uuid.uuid4().hex[:8]}"
    try:
        yield stacks.start(name, owner=os.getpid())
    finally:
        stacks.stop(name)


@pytest.fixture(scope="module")
def done(stack: stacks.Stack) -> Done:
    stack.drop(KEY, FILE)
    imported = job.follow_import(stack, KEY, lambda _: None)
    assert imported["state"] == "done", imported
    campaign = job.start_campaign(stack, "First", imported["list_id"], TEXT)
    return Done(imported, campaign, job.follow_campaign(stack, campaign, lambda _: None))


def compare(
    stack: stacks.Stack, campaign: int, after: int, texts: dict[str, str], left_out: set[str]
) -> list[str]:
    accepted, _ = job.truth(stack, after)
    statuses = job.carrier_statuses(stack, [message.id for message in accepted], {})
    segments = sum(message.segments for message in accepted)
    report = job.campaign_report(stack, campaign)
    return audit.sent("campaign", accepted, texts, left_out=left_out) + audit.report(
        "campaign", report, len(texts), {**statuses, "suppressed": len(left_out)}, segments
    )


def test_every_row_of_a_messy_file_ends_in_its_bucket(done: Done) -> None:
    assert audit.buckets(done.imported, BUCKETS) == []
    assert done.imported["header"] == ["Phone", "Name", "City"]
    assert done.imported["rows_read"] == len(ROWS)


def test_the_list_holds_whom_the_file_named_with_their_params(stack: stacks.Stack, done: Done) -> None:
    members: dict[str, tuple[str, ...]] = {}
    cursor = ""
    while cursor is not None:
        page = stack.api("GET", f"/v1/lists/{done.imported['list_id']}/members?limit=7{cursor}").body
        members |= {member["mobile"]: tuple(member["params"]) for member in page["data"]}
        cursor = page["next_cursor"] and f"&cursor={urllib.parse.quote(page['next_cursor'])}"
    assert members == PEOPLE


def test_everybody_gets_exactly_one_message_and_the_report_is_the_carriers_truth(
    stack: stacks.Stack, done: Done
) -> None:
    assert done.report["status"] == "completed"
    assert job.until_none(lambda: compare(stack, done.campaign, 0, TEXTS, set())) == []


def test_the_same_event_twice_is_one_import(stack: stacks.Stack, done: Done) -> None:
    s3, sqs = stack.client("s3"), stack.client("sqs")
    versions = s3.list_object_versions(Bucket=stack.uploads_bucket, Prefix=f"{stack.workspace}/{KEY}")
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": stack.uploads_bucket},
            "object": {
                "key": urllib.parse.quote_plus(f"{stack.workspace}/{KEY}"),
                "size": len(FILE),
                "eTag": versions["Versions"][0]["ETag"].strip('"'),
                "versionId": versions["Versions"][0]["VersionId"],
            },
        },
    }
    (queue,) = [url for url in sqs.list_queues()["QueueUrls"] if "UploadsQueue" in url]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"Records": [record]}))
    # a second object proves that the queue was worked through
    job.import_file(stack, "Other", "one.csv", b"+905321234501,A,B\n", lambda _: None)
    assert runs(stack, "import-list").count(done.imported["id"]) == 1
    newest = stack.api("GET", f"/v1/imports?key={urllib.parse.quote(f'{stack.workspace}/{KEY}')}").body
    assert newest["id"] == done.imported["id"]
    again = stack.api("GET", f"/v1/imports/{done.imported['id']}").body
    links = dict.fromkeys(("rejected_file", "duplicates_file"), "")  # signed anew
    assert {**again, **links} == {**done.imported, **links}
    lists = stack.api("GET", "/v1/lists?limit=100").body["data"]
    assert [each["members"] for each in lists if each["name"] == "Main job"] == [len(PEOPLE)]


def runs(stack: stacks.Stack, machine: str) -> list[str]:
    """The names of a machine's executions."""
    states = stack.client("stepfunctions")
    (arn,) = [
        each["stateMachineArn"]
        for each in states.list_state_machines()["stateMachines"]
        if each["name"].endswith(machine)
    ]
    return [each["name"] for each in states.list_executions(stateMachineArn=arn)["executions"]]


def test_who_answers_stop_gets_nothing_more(stack: stacks.Stack, done: Done) -> None:
    leaving = set(list(PEOPLE)[:3])
    job.answer_stop(stack, leaving)

    def missing() -> list[str]:
        opted_out = job.campaign_report(stack, done.campaign)["opted_out"]
        return [] if opted_out == len(leaving) else [f"{opted_out} opted out"]

    assert job.until_none(missing) == []
    _, after = job.truth(stack)
    campaign = job.start_campaign(stack, "Second", done.imported["list_id"], TEXT)
    job.follow_campaign(stack, campaign, lambda _: None)
    assert job.until_none(lambda: compare(stack, campaign, after, TEXTS, leaving)) == []


def test_an_import_leaves_out_who_has_opted_out(stack: stacks.Stack, done: Done) -> None:
    name = stack.api("GET", f"/v1/lists/{done.imported['list_id']}").body["name"]
    imported = job.import_file(stack, name, "again.csv", FILE, lambda _: None)
    assert imported["opted_out"] == 3
    assert imported["rows_read"] == len(ROWS)


def test_the_same_idempotency_key_is_the_same_campaign(stack: stacks.Stack, done: Done) -> None:
    body = {"name": "Once", "list_id": done.imported["list_id"], "text": "Once only", "schedule": "now"}
    first, second = (stack.api("POST", "/v1/campaigns", body, {"Idempotency-Key": "e2e-1"}) for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert first.body["id"] == second.body["id"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        ("GET", "/v1/nothing-here", None, 404, ""),
        ("GET", "/v1/campaigns/999999999", None, 404, ""),
        ("GET", "/v1/lists/not-a-number", None, 404, ""),
        ("POST", "/v1/campaigns", b"{", 400, ""),
        ("POST", "/v1/campaigns", {"list_id": 1, "text": "x", "schedule": "now"}, 422, "name"),
        (
            "POST",
            "/v1/campaigns",
            {"name": "x", "list_id": "1", "text": "x", "schedule": "now"},
            422,
            "list_id",
        ),
        (
            "POST",
            "/v1/campaigns",
            {"name": "x", "list_id": 1, "text": "%%7%%", "schedule": "now"},
            422,
            "text",
        ),
        ("POST", "/v1/blacklist", {"mobile": "+614xxxxxxxx"}, 422, "mobile"),
        ("POST", "/v1/blacklist", {"mobile": "x" * 5_000_000}, 413, ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_refusal_is_a_problem_that_names_the_field(
    stack: stacks.Stack, method: str, path: str, body: Any, status: int, named: str
) -> None:
    answer = stack.api(method, path, body, {"Idempotency-Key": f"refused-{path}"})
    assert answer.status == status, answer.body
    assert answer.body["status"] == status
    assert answer.body["code"]
    assert answer.body["request_id"]
    assert named in json.dumps(answer.body.get("errors", []))


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer kb_wrong_wrong", "Basic a2I6a2I="])
def test_a_wrong_key_is_refused(stack: stacks.Stack, key: str) -> None:
    assert stack.api("GET", "/v1/lists", headers={"Authorization": key}).status == 401


def test_a_stranger_cannot_post_receipts(stack: stacks.Stack) -> None:

    for path in ("/webhooks/infobip/wrong-token/receipts", "/webhooks/nobody/wrong-token/replies"):
        assert http.call("POST", stack.api_url + path, {"results": []}).status in {401, 403, 404}


def test_no_function_was_denied_anything(stack: stacks.Stack) -> None:
    assert job.denials(stack) == []


def test_nothing_ended_in_the_dead_letters(stack: stacks.Stack) -> None:
    sqs = stack.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        if "DeadLetters" in url:
            waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            assert waiting["Attributes"]["ApproximateNumberOfMessages"] == "0", url

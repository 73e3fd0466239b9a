"""Lists and members through the real stack, each function as its own role."""

import json
import time
import urllib.parse
from typing import Any

import httpx
import pytest

from local import job
from local import stack as stacks

MOBILES = [f"+90532{n:07d}" for n in range(300)]


@pytest.fixture(scope="module")
def list_id(stack: stacks.Stack) -> int:
    rows = "".join(f"{mobile},Ayşe,{n}\n" for n, mobile in enumerate(MOBILES))
    imported = job.import_file(stack, "Members one by one", "people.csv", rows.encode(), lambda _: None)
    return int(imported["list_id"])


def search(stack: stacks.Stack, list_id: int, query: str) -> list[str]:
    mobiles: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = stack.api("GET", f"/v1/lists/{list_id}/members?limit=70&{query}{cursor}").body
        mobiles += [member["mobile"] for member in page["data"]]
        cursor = page["next_cursor"] and f"&cursor={urllib.parse.quote(page['next_cursor'])}"
    return mobiles


def counts(stack: stacks.Stack, list_id: int) -> tuple[Any, ...]:
    shown = stack.api("GET", f"/v1/lists/{list_id}").body
    return shown["members"], shown["opted_out"], shown["deleted"]


def test_members_are_edited_one_by_one_and_found_by_number_and_mark(
    stack: stacks.Stack, list_id: int
) -> None:
    here = f"/v1/lists/{list_id}/members"
    added = stack.api("POST", here, {"mobile": "+6421555666", "params": ["Amy"]})
    assert added.status == 201, added.body
    tag = stack.api("PUT", f"{here}/+6421555666", {"params": ["Amy", "Scott"]}).headers["ETag"]
    moved = stack.api("PATCH", f"{here}/%2B6421555666", {"mobile": "+6421555667"}, {"If-Match": tag})
    assert (moved.status, moved.body["params"]) == (200, ["Amy", "Scott"])
    assert stack.api("PUT", f"{here}/{MOBILES[7]}/opt-out").body["opted_out"] is True
    assert stack.api("PUT", f"{here}/{MOBILES[8]}/opt-out").status == 200
    assert stack.api("DELETE", f"{here}/{MOBILES[8]}/opt-out").body["opted_out"] is False
    assert stack.api("DELETE", f"{here}/{MOBILES[9]}").status == 204
    assert counts(stack, list_id) == (300, 1, 2)
    assert search(stack, list_id, "") == sorted([*MOBILES, "+6421555666", "+6421555667"])
    assert search(stack, list_id, "mobile=%2B9053200001") == MOBILES[100:200]
    assert search(stack, list_id, "opted_out=true") == [MOBILES[7]]
    assert search(stack, list_id, "deleted=true") == ["+6421555666", MOBILES[9]]
    assert search(stack, list_id, "deleted=false&opted_out=false&mobile=%2B905320000") == [
        mobile for mobile in MOBILES if mobile not in {MOBILES[7], MOBILES[9]}
    ]


def test_lists_are_made_renamed_found_and_deleted(stack: stacks.Stack) -> None:
    made = stack.api("POST", "/v1/lists", {"name": "By hand", "batch": "e2e-7"}, {"Idempotency-Key": "hand"})
    assert made.status == 201, made.body
    here = f"/v1/lists/{made.body['id']}"
    assert stack.api("POST", "/v1/lists", {"name": "By hand"}).status == 409
    assert stack.api("PATCH", here, {"name": "By foot"}).status == 428
    tag = {"If-Match": made.headers["ETag"]}
    assert stack.api("PATCH", here, {"name": "By foot", "batch": None}, tag).body["name"] == "By foot"
    assert stack.api("PATCH", here, {"name": "Too late"}, tag).status == 412
    other = stack.api("POST", "/v1/lists", {"name": "By hand", "batch": "e2e-7"}).body["id"]
    assert [each["id"] for each in stack.api("GET", "/v1/lists?search=E2E-7").body["data"]] == [other]
    assert stack.api("POST", f"{here}/members", {"mobile": "+6421555666"}).status == 201
    deleted = stack.api("POST", "/v1/lists/delete", {"list_ids": [made.body["id"], other, 999_999_999]})
    assert deleted.body == {"deleted": [made.body["id"], other], "not_found": [999_999_999], "keywords": []}
    assert stack.api("GET", here).status == 404
    (sweep,) = [
        function["FunctionName"]
        for function in stack.client("lambda").list_functions()["Functions"]
        if "SweepFunction" in function["FunctionName"]
    ]
    swept = stack.client("lambda").invoke(FunctionName=sweep, Payload=b"{}")
    assert json.loads(swept["Payload"].read())["members_removed"] == 1


def test_an_announced_file_and_members_in_a_body_become_members(stack: stacks.Stack) -> None:
    announced = stack.api(
        "POST", "/v1/imports", {"purpose": "new_list", "list_name": "Announced", "filename": "kişiler.csv"}
    )
    assert announced.status == 201, announced.body
    form = announced.body["upload"]
    assert post(form, "Ayşe,+90\n".encode() + b"+905337770001,A\n+905337770002,B\n") in {200, 204}
    done = follow(stack, announced.body["key"])
    assert (done["state"], done["list_name"], done["accepted"]) == ("done", "Announced", 2)
    assert post(form, b"x" * (200 * 1024 * 1024 + 1)) in {400, 403, 413}
    members = [{"mobile": "+905337770003", "params": ["C"]}, {"mobile": "+90 533 777 00 01"}]
    sent = stack.api("POST", f"/v1/lists/{done['list_id']}/members/import", {"members": members})
    assert sent.status == 202, sent.body
    done = follow(stack, sent.body["key"])
    assert (done["accepted"], done["corrected"], done["added"], done["updated"]) == (1, 1, 1, 1)
    assert counts(stack, done["list_id"]) == (3, 0, 0)


def test_f30_an_object_that_is_gone_before_it_is_read_fails_with_the_reason(stack: stacks.Stack) -> None:
    key = f"{stack.workspace}/lists/Vanished/a.csv"
    of = {"key": key, "size": 14, "eTag": "0" * 32, "versionId": "gone"}
    told = {"bucket": {"name": stack.uploads_bucket}, "object": of}
    body = {"Records": [{"eventName": "ObjectCreated:Put", "s3": told}]}
    sqs = stack.client("sqs")
    (queue,) = [each for each in sqs.list_queues()["QueueUrls"] if "UploadsQueue" in each]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    ended = follow(stack, key)
    assert (ended["state"], ended["error"]["code"]) == ("failed", "object_missing")
    assert stack.api("GET", "/v1/lists?search=Vanished").body["data"] == []


def test_a_dry_run_says_what_an_import_would_do_and_does_nothing(stack: stacks.Stack) -> None:
    body = {"purpose": "new_list", "list_name": "Only tried", "dry_run": True}
    announced = stack.api("POST", "/v1/imports", body)
    assert announced.status == 201, announced.body
    post(announced.body["upload"], b"+90 532 123 46 01,A\n+905321234601,again\n+905321234602,B\n+9053x\n")
    done = follow(stack, announced.body["key"])
    assert (done["state"], done["phase"], done["list_id"]) == ("done", "dry_run", None)
    buckets = [done[name] for name in ("rows_read", "accepted", "corrected", "duplicates", "rejected")]
    assert buckets == [4, 1, 1, 1, 1]
    assert [row["mobile"] for row in done["first_rows"]] == ["+905321234601", "+905321234602"]
    assert stack.api("GET", "/v1/lists?search=Only").body["data"] == []


def test_a_prefix_that_was_tried_counts_in_the_next_import(stack: stacks.Stack) -> None:
    prefixes = "/v1/settings/prefixes"
    assert stack.api("PUT", f"{prefixes}/0799", {"replacement": "6299"}).status == 200
    tried = stack.api("POST", f"{prefixes}/try", {"numbers": ["0799 555 6667", "0799x"]}).body["data"]
    assert [each["mobile"] or each["code"] for each in tried] == ["+62995556667", "letters"]
    done = job.import_file(stack, "Local", "local.csv", b"0799 555 6667,Budi\n", lambda _: None)
    assert (done["corrected"], done["added"]) == (1, 1)
    assert search(stack, done["list_id"], "") == ["+62995556667"]
    assert {"prefix": "0799", "replacement": "6299"} in stack.api("GET", prefixes).body["data"]
    assert stack.api("DELETE", f"{prefixes}/0799").status == 204
    tried = stack.api("POST", f"{prefixes}/try", {"numbers": ["0799 555 6667"]}).body["data"]
    assert [each["mobile"] for each in tried] != ["+62995556667"]


def test_numbers_that_exist_nowhere_are_counted_and_in_strict_validation_rejected(
    stack: stacks.Stack,
) -> None:
    for strict, found in ((False, (2, 0, 1)), (True, (1, 1, 0))):
        body = {"purpose": "new_list", "list_name": f"Strict {strict}", "strict": strict}
        announced = stack.api("POST", "/v1/imports", body).body
        post(announced["upload"], b"+905321234701\n+6427123456\n")
        done = follow(stack, announced["key"])
        assert (done["accepted"], done["rejected"], done["implausible"]) == found, done


def test_a_file_is_split_into_lists_in_its_order_unless_a_name_is_taken(stack: stacks.Stack) -> None:
    mobiles = [f"+90533{n:07d}" for n in range(300)][::-1]
    body = {"purpose": "new_list", "list_name": "Cut", "split": {"records": 120}}
    announced = stack.api("POST", "/v1/imports", body)
    assert announced.status == 201, announced.body
    post(announced.body["upload"], "".join(f"{mobile},Ayşe\n" for mobile in mobiles).encode())
    done = follow(stack, announced.body["key"])
    assert (done["state"], done["list_id"], done["added"]) == ("done", None, 300)
    left = mobiles
    for each, size in zip(done["lists"], (120, 120, 60), strict=True):
        assert each["records"] == size
        assert counts(stack, each["list_id"]) == (size, 0, 0)
        assert search(stack, each["list_id"], "") == sorted(left[:size])
        left = left[size:]
    again = stack.api("POST", "/v1/imports", body).body
    post(again["upload"], "".join(f"{mobile}\n" for mobile in mobiles).encode())
    assert follow(stack, again["key"])["error"]["code"] == "list_name_taken"


def test_f41_a_downloaded_list_imports_again_to_exactly_the_same_list(stack: stacks.Stack) -> None:
    formulas = [
        {"mobile": f"+62811{n:07d}", "params": params}
        for n, params in enumerate(
            [
                ["=cmd|' /C calc'!A0", "+6421555666", "+1+1"],
                ["@SUM", "'=1", "a;b,c"],
                ["\t", "\r\n", "Ayşe"],
                [],
            ]
        )
    ]
    rows = "".join(f"+62812{n:07d},Budi {n},-{n}\n" for n in range(3_000))
    first = job.import_file(stack, "Formulas", "formulas.csv", rows.encode(), lambda _: None)["list_id"]
    sent = stack.api("POST", f"/v1/lists/{first}/members/import", {"members": formulas})
    assert follow(stack, sent.body["key"])["added"] == 4
    assert stack.api("DELETE", f"/v1/lists/{first}/members/+628120000007").status == 204
    asked = stack.api("POST", f"/v1/lists/{first}/exports", headers={"Idempotency-Key": "download"})
    assert (asked.status, asked.body["state"], asked.body["rows_expected"]) == (202, "running", 3_003)
    done = downloaded(stack, asked.headers["Location"])
    assert (done["state"], done["rows"], done["error"]) == ("done", 3_003, None)
    file = httpx.get(done["file"]).content
    assert file.startswith("\ufeffkabar_mobile,kabar_param1".encode())
    assert b"\r\n+628110000000,\"'=cmd|' /C calc'!A0\",+6421555666,'+1+1\r\n" in file
    again = job.import_file(stack, "Formulas again", "again.csv", file, lambda _: None)
    buckets = ("rows_read", "accepted", "corrected", "duplicates", "opted_out", "rejected", "added")
    assert [again[each] for each in buckets] == [3_003, 3_003, 0, 0, 0, 0, 3_003]
    assert everybody(stack, again["list_id"]) == everybody(stack, first)


def everybody(stack: stacks.Stack, list_id: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = stack.api("GET", f"/v1/lists/{list_id}/members?limit=100&deleted=false{cursor}").body
        found |= {member["mobile"]: member["params"] for member in page["data"]}
        cursor = page["next_cursor"] and f"&cursor={urllib.parse.quote(page['next_cursor'])}"
    return found


def downloaded(stack: stacks.Stack, path: str) -> dict[str, Any]:
    """The export once it is over."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        export: dict[str, Any] = stack.api("GET", path).body
        if export["state"] != "running":
            return export
        time.sleep(0.2)
    raise AssertionError(f"the download {path} is still running")


def test_a_failed_import_is_mailed(stack: stacks.Stack) -> None:
    failed = job.import_file(stack, "Empty", "empty.csv", b"mobile\n", lambda _: None)
    assert failed["state"] == "failed"
    for _ in range(50):
        mails = httpx.get(f"{stack.emulator_url}/_ministack/ses/messages").text
        if failed["id"] in mails:
            break
        time.sleep(0.2)
    assert mails.count(failed["id"]) == 1
    assert "The import of empty.csv failed" in mails


def follow(stack: stacks.Stack, key: str) -> dict[str, Any]:
    return job.follow_import(stack, key.removeprefix(f"{stack.workspace}/"), lambda _: None)


def post(form: dict[str, Any], content: bytes) -> int:
    """Send the file as a browser does; the status."""
    files = {"file": ("file.csv", content, "text/csv")}
    return httpx.post(form["url"], data=form["fields"], files=files, timeout=60).status_code


def test_a_file_deletes_members_once_that_is_confirmed(stack: stacks.Stack) -> None:
    rows = "".join(f"{mobile},Ayşe\n" for mobile in MOBILES[20:70])
    made = job.import_file(stack, "To be cleaned", "people.csv", rows.encode(), lambda _: None)
    gone = "".join(f"{mobile}\n" for mobile in [*MOBILES[20:30], "+6421999999"])
    stack.drop("delete/To be cleaned/gone.csv", gone.encode())
    asked = job.follow_import(stack, "delete/To be cleaned/gone.csv", lambda _: None)
    assert (asked["state"], asked["to_delete"], asked["missing"]) == ("needs_decision", 10, 1)
    assert httpx.get(asked["missing_file"]).text == "+6421999999\r\n"
    assert counts(stack, made["list_id"]) == (50, 0, 0)
    assert stack.api("POST", f"/v1/imports/{asked['id']}/confirm").status == 202
    done = job.follow_import(stack, "delete/To be cleaned/gone.csv", lambda _: None)
    assert (done["state"], done["deleted"]) == ("done", 10)
    assert counts(stack, made["list_id"]) == (40, 0, 10)
    assert search(stack, made["list_id"], "deleted=true") == MOBILES[20:30]


def test_a_file_fills_the_blacklist(stack: stacks.Stack) -> None:
    stack.drop("blacklist/never.csv", b"+6421777001\n+64 21 777 002\nnobody at all 123\n")
    done = job.follow_import(stack, "blacklist/never.csv", lambda _: None)
    assert (done["state"], done["blacklisted"], done["rejected"]) == ("done", 2, 1)
    listed = {entry["mobile"]: entry["by"] for entry in stack.api("GET", "/v1/blacklist").body["data"]}
    assert listed["+6421777001"] == listed["+6421777002"] == f"import:{done['id']}"

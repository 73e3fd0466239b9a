"""Messages by API: taken once, stored before the answer, refused as a whole with every bad field named [F9]."""

from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.api_client import Answer, Api, api
from tests.functions.test_carriers_api import GATEWAY, save

__all__ = ["api"]

BODY: dict[str, Any] = {
    "recipients": [{"mobile": "+64 21 555 666", "params": ["Amy"]}, {"mobile": "+6421555667"}],
    "text": "Hi %%1%%",
    "reference": "order-7",
}


def post(api: Api, key: str | None = None, **changes: Any) -> Answer:
    headers = {"Idempotency-Key": key} if key else {}
    return api.call("POST", "/v1/messages", BODY | changes, headers=headers)


def test_messages_are_stored_queued_and_answered_with_their_ids(api: Api) -> None:
    answer = post(api)
    assert answer.status == 202
    ids = [message["id"] for message in answer.json["messages"]]
    assert ids == [ids[0], ids[0] + 1]
    assert [m["mobile"] for m in answer.json["messages"]] == ["+6421555666", "+6421555667"]
    assert answer.headers["Location"] == f"/v1/messages/{ids[0]}"
    assert api.clients.queued == [{"workspace": "acme", "request": answer.json["id"]}]
    shown = api.call("GET", f"/v1/messages/{ids[0]}").json
    assert (shown["status"], shown["reference"], shown["sender"]) == ("pending", "order-7", "Kabar")
    assert shown["request_id"] == answer.json["id"]


def test_the_same_call_again_sends_nothing_twice(api: Api) -> None:
    first, again = post(api, "k"), post(api, "k")
    assert (again.status, again.json) == (202, first.json)
    assert len({entry["request"] for entry in api.clients.queued}) == 1
    assert post(api, "k", reference="other").status == 422


def test_a_single_message_has_the_id_of_its_call(api: Api) -> None:
    answer = post(api, "k", recipients=BODY["recipients"][:1])
    assert answer.json["messages"][0]["id"] == answer.json["id"]


def test_a_template_gives_the_text(api: Api) -> None:
    template = api.call("POST", "/v1/templates", {"name": "Order", "text": "Ready, %%1%%"}).json
    answer = post(api, text=None, template_id=template["id"])
    assert answer.status == 202
    head = api.tables.find("dispatch", keys.request(answer.json["id"]))
    assert head
    assert head["text"] == "Ready, %%1%%"


def test_local_numbers_are_read_by_the_prefix_map(api: Api) -> None:
    api.call("PUT", "/v1/settings/prefixes/021", {"replacement": "6421"})
    answer = post(api, recipients=[{"mobile": "021 555 666"}])
    assert answer.json["messages"][0]["mobile"] == "+6421555666"


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"recipients": []}, ["#/recipients"]),
        ({"recipients": [{"mobile": f"+64{n:09d}"} for n in range(1001)]}, ["#/recipients"]),
        (
            {"recipients": [{"mobile": "+64x"}, {"mobile": "+6421555666"}, {"mobile": "6"}]},
            ["#/recipients/0/mobile", "#/recipients/2/mobile"],
        ),
        (
            {"recipients": [{"mobile": "+6421555666"}, {"mobile": "+64 21 555-666"}]},
            ["#/recipients/1/mobile"],
        ),
        ({"recipients": [{"mobile": "+6421555666", "params": ["x" * 51]}]}, ["#/recipients/0/params/0"]),
        ({"text": "%%7%%"}, ["#/text"]),
        ({"text": None}, ["#/text"]),
        ({"template_id": 5}, ["#/text"]),
        ({"text": None, "template_id": 5}, ["#/template_id"]),
        ({"reference": "a\r\nb: c"}, ["#/reference"]),
        ({"reference": "sipariş"}, ["#/reference"]),
        ({"sender": "twelve chars"}, ["#/sender"]),
        ({"encoding": "ascii"}, ["#/encoding"]),
        ({"timezone": "Mars/Olympus"}, ["#/timezone"]),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_sent(
    api: Api, changes: dict[str, Any], pointers: list[str]
) -> None:
    answer = post(api, **changes)
    assert (answer.status, answer.pointers) == (422, pointers)
    assert api.clients.queued == []


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        (
            {"text": "%%1%%", "recipients": [{"mobile": "+6421555666"}]},
            ["#/recipients/0/params"],
        ),
        (
            {
                "text": "%%2%%%%1%%",
                "recipients": [
                    {"mobile": "+6421555666", "params": [""]},
                    {"mobile": "+6421555667", "params": ["", "Amy"]},
                    {"mobile": "+6421555668", "params": ["", "", "Amy"]},
                ],
            },
            ["#/recipients/0/params", "#/recipients/2/params"],
        ),
        (
            {"text": "\u200b", "smart": True, "recipients": [{"mobile": "+6421555666"}]},
            ["#/recipients/0/params"],
        ),
    ],
)
def test_a_call_that_leaves_somebody_no_text_is_refused_and_nothing_is_stored(
    api: Api, changes: dict[str, Any], places: list[str]
) -> None:
    """As a campaign leaves them out: no carrier takes a message without text [F9]."""
    answer = post(api, **changes)
    assert (answer.status, answer.pointers) == (422, places)
    assert all("fill one that the text uses" in error["detail"] for error in answer.json["errors"])
    assert api.clients.queued == []
    assert not api.tables.tables["dispatch"]
    assert not api.tables.tables["activity"]


def test_a_text_of_spaces_is_one(api: Api) -> None:
    assert post(api, text="%%1%%", recipients=[{"mobile": "+6421555666", "params": [" "]}]).status == 202


def test_a_message_is_taken_back_once_and_it_is_in_the_log(api: Api) -> None:
    number = post(api).json["messages"][0]["id"]
    answer = api.call("POST", f"/v1/messages/{number}/cancel")
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    entries = [entry["what"] for entry in api.tables.tables["activity"].values()]
    assert sorted(entries) == ["message cancelled", "messages sent"]
    other = api.call("GET", f"/v1/messages/{number + 1}").json
    assert other["status"] == "pending"


def test_a_message_of_another_workspace_is_not_there(api: Api) -> None:
    number = post(api).json["messages"][0]["id"]
    for method, address in (("GET", ""), ("POST", "/cancel")):
        assert api.call(method, f"/v1/messages/{number}{address}", workspace="rival").status == 404


def test_a_campaigns_message_is_not_among_them(api: Api) -> None:
    block = {"workspace": "acme", "campaign": 12, "list": 7, "chunk_size": 500, "size": 10, "first": 70000}
    api.tables.seed("workspaces", keys.id_block(70000), **block)
    assert api.call("GET", "/v1/messages/70001").status == 404


# ---- tests of a campaign [F6] ---------------------------------------------------------------------------


def test_a_test_goes_to_the_named_numbers_with_the_params_of_a_member(api: Api) -> None:
    api.tables.seed("members", keys.member(7, "+6421555111"), mobile="+6421555111", params=["Scott"])
    campaign = api.call("POST", "/v1/campaigns", api.campaign()).json["id"]
    answer = api.call("POST", f"/v1/campaigns/{campaign}/test", {"numbers": ["+6421555666", "+6421555667"]})
    assert answer.status == 202
    head = api.tables.find("dispatch", keys.request(answer.json["id"]))
    assert head
    assert (head["kind"], head["about"], head["list"]) == ("test", f"campaign/{campaign}", 7)
    rows = api.tables.find("dispatch", keys.request_rows(head["first_id"], 0))
    assert rows
    assert [row[1] for row in rows["rows"]] == [["Scott"], ["Scott"]]
    shown = api.call("GET", f"/v1/messages/{answer.json['messages'][0]['id']}").json
    assert shown["kind"] == "test"
    report = api.call("GET", f"/v1/campaigns/{campaign}/report").json
    assert report["recipients"] == 0
    assert "test sent" in [entry["what"] for entry in api.tables.tables["activity"].values()]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"numbers": []}, "#/numbers"),
        ({"numbers": [f"+642155566{n:02d}" for n in range(11)]}, "#/numbers"),
        ({"numbers": ["+6421555666", "+64 21 555666"]}, "#/numbers/1"),
        ({"numbers": ["x"]}, "#/numbers/0"),
    ],
)
def test_a_test_names_what_is_wrong(api: Api, body: dict[str, Any], pointer: str) -> None:
    campaign = api.call("POST", "/v1/campaigns", api.campaign()).json["id"]
    answer = api.call("POST", f"/v1/campaigns/{campaign}/test", body)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_a_test_that_leaves_no_text_is_refused_and_nothing_is_stored(api: Api) -> None:
    api.tables.seed("members", keys.member(7, "+6421555111"), mobile="+6421555111", params=[""])
    campaign = api.call("POST", "/v1/campaigns", api.campaign(text="%%1%%")).json["id"]
    for params in (None, [], ["", "Amy"]):
        body = {"numbers": ["+6421555666"], "params": params}
        answer = api.call("POST", f"/v1/campaigns/{campaign}/test", body)
        assert (answer.status, answer.pointers) == (422, ["#/params"])
    assert api.clients.queued == []
    assert not api.tables.tables["dispatch"]


def test_a_test_goes_over_the_carrier_of_its_campaign(api: Api) -> None:
    """[F6]: as the campaign would, though others go over another carrier by now."""
    api.tables.seed("workspaces", keys.carrier("acme", "infobip"), rate=10, slice=90)
    draft = api.campaign(text="Şimdi", encoding="turkish_locking", schedule=None)
    campaign = api.call("POST", "/v1/campaigns", draft).json["id"]
    assert save(api, "http", GATEWAY).status == 200
    heads = [
        api.tables.find("dispatch", keys.request(api.call("POST", address, body).json["id"])) or {}
        for address, body in (
            (f"/v1/campaigns/{campaign}/test", {"numbers": ["+6421555666"]}),
            ("/v1/messages", BODY),
        )
    ]
    assert [(head["carrier"], head["slice"], head["encoding"]) for head in heads] == [
        ("infobip", 90, "turkish_locking"),
        ("http", 16, "gsm"),
    ]


def test_a_quick_campaign_can_be_tested_before_its_file_is_in(api: Api) -> None:
    quick = {"name": "Quick", "text": "Hi %%1%%", "filename": "people.csv", "schedule": "now"}
    campaign = api.call("POST", "/v1/quick-campaigns", quick).json["campaign"]["id"]
    wanted = {"numbers": ["+6421555666"], "params": ["Amy"]}
    assert api.call("POST", f"/v1/campaigns/{campaign}/test", wanted).status == 202
    answer = api.call("POST", f"/v1/campaigns/{campaign}/test", {"numbers": ["+6421555666"]})
    assert answer.status == 202

"""Templates: made, found, edited, deleted, and chosen for a campaign [E5]."""

from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.api_client import Api, api

__all__ = ["api"]

TEMPLATES = "/v1/templates"


def make(api: Api, name: str = "Greeting", text: str = "Hi %%1%%", **how: Any) -> Any:
    answer = api.call("POST", TEMPLATES, {"name": name, "text": text}, **how)
    assert answer.status == 201, answer.text
    return answer


def test_a_template_is_made_shown_edited_and_deleted(api: Api) -> None:
    made = make(api)
    where = made.headers["Location"]
    assert where == f"{TEMPLATES}/{made.json['id']}"
    shown = api.call("GET", where)
    assert (shown.json["name"], shown.json["text"]) == ("Greeting", "Hi %%1%%")
    edited = api.call("PATCH", where, {"text": "Bye %%2%%"}, headers={"If-Match": shown.headers["ETag"]})
    assert (edited.status, edited.json["name"], edited.json["text"]) == (200, "Greeting", "Bye %%2%%")
    assert edited.headers["ETag"] != shown.headers["ETag"]
    assert api.call("DELETE", where).status == 204
    assert api.call("GET", where).status == api.call("DELETE", where).status == 404
    told = [(e["what"], e["detail"]) for e in api.tables.tables["activity"].values()]
    assert told == [
        ("template created", {"name": "Greeting"}),
        ("template edited", {"changed": ["text"]}),
        ("template deleted", {}),
    ]


def test_an_edit_says_what_it_was_made_from_and_a_stale_one_changes_nothing(api: Api) -> None:
    made = make(api)
    where, seen = made.headers["Location"], made.headers["ETag"]
    assert api.call("PATCH", where, {"name": "A"}).status == 428
    assert api.call("PATCH", where, {"name": "A"}, headers={"If-Match": seen}).status == 200
    assert api.call("PATCH", where, {"name": "B"}, headers={"If-Match": seen}).status == 412
    assert api.call("GET", where).json["name"] == "A"


def test_the_same_post_again_is_the_same_template(api: Api) -> None:
    key = {"Idempotency-Key": "once"}
    assert make(api, headers=key).json == make(api, headers=key).json
    assert len(api.call("GET", TEMPLATES).json["data"]) == 1


def test_templates_come_newest_first_in_pages_of_ones_own_workspace(api: Api) -> None:
    for name in "abc":
        make(api, name=name)
    first = api.call("GET", f"{TEMPLATES}?limit=2").json
    rest = api.call("GET", f"{TEMPLATES}?limit=2&cursor={first['next_cursor']}").json
    assert [each["name"] for each in first["data"] + rest["data"]] == ["c", "b", "a"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "x" * 51, "text": "a"}, "#/name"),
        ({"name": " ", "text": "a"}, "#/name"),
        ({"name": "x", "text": ""}, "#/text"),
        ({"name": "x", "text": "%%7%%"}, "#/text"),
        ({"name": "x", "text": "a" * 1601}, "#/text"),
    ],
)
def test_a_template_that_no_message_could_use_is_refused_when_it_is_saved(
    api: Api, body: Any, pointer: str
) -> None:
    answer = api.call("POST", TEMPLATES, body)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_a_campaign_takes_the_text_of_its_template_and_keeps_it(api: Api) -> None:
    made = make(api, text="Hi %%1%%")
    body = api.campaign() | {"template_id": made.json["id"]}
    del body["text"]
    campaign = api.call("POST", "/v1/campaigns", body)
    assert (campaign.status, campaign.json["text"]) == (201, "Hi %%1%%"), campaign.text
    where, seen = made.headers["Location"], made.headers["ETag"]
    api.call("PATCH", where, {"text": "Bye"}, headers={"If-Match": seen})
    assert api.call("GET", f"/v1/campaigns/{campaign.json['id']}").json["text"] == "Hi %%1%%"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"template_id": 99}, "#/text"),  # and a text
        ({"text": None}, "#/text"),
        ({"text": None, "template_id": 99}, "#/template_id"),
        ({"encoding": "ucs2"}, "#/encoding"),  # Infobip can't be told to
        ({"encoding": "latin"}, "#/encoding"),
    ],
)
def test_a_campaign_has_one_text_in_an_encoding_that_its_carrier_offers(
    api: Api, change: Any, pointer: str
) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign() | change)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_a_campaign_keeps_its_encoding(api: Api) -> None:
    wanted = {"encoding": "turkish_locking", "smart": True}
    made = api.call("POST", "/v1/campaigns", api.campaign() | wanted).json
    assert {name: made[name] for name in wanted} == wanted
    plain = api.call("POST", "/v1/campaigns", api.campaign()).json
    assert (plain["encoding"], plain["smart"]) == ("gsm", False)
    key = keys.campaign_head("acme", made["id"])
    stored = api.tables.tables["workspaces"][key["pk"], key["sk"]]
    assert {name: stored[name] for name in wanted} == wanted

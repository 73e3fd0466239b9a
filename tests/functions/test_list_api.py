"""Lists and their members over the API, page by page."""

import pytest

from kabar.storage import keys
from tests.functions.api_client import Api, api, walk

__all__ = ["api"]


def test_a_list_is_shown_with_its_counts(api: Api) -> None:
    assert api.call("GET", "/v1/lists/7").json == {
        "id": 7,
        "name": "Gym",
        "batch": None,
        "email": None,
        "reply_response": None,
        "opt_out_response": None,
        "response_encoding": None,
        "members": 2,
        "opted_out": 0,
        "deleted": 0,
        "loading": False,
        "strict": False,
        "created_at": "1970-01-01T00:00:01.000Z",
    }
    assert api.call("GET", "/v1/lists/7", workspace="rival").status == 404


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_show_every_member_once(api: Api, limit: int) -> None:
    mobiles = [f"+9055500000{n:02d}" for n in range(40)]
    for mobile in mobiles:
        api.tables.seed("members", keys.member(7, mobile), params=["Ali"])
    pages = walk(api, f"/v1/lists/7/members?limit={limit}")
    shown = [member["mobile"] for page in pages for member in page]
    assert sorted(shown) == mobiles
    assert all(len(page) == limit for page in pages[:-1])


def test_a_member_shows_its_marks(api: Api) -> None:
    api.tables.seed("members", keys.member(7, "+6421555666"), params=["Amy"], opted_out=1000)
    (member,) = api.call("GET", "/v1/lists/7/members").json["data"]
    assert member == {
        "mobile": "+6421555666",
        "params": ["Amy"],
        "opted_out": True,
        "opted_out_at": "1970-01-01T00:00:01.000Z",
        "opted_out_from": "list",
        "opted_out_by": None,
        "deleted": False,
        "deleted_at": None,
    }


def test_a_cursor_is_good_only_where_it_comes_from(api: Api) -> None:
    for list_id in (8, 9):
        api.tables.seed("workspaces", keys.list_head("acme", list_id), id=list_id, name="L", created_at=1)
        api.tables.seed("workspaces", keys.list_head("rival", list_id), id=list_id, name="L", created_at=1)
    cursor = api.call("GET", "/v1/lists?limit=1").json["next_cursor"]
    assert api.call("GET", f"/v1/lists?limit=2&cursor={cursor}").status == 200
    for other in ("/v1/campaigns", "/v1/lists/7/members", "/v1/blacklist", "/v1/imports"):
        assert api.call("GET", f"{other}?cursor={cursor}").json["code"] == "invalid_cursor"
    foreign = api.call("GET", f"/v1/lists?cursor={cursor}", workspace="rival")
    assert foreign.json["code"] == "invalid_cursor"
    forged = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    assert api.call("GET", f"/v1/lists?cursor={forged}").status == 422

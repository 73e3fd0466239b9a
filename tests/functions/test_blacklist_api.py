"""The blacklist over the API."""

import pytest

from kabar.storage import keys
from tests.functions.api_client import Api, api, walk

__all__ = ["api"]


def test_a_number_is_blacklisted_once_and_keeps_its_time(api: Api) -> None:
    first = api.call("POST", "/v1/blacklist", {"mobile": "+6421555666"})
    again = api.call("POST", "/v1/blacklist", {"mobile": "+64 (21) 555-666"})
    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json
    assert (first.json["mobile"], first.json["by"]) == ("+6421555666", "api:key:1")
    assert len(api.tables.tables["activity"]) == 1


def test_a_number_without_plus_goes_through_the_prefix_map(api: Api) -> None:
    api.tables.seed("workspaces", keys.prefix_map("acme", "021"), prefix="021", replacement="6421")
    assert api.call("POST", "/v1/blacklist", {"mobile": "021555666"}).json["mobile"] == "+6421555666"


@pytest.mark.parametrize(
    "mobile", ["abc", "+0123456789", "+12", "+614xxxxxxxx", "12345;6789", " ", "+" + "1" * 15]
)
def test_what_is_no_number_is_refused_by_name(api: Api, mobile: str) -> None:
    answer = api.call("POST", "/v1/blacklist", {"mobile": mobile})
    assert (answer.status, answer.pointers) == (422, ["#/mobile"])


@pytest.mark.parametrize("path", ["+6421555666", "%2B6421555666", "6421555666"])
def test_a_number_is_taken_off_the_blacklist(api: Api, path: str) -> None:
    api.call("POST", "/v1/blacklist", {"mobile": "+6421555666"})
    assert api.call("DELETE", f"/v1/blacklist/{path}", workspace="rival").status == 204
    assert len(api.call("GET", "/v1/blacklist").json["data"]) == 1
    for _ in range(2):
        answer = api.call("DELETE", f"/v1/blacklist/{path}")
        assert (answer.status, answer.text) == (204, "")
    assert api.call("GET", "/v1/blacklist").json["data"] == []
    assert len(api.tables.tables["activity"]) == 2


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_the_blacklist_is_shown_newest_first(api: Api, limit: int) -> None:
    mobiles = [f"+64215550{n:02d}" for n in range(20)]
    for at, mobile in enumerate(mobiles):
        api.tables.seed(
            "people",
            keys.standing("acme", mobile),
            mobile=mobile,
            blacklisted={"at": at, "by": "reply:1"},
            by_workspace_pk=keys.blacklist_shard("acme", mobile),
            by_workspace_sk=f"{at:013d}#{mobile}",
        )
    pages = walk(api, f"/v1/blacklist?limit={limit}")
    assert [entry["mobile"] for page in pages for entry in page] == mobiles[::-1]
    assert api.call("GET", "/v1/blacklist", workspace="rival").json["data"] == []

"""Prefixes say what local numbers mean, and a try-out shows it without storing anything [B4]."""

from typing import Any

import pytest

from kabar.domain.access import ROLES, Role
from tests.functions.api_client import Api, api

__all__ = ["api"]

PREFIXES = "/v1/settings/prefixes"


def put(api: Api, prefix: str, replacement: str, tag: str | None = None, **how: Any) -> int:
    headers = {"If-Match": tag} if tag else {}
    answer = api.call("PUT", f"{PREFIXES}/{prefix}", {"replacement": replacement}, headers=headers, **how)
    return answer.status


def saved(api: Api, replacement: str, tag: str | None = None) -> None:
    assert put(api, "021", replacement, tag) == 200


def tag_of(api: Api, prefix: str) -> str:
    return str(api.call("GET", f"{PREFIXES}/{prefix}").headers["ETag"])


def tried(api: Api, *numbers: str) -> list[Any]:
    answer = api.call("POST", f"{PREFIXES}/try", {"numbers": numbers})
    assert answer.status == 200, answer.text
    assert [each["written"] for each in answer.json["data"]] == list(numbers)
    return [each["mobile"] or each["code"] for each in answer.json["data"]]


def shown(api: Api, **how: Any) -> dict[str, str]:
    return {each["prefix"]: each["replacement"] for each in api.call("GET", PREFIXES, **how).json["data"]}


def log(api: Api) -> list[tuple[str, str, Any]]:
    return [(e["who"], e["what"], e["detail"]) for e in api.tables.tables["activity"].values()]


def test_f39_a_prefix_map_that_loops_or_overlaps_is_one_pass_and_the_longest_prefix_wins(api: Api) -> None:
    for prefix, replacement in (("021", "6421"), ("64", "49"), ("0", "90"), ("6421", "21")):
        assert put(api, prefix, replacement) == 200
    assert tried(api, "021555666", "0211 555 666", "0532 765 00 07", "64215556667", "6455566677") == [
        "+6421555666",  # neither 64 nor 6421 is looked at again
        "+64211555666",
        "+905327650007",
        "+215556667",  # 6421, not 64
        "+4955566677",
    ]
    assert tried(api, "+021555666", "+6421555666") == ["first_digit_zero", "+6421555666"]


def test_a_number_is_tried_as_an_import_would_read_it_and_nothing_is_stored(api: Api) -> None:
    put(api, "021", "6421")
    before = {name: dict(rows) for name, rows in api.tables.tables.items() if name != "idempotency"}
    answer = api.call("POST", f"{PREFIXES}/try", {"numbers": ["021 555 666", "+614xxxxxxxx", "+6421555666"]})
    local, letters, clean = answer.json["data"]
    assert local["mobile"] == "+6421555666"
    assert local["changes"] == ["separators_removed", "prefix_mapped", "plus_added"]
    assert (local["code"], local["message"]) == (None, None)
    assert (letters["mobile"], letters["changes"], letters["code"]) == (None, [], "letters")
    assert letters["message"].endswith("('x')")
    assert (clean["mobile"], clean["changes"]) == ("+6421555666", [])
    assert before == {name: rows for name, rows in api.tables.tables.items() if name != "idempotency"}


def test_the_workspace_s_own_digits_and_language_count(api: Api) -> None:
    tag = api.call("GET", "/v1/settings").headers["ETag"]
    fifteen = "+123456789012345"
    assert tried(api, fifteen) == ["too_long"]
    api.call("PATCH", "/v1/settings", {"max_digits": 15}, headers={"If-Match": tag})
    assert tried(api, fifteen) == [fifteen]


def test_an_empty_replacement_takes_a_prefix_away(api: Api) -> None:
    put(api, "00", "")
    assert tried(api, "0090 532 765 00 07") == ["+905327650007"]


def test_prefixes_are_shown_replaced_and_deleted_and_every_change_is_in_the_log(api: Api) -> None:
    assert put(api, "021", "6421") == 200
    assert put(api, "021", "6421") == 200
    assert put(api, "021", "6422", tag_of(api, "021")) == 200
    assert api.call("GET", f"{PREFIXES}/021").json == {"prefix": "021", "replacement": "6422"}
    assert put(api, "0", "64") == 200
    assert shown(api) == {"0": "64", "021": "6422"}
    assert api.call("DELETE", f"{PREFIXES}/021").status == 204
    assert api.call("DELETE", f"{PREFIXES}/021").status == 404
    assert api.call("GET", f"{PREFIXES}/021").status == 404
    assert shown(api) == {"0": "64"}
    assert log(api) == [
        ("api:key:1", "prefix saved", {"prefix": "021", "from": None, "to": "6421"}),
        ("api:key:1", "prefix saved", {"prefix": "021", "from": "6421", "to": "6422"}),
        ("api:key:1", "prefix saved", {"prefix": "0", "from": None, "to": "64"}),
        ("api:key:1", "prefix deleted", {"prefix": "021", "from": "6422"}),
    ]


def test_what_a_prefix_means_is_only_replaced_by_who_saw_it(api: Api) -> None:
    put(api, "021", "6421")
    old = tag_of(api, "021")
    assert put(api, "021", "6422") == 428
    assert put(api, "021", "6422", old) == 200
    assert put(api, "021", "6423", old) == 412
    assert put(api, "022", "6422", old) == 412  # there is nothing that it could be the tag of
    assert put(api, "021", "6423", "*") == 200
    assert shown(api) == {"021": "6423"}


def test_of_two_who_save_at_once_one_is_refused_and_the_log_tells_what_was_replaced(api: Api) -> None:
    api.tables.before.append(lambda: saved(api, "6421"))
    assert put(api, "021", "6422") == 412
    tag = tag_of(api, "021")
    api.tables.before.append(lambda: saved(api, "6423", tag))
    assert put(api, "021", "6424", tag) == 412
    assert shown(api) == {"021": "6423"}
    tag = tag_of(api, "021")
    api.tables.before.append(lambda: saved(api, "6425", tag))
    assert api.call("DELETE", f"{PREFIXES}/021").status == 204
    assert [detail for _, _, detail in log(api)] == [
        {"prefix": "021", "from": None, "to": "6421"},
        {"prefix": "021", "from": "6421", "to": "6423"},
        {"prefix": "021", "from": "6423", "to": "6425"},
        {"prefix": "021", "from": "6425"},
    ]


def test_prefixes_come_in_pages_and_belong_to_one_workspace(api: Api) -> None:
    for prefix in range(120):
        put(api, f"{prefix:03d}", "1")
    found, cursor = [], ""
    while cursor is not None:
        page = api.call("GET", f"{PREFIXES}?limit=50{cursor}").json
        found += [each["prefix"] for each in page["data"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert found == [f"{prefix:03d}" for prefix in range(120)]
    assert shown(api, workspace="rival") == {}
    assert api.call("DELETE", f"{PREFIXES}/000", workspace="rival").status == 404


@pytest.mark.parametrize(
    ("prefix", "replacement"), [("021", "+64"), ("021", "021"), ("021", "6" * 16), ("021", "64 21")]
)
def test_a_replacement_is_digits_from_the_country_code_on(api: Api, prefix: str, replacement: str) -> None:
    answer = api.call("PUT", f"{PREFIXES}/{prefix}", {"replacement": replacement})
    assert (answer.status, answer.pointers) == (422, ["#/replacement"])


@pytest.mark.parametrize("prefix", ["+64", "abc", "0" * 16, "%2B64"])
def test_a_prefix_is_digits(api: Api, prefix: str) -> None:
    assert put(api, prefix, "64") == 404


@pytest.mark.parametrize("numbers", [[], ["1"] * 101, ["1" * 101], [5], "021"])
def test_up_to_100_numbers_can_be_tried(api: Api, numbers: Any) -> None:
    assert api.call("POST", f"{PREFIXES}/try", {"numbers": numbers}).status == 422


def test_who_may_look_may_try_and_only_who_may_change_settings_may_save(api: Api) -> None:
    viewer = ROLES[Role.VIEWER]
    assert api.call("GET", PREFIXES, scopes=viewer).status == 200
    assert api.call("POST", f"{PREFIXES}/try", {"numbers": ["1"]}, scopes=viewer).status == 200
    assert put(api, "021", "6421", scopes=viewer) == 403
    assert api.call("DELETE", f"{PREFIXES}/021", scopes=viewer).status == 403

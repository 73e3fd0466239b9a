"""Members one by one through the API: find, add, edit, delete, opt out, undo [C2]-[C4] [I5]."""

from collections.abc import Callable
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason
from kabar.storage import keys, member_search
from kabar.storage import members as loaded
from kabar.storage.dynamo import Table
from tests.functions.api_client import Answer, Api, api

__all__ = ["api"]

HERE = "/v1/lists/7/members"
AMY = "+6421555666"


@pytest.fixture(autouse=True)
def empty(api: Api) -> None:
    """List 7 has nobody yet."""
    head = api.tables.find("workspaces", keys.list_head("acme", 7))
    assert head
    head |= {"members": 0, "opted_out": 0, "deleted": 0}


def add(api: Api, mobile: str = AMY, *params: str) -> Answer:
    return api.call("POST", HERE, {"mobile": mobile, "params": list(params)})


def counts(api: Api) -> tuple[int, int, int]:
    """(members, opted out, deleted) as the list tells them."""
    shown = api.call("GET", "/v1/lists/7").json
    return shown["members"], shown["opted_out"], shown["deleted"]


def recount(api: Api) -> tuple[int, int, int]:
    """The same by looking at everybody."""
    everybody = list(api.tables.tables["members"].values())
    there = [member for member in everybody if "deleted" not in member]
    return len(there), sum("opted_out" in member for member in there), len(everybody) - len(there)


def standing(api: Api, mobile: str = AMY) -> dict[str, Any]:
    return api.tables.find("people", keys.standing("acme", mobile)) or {}


def seed_loading(api: Api) -> None:
    head = api.tables.find("workspaces", keys.list_head("acme", 7))
    assert head
    head["loading"] = {"an import"}


def test_a_number_is_added_as_it_would_be_imported(api: Api) -> None:
    api.tables.seed("workspaces", keys.prefix_map("acme", "021"), prefix="021", replacement="6421")
    answer = add(api, "021 555-666", "Amy", "Scott")
    assert answer.status == 201
    assert (answer.json["mobile"], answer.json["params"]) == (AMY, ["Amy", "Scott"])
    assert api.call("GET", f"{HERE}/{quote(AMY, safe='')}").json == answer.json
    assert counts(api) == (1, 0, 0)


def test_a_number_that_is_a_member_is_not_added_again(api: Api) -> None:
    add(api, AMY, "Amy")
    answer = add(api, "+64 21 555 666", "Other")
    assert (answer.status, answer.json["code"]) == (409, "already_exists")
    assert api.call("GET", f"{HERE}/{AMY}").json["params"] == ["Amy"]
    assert counts(api) == (1, 0, 0)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"mobile": "+614xxxxxxxx"}, "#/mobile"),
        ({"mobile": "12345;6789"}, "#/mobile"),
        ({"mobile": ""}, "#/mobile"),
        ({"mobile": 6421555666}, "#/mobile"),
        ({"params": []}, "#/mobile"),
        ({"mobile": AMY, "params": ["x"] * 7}, "#/params"),
        ({"mobile": AMY, "params": ["x" * 51]}, "#/params/0"),
        ({"mobile": AMY, "params": ["a\0b"]}, "#/params"),
        ({"mobile": AMY, "params": [1]}, "#/params/0"),
        ({"mobile": AMY, "name": "Amy"}, "#/name"),
    ],
)
def test_a_member_within_no_rule_is_refused_by_name(api: Api, body: dict[str, Any], pointer: str) -> None:
    answer = api.call("POST", HERE, body)
    assert (answer.status, answer.pointers) == (422, [pointer])
    assert counts(api) == (0, 0, 0)


def test_put_makes_a_member_and_replaces_its_params(api: Api) -> None:
    first = api.call("PUT", f"{HERE}/{AMY}", {"params": ["Amy"]})
    again = api.call("PUT", f"{HERE}/{AMY}", {"params": []})
    assert (first.status, again.status, again.json["params"]) == (201, 200, [])
    assert counts(api) == (1, 0, 0)


def test_an_edit_changes_what_it_names(api: Api) -> None:
    tag = add(api, AMY, "Amy").headers["ETag"]
    answer = api.call("PATCH", f"{HERE}/{AMY}", {"params": ["Amy", "Smith"]}, headers={"If-Match": tag})
    assert (answer.status, answer.json["mobile"], answer.json["params"]) == (200, AMY, ["Amy", "Smith"])
    assert answer.headers["ETag"] == api.call("GET", f"{HERE}/{AMY}").headers["ETag"] != tag


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [({}, 428, "precondition_required"), ({"If-Match": '"stale"'}, 412, "precondition_failed")],
)
def test_an_edit_says_what_it_was_made_from(
    api: Api, headers: dict[str, str], status: int, code: str
) -> None:
    add(api, AMY, "Amy")
    answer = api.call("PATCH", f"{HERE}/{AMY}", {"params": []}, headers=headers)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert api.call("GET", f"{HERE}/{AMY}").json["params"] == ["Amy"]


def test_an_edit_that_another_one_overtakes_is_refused(api: Api) -> None:
    tag = add(api, AMY, "Amy").headers["ETag"]

    def overtake() -> None:
        api.call("PUT", f"{HERE}/{AMY}", {"params": ["Faster"]})

    api.tables.before.append(overtake)
    answer = api.call("PATCH", f"{HERE}/{AMY}", {"params": ["Slower"]}, headers={"If-Match": tag})
    assert answer.status == 412
    assert api.call("GET", f"{HERE}/{AMY}").json["params"] == ["Faster"]


def test_a_new_number_takes_the_params_and_leaves_the_old_one_deleted(api: Api) -> None:
    tag = add(api, AMY, "Amy").headers["ETag"]
    api.call("PUT", f"{HERE}/{AMY}/opt-out")
    tag = api.call("GET", f"{HERE}/{AMY}").headers["ETag"]
    answer = api.call("PATCH", f"{HERE}/{AMY}", {"mobile": "+6421555667"}, headers={"If-Match": tag})
    assert (answer.json["mobile"], answer.json["params"]) == ("+6421555667", ["Amy"])
    assert answer.json["opted_out"] is False  # who opted out is the old number
    old = api.call("GET", f"{HERE}/{AMY}").json
    assert (old["deleted"], old["opted_out"], old["params"]) == (True, True, [])
    assert counts(api) == (1, 0, 1) == recount(api)


def test_a_number_cannot_become_another_member(api: Api) -> None:
    tag = add(api, AMY, "Amy").headers["ETag"]
    add(api, "+6421555667", "Budi")
    answer = api.call("PATCH", f"{HERE}/{AMY}", {"mobile": "+6421555667"}, headers={"If-Match": tag})
    assert (answer.status, answer.json["code"]) == (409, "already_exists")
    assert counts(api) == (2, 0, 0) == recount(api)


def test_an_edit_of_nothing_is_refused(api: Api) -> None:
    add(api)
    assert api.call("PATCH", f"{HERE}/{AMY}", {}, headers={"If-Match": "x"}).status == 422


def test_a_deleted_member_loses_its_params_and_stays_findable(api: Api) -> None:
    add(api, AMY, "Amy")
    assert [api.call("DELETE", f"{HERE}/{AMY}").status for _ in range(2)] == [204, 204]
    shown = api.call("GET", f"{HERE}/{AMY}").json
    assert (shown["deleted"], shown["params"]) == (True, [])
    assert "Amy" not in str(api.tables.tables["members"])
    assert found(api, "deleted=true") == [AMY]
    assert counts(api) == (0, 0, 1)


def test_adding_a_deleted_number_makes_it_a_member_again(api: Api) -> None:
    add(api, AMY, "Amy")
    api.call("DELETE", f"{HERE}/{AMY}")
    assert add(api, AMY, "Back").status == 201
    assert counts(api) == (1, 0, 0) == recount(api)
    assert found(api, "deleted=true") == []
    assert found(api, "deleted=false") == [AMY]


def test_an_opt_out_by_hand_stops_the_list_and_is_counted_once(api: Api) -> None:
    add(api, AMY, "Amy")
    first, again = (api.call("PUT", f"{HERE}/{AMY}/opt-out").json for _ in range(2))
    assert first == again
    assert first["opted_out"] is True
    assert suppression(standing(api), 7) is Reason.OPTED_OUT
    assert suppression(standing(api), 8) is Reason.NONE
    assert standing(api)["lists"]["7"]["by"] == "api:key:1"
    assert counts(api) == (1, 1, 0)


def test_an_undone_opt_out_lets_the_list_through_again_and_is_logged(api: Api) -> None:
    add(api, AMY, "Amy")
    api.call("PUT", f"{HERE}/{AMY}/opt-out")
    shown = [api.call("DELETE", f"{HERE}/{AMY}/opt-out").json for _ in range(2)]
    assert [(each["opted_out"], each["opted_out_at"]) for each in shown] == [(False, None)] * 2
    assert suppression(standing(api), 7) is Reason.NONE
    assert counts(api) == (1, 0, 0)
    assert found(api, "opted_out=true") == []
    log = [entry["what"] for entry in api.tables.tables["activity"].values()]
    assert sorted(log) == ["member added", "member opted out", "opt-out undone"]


def test_undoing_an_opt_out_leaves_the_blacklist_and_other_lists_alone(api: Api) -> None:
    add(api)
    api.call("POST", "/v1/blacklist", {"mobile": AMY})
    api.call("PUT", f"{HERE}/{AMY}/opt-out")
    standing(api)["lists"]["9"] = {"at": 1, "by": "reply:x"}
    api.call("DELETE", f"{HERE}/{AMY}/opt-out")
    assert suppression(standing(api), 7) is Reason.BLACKLISTED
    assert standing(api)["lists"] == {"9": {"at": 1, "by": "reply:x"}}


def test_who_opted_out_before_is_added_as_opted_out(api: Api) -> None:
    left = {"7": {"at": 5000, "by": "reply:x"}}
    api.tables.seed("people", keys.standing("acme", AMY), lists=left)
    assert add(api).json["opted_out_at"] == "1970-01-01T00:00:05.000Z"
    assert counts(api) == (1, 1, 0)
    assert found(api, "opted_out=true") == [AMY]


def test_who_opted_out_of_everything_is_marked_on_the_list_and_found_with_where_from(api: Api) -> None:
    for mobile in (AMY, "+64211110001", "+64211110002", "+64211110003"):
        add(api, mobile)
    left = {"at": 5000, "by": "reply:x"}
    api.tables.seed("people", keys.standing("acme", "+64211110001"), everything=left)
    api.tables.seed("people", keys.standing("acme", "+64211110002"), blacklisted=left | {"by": "api:key:1"})
    api.tables.seed("people", keys.standing("acme", "+64211110003"), lists={"8": left})
    assert found(api, "opted_out=true") == ["+64211110001", "+64211110002"]
    assert found(api, "opted_out=false") == sorted([AMY, "+64211110003"])
    shown = api.call("GET", f"{HERE}/+64211110001").json
    assert (shown["opted_out"], shown["opted_out_from"]) == (True, "everything")
    assert (shown["opted_out_at"], shown["opted_out_by"]) == ("1970-01-01T00:00:05.000Z", "reply:x")
    assert api.call("GET", f"{HERE}/+64211110002").json["opted_out_from"] == "blacklist"
    assert api.call("PUT", f"{HERE}/+64211110001/opt-out").json["opted_out_from"] == "list"
    undone = api.call("DELETE", f"{HERE}/+64211110001/opt-out").json
    assert (undone["opted_out"], undone["opted_out_from"]) == (True, "everything")


def test_an_opt_out_while_a_member_is_added_is_not_lost(api: Api) -> None:
    left = {"7": {"at": 5000, "by": "reply:x"}}
    api.tables.before.append(lambda: api.tables.seed("people", keys.standing("acme", AMY), lists=left))
    assert add(api).json["opted_out"] is True
    assert counts(api) == (1, 1, 0) == recount(api)


@pytest.mark.parametrize("suffix", ["", "/opt-out"])
def test_what_is_no_member_is_not_found(api: Api, suffix: str) -> None:
    assert api.call("PUT", f"{HERE}/{AMY}/opt-out").status == 404
    assert api.call("DELETE", f"{HERE}/{AMY}/opt-out").status == 404
    assert api.call("GET", f"{HERE}/{AMY}").status == 404
    assert api.call("PATCH", f"{HERE}/{AMY}", {"params": []}, headers={"If-Match": "x"}).status == 404
    assert "people" not in api.tables.tables or not standing(api)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"mobile": AMY}),
        ("PUT", f"/{AMY}", {"params": []}),
        ("GET", f"/{AMY}", None),
        ("PATCH", f"/{AMY}", {"params": []}),
        ("DELETE", f"/{AMY}", None),
        ("PUT", f"/{AMY}/opt-out", None),
        ("DELETE", f"/{AMY}/opt-out", None),
        ("GET", "", None),
    ],
)
def test_another_workspace_finds_no_list(api: Api, method: str, path: str, body: Any) -> None:
    add(api, AMY, "Amy")
    assert api.call(method, HERE + path, body, workspace="rival").status == 404
    assert counts(api) == (1, 0, 0)


@pytest.mark.parametrize(
    "edit",
    [
        lambda api: add(api, "+6421555667"),
        lambda api: api.call("PUT", f"{HERE}/{AMY}", {"params": []}),
        lambda api: api.call("DELETE", f"{HERE}/{AMY}"),
    ],
)
def test_nothing_is_edited_while_an_import_writes_the_list_but_everybody_can_opt_out(
    api: Api, edit: Callable[[Api], Answer]
) -> None:
    add(api, AMY, "Amy")
    seed_loading(api)
    answer = edit(api)
    assert (answer.status, answer.json["code"]) == (409, "list_loading")
    assert api.call("PUT", f"{HERE}/{AMY}/opt-out").json["opted_out"] is True
    assert counts(api) == (1, 1, 0) == recount(api)


def test_f44_a_member_edited_or_opted_out_after_the_snapshot_is_suppressed(api: Api) -> None:
    """What a slice asks before each call is the standing, which the opt-out has changed once it is answered."""
    add(api, AMY, "Amy")
    frozen = [AMY]
    api.call("PUT", f"{HERE}/{AMY}", {"params": ["Other"]})
    api.call("PUT", f"{HERE}/{AMY}/opt-out")
    assert [suppression(standing(api, mobile), 7) for mobile in frozen] == [Reason.OPTED_OUT]


# ---- search ---------------------------------------------------------------------------------------------


def found(api: Api, query: str = "", limit: int = 100) -> list[str]:
    """The numbers on all pages."""
    mobiles, cursor = [], ""
    while True:
        page = api.call("GET", f"{HERE}?limit={limit}&{query}{cursor}").json
        mobiles += [member["mobile"] for member in page["data"]]
        if page["next_cursor"] is None:
            return mobiles
        cursor = f"&cursor={page['next_cursor']}"


def seed(api: Api, mobile: str, *, opted_out: bool, deleted: bool) -> None:
    marks = {name: 1 for name, there in (("opted_out", opted_out), ("deleted", deleted)) if there}
    index = keys.deleted_mark(7, mobile) if deleted else {}
    api.tables.seed("members", keys.member(7, mobile), params=[], at=1, **marks, **index)


EVERY_MARK = list(product([False, True], repeat=2))


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("deleted", [None, True, False])
@pytest.mark.parametrize("opted_out", [None, True, False])
@pytest.mark.parametrize("leading", [None, "+", "+642", "+64210000000003"])
def test_a_search_combines_its_filters_and_shows_everybody_once_in_order(
    api: Api, leading: str | None, opted_out: bool | None, deleted: bool | None, limit: int
) -> None:
    everybody = {f"+642{n}000000000{m}": EVERY_MARK[(n + m) % 4] for n in range(1, 6) for m in range(10)}
    everybody |= {"+90555000001": (True, True), "+90555000002": (False, False)}
    for mobile, (left, gone) in everybody.items():
        seed(api, mobile, opted_out=left, deleted=gone)
    filters = {"mobile": leading, "opted_out": opted_out, "deleted": deleted}
    query = "&".join(f"{name}={str(v).lower()}" for name, v in filters.items() if v is not None)
    assert found(api, query, limit) == sorted(
        mobile
        for mobile, (left, gone) in everybody.items()
        if mobile.startswith(leading or "+") and opted_out in {None, left} and deleted in {None, gone}
    )


@pytest.mark.parametrize("written", ["%2B6421", "+6421", "6421"])
def test_a_leading_part_is_taken_however_an_address_spells_its_plus(api: Api, written: str) -> None:
    for mobile in (AMY, "+905321234567"):
        seed(api, mobile, opted_out=False, deleted=False)
    assert found(api, f"mobile={written}") == [AMY]


@pytest.mark.parametrize("query", ["mobile=abc", "mobile=%2B64-21", "opted_out=perhaps", "deleted=2"])
def test_a_filter_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    answer = api.call("GET", f"{HERE}?{query}")
    assert (answer.status, answer.pointers) == (422, [query.split("=", maxsplit=1)[0]])


@pytest.mark.parametrize("query", ["", "opted_out=true", "opted_out=false&deleted=false", "mobile=%2B642"])
def test_a_page_costs_a_bounded_number_of_reads_however_few_match(api: Api, query: str) -> None:
    for n in range(3000):
        seed(api, f"+6421{n:07d}", opted_out=n % 50 != 0, deleted=False)
    api.tables.calls.clear()
    api.call("GET", f"{HERE}?limit=20&{query}")
    assert api.tables.calls.count("query") <= member_search.ROUNDS * keys.MEMBER_SHARDS


@pytest.mark.parametrize("query", ["", "mobile=%2B6421000"])
def test_a_page_of_many_that_match_asks_every_shard_once_for_little_more_than_it_shows(
    api: Api, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    for n in range(3000):
        seed(api, f"+6421{n:07d}", opted_out=False, deleted=False)
    asked: list[int] = []
    call = api.tables.query

    def counted(**how: Any) -> Any:
        asked.append(how["Limit"])
        return call(**how)

    monkeypatch.setattr(api.tables, "query", counted)
    pages = 0
    cursor: str | None = ""
    while cursor is not None and pages < 3:
        page = api.call("GET", f"{HERE}?limit=80&{query}{cursor}").json
        cursor, pages = page["next_cursor"] and f"&cursor={page['next_cursor']}", pages + 1
        assert len(page["data"]) == 80
    assert len(asked) == pages * keys.MEMBER_SHARDS
    assert sum(asked) <= pages * (2 * 80 + 8 * keys.MEMBER_SHARDS)


# ---- counters -------------------------------------------------------------------------------------------

NUMBERS = [f"+642155566{n}" for n in range(3)]
STEPS = st.tuples(
    st.sampled_from(["add", "put", "edit", "move", "delete", "leave", "return", "import"]),
    st.sampled_from(NUMBERS),
    st.sampled_from(NUMBERS),
)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=25))
def test_counters_and_index_agree_with_the_members_whatever_happens(
    api: Api, steps: list[tuple[str, str, str]]
) -> None:
    api.tables.tables["members"].clear()
    api.tables.tables["people"].clear()
    head = api.tables.find("workspaces", keys.list_head("acme", 7))
    assert head
    head |= {"members": 0, "opted_out": 0, "deleted": 0}
    for n, (step, mobile, other) in enumerate(steps):
        apply(api, step, mobile, other, f"import {n}")
        assert counts(api) == recount(api)
        for mark in ("opted_out", "deleted"):
            marked = sorted(m["sk"] for m in api.tables.tables["members"].values() if mark in m)
            assert found(api, f"{mark}=true") == marked


def apply(api: Api, step: str, mobile: str, other: str, name: str) -> None:
    there = f"{HERE}/{mobile}"
    tag = {"If-Match": api.call("GET", there).headers.get("ETag", "none")}
    match step:
        case "add":
            add(api, mobile, "a")
        case "put":
            api.call("PUT", there, {"params": ["b"]})
        case "edit":
            api.call("PATCH", there, {"params": ["c"]}, headers=tag)
        case "move":
            api.call("PATCH", there, {"mobile": other}, headers=tag)
        case "delete":
            api.call("DELETE", there)
        case "leave":
            api.call("PUT", f"{there}/opt-out")
        case "return":
            api.call("DELETE", f"{there}/opt-out")
        case _:
            members = Table("members", api.tables)
            result = loaded.load(
                members, 7, name, [(mobile, ["d"]), *([(other, [])] if other != mobile else [])], 9
            )
            head = api.tables.find("workspaces", keys.list_head("acme", 7))
            assert head
            head["members"] += result["added"] + result["readded"]
            head["opted_out"] += result["opted_out"]
            head["deleted"] -= result["readded"]

"""The inbox by the API: found, read, opted out by hand and undone [I1] [I5]."""

from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason
from kabar.storage import keys
from tests.functions.api_client import Api, api

__all__ = ["api"]

AT = 1_772_359_500_000
AMY, BEA = "+6421555666", "+6421555777"
_IDS = count(50_000)


def seed_reply(api: Api, mobile: str = AMY, text: str = "hello", at: int = AT, **more: Any) -> int:
    """A reply as `handle_reply` puts it; our id of it."""
    reply_id = next(_IDS)
    key = keys.reply("acme", mobile, "infobip", f"c{reply_id}")
    where = {"by_workspace_pk": keys.inbox_shard("acme", mobile)}
    where |= {"by_workspace_sk": f"{at:013d}#{reply_id:016d}"}
    said = {
        "reply_id": reply_id,
        "id": f"c{reply_id}",
        "mobile": mobile,
        "to": "3774",
        "text": text,
        "at": at,
    }
    api.tables.seed("people", key, **said, **where, opt_out=False, via="reply", **more)
    pointer = keys.reply_by_id("acme", reply_id)
    api.tables.seed("people", pointer, mobile=mobile, reply=key["sk"])
    return reply_id


def found(api: Api, query: str = "") -> list[int]:
    """Ids of all pages."""
    ids: list[int] = []
    cursor = ""
    while True:
        page = api.call("GET", f"/v1/inbox?limit=7&{query}{cursor}")
        assert page.status == 200, page.text
        ids += [reply["id"] for reply in page.json["data"]]
        if page.json["next_cursor"] is None:
            return ids
        cursor = f"&cursor={quote(page.json['next_cursor'])}"


def standing(api: Api, mobile: str = AMY) -> dict[str, Any]:
    return api.tables.find("people", keys.standing("acme", mobile)) or {}


def test_a_reply_shows_what_was_said_and_who_said_it(api: Api) -> None:
    api.tables.seed("members", keys.member(7, AMY), params=["Amy", "Scott"], at=1)
    tied: dict[str, Any] = {"message": 5001, "campaign": 4000, "list": 7, "list_name": "Gym", "batch": "Q4"}
    reply_id = seed_reply(api, **tied, command="opt_out", left="list")
    api.tables.seed("people", keys.standing("acme", AMY), lists={"7": {"at": 1, "by": "reply:1"}})
    assert api.call("GET", f"/v1/inbox/{reply_id}").json == {
        "id": reply_id,
        "mobile": AMY,
        "to": "3774",
        "content": "hello",
        "received_at": "2026-03-01T10:05:00.000Z",
        "reply_to": 5001,
        "campaign_id": 4000,
        "list_id": 7,
        "list_name": "Gym",
        "batch": "Q4",
        "params": ["Amy", "Scott"],
        "command": "opt_out",
        "left": "list",
        "keyword": None,
        "opted_out": True,
        "blacklisted": False,
        "read": False,
        "read_at": None,
        "response_id": None,
    }


def test_replies_come_newest_first_in_pages(api: Api) -> None:
    ids = [seed_reply(api, f"+6421555{n:03d}", at=AT + n) for n in range(30)]
    assert found(api) == ids[::-1]


def test_replies_of_the_same_moment_are_all_there(api: Api) -> None:
    ids = [seed_reply(api, f"+6421555{n:03d}") for n in range(30)]
    assert found(api) == ids[::-1]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("mobile=%2B6421555666", ["amy", "amy again"]),
        ("mobile=6421555666", ["amy", "amy again"]),
        ("mobile=%2B64215557", ["bea"]),
        ("mobile=%2B64", ["amy", "amy again", "bea"]),
        ("mobile=%2B6421555999", []),
        ("content=see%20you", ["amy"]),
        ("content=IPTAL", ["bea"]),
        ("content=%C4%B1ptal", ["bea"]),
        ("list_id=7", ["amy", "amy again"]),
        ("list_id=8", ["bea"]),
        ("batch=q4", ["amy", "amy again"]),
        ("opted_out=true", ["amy", "amy again"]),
        ("opted_out=false", ["bea"]),
        ("read=true", ["amy"]),
        ("read=false", ["amy again", "bea"]),
        ("from=2026-03-01T10:05:00.001Z", ["amy again", "bea"]),
        ("to=2026-03-01T10:05:00.001Z", ["amy"]),
        ("from=2026-03-01T10:05:00.001Z&to=2026-03-01T10:05:00.002Z", ["amy again"]),
        ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", []),
        ("mobile=%2B6421555666&from=2026-03-01T10:05:00.001Z", ["amy again"]),
        ("list_id=7&read=false&opted_out=true", ["amy again"]),
    ],
)
def test_replies_are_found_by_what_they_are(api: Api, query: str, names: list[str]) -> None:
    gym: dict[str, Any] = {"list": 7, "batch": "2026-Q4"}
    known = {
        seed_reply(api, AMY, "See YOU there", AT, **gym, read_at=1): "amy",
        seed_reply(api, AMY, "ok", AT + 1, **gym): "amy again",
        seed_reply(api, BEA, "İptal mi?", AT + 2, list=8): "bea",
    }
    api.tables.seed("people", keys.standing("acme", AMY), lists={"7": {"at": 1, "by": "reply:1"}})
    blacklisted = {"blacklisted": {"at": 1, "by": "reply:1"}, "mobile": BEA}
    api.tables.seed("people", keys.standing("acme", BEA), **blacklisted)
    assert [known[reply_id] for reply_id in found(api, query)][::-1] == names


def test_a_search_that_few_match_looks_through_so_many_a_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kabar.storage.inbox.LOOKED_THROUGH", 10)
    ids = [seed_reply(api, f"+6421555{n:03d}", text=f"no {n}.", at=AT + n) for n in range(35)]
    page = api.call("GET", "/v1/inbox?content=no%203.")
    assert page.json["data"] == []
    assert page.json["next_cursor"]
    assert found(api, "content=no%203.") == [ids[3]]


def test_a_reply_is_marked_as_read_and_unread(api: Api) -> None:
    path = f"/v1/inbox/{seed_reply(api)}"
    first = api.call("PATCH", path, {"read": True}).json
    assert first["read"]
    assert api.call("PATCH", path, {"read": True}).json["read_at"] == first["read_at"]
    assert api.call("PATCH", path, {"read": False}).json["read_at"] is None
    assert api.call("PATCH", path, {"read": None}).status == 422


def test_the_button_opts_the_number_out_of_everything_and_undoes_it(api: Api) -> None:
    """[I5], logged."""
    path = f"/v1/inbox/{seed_reply(api, list=7)}/opt-out"
    assert api.call("POST", path).json["opted_out"] is True
    mark = standing(api)["everything"]
    assert mark["by"] == "api:key:1"
    assert suppression(standing(api), 99) is Reason.OPTED_OUT
    api.call("POST", path)
    assert standing(api)["everything"] == mark
    assert api.call("DELETE", path).json["opted_out"] is False
    assert api.call("DELETE", path).status == 200
    assert "everything" not in standing(api)
    logged = [
        (entry["what"], entry["about"], entry["who"]) for entry in api.tables.tables["activity"].values()
    ]
    assert sorted(logged) == [("opt-out undone", AMY, "api:key:1"), ("opted out", AMY, "api:key:1")]


def test_undo_takes_back_what_this_reply_did_and_no_other_opt_out(api: Api) -> None:
    """A customer wrote CANCEL and meant an appointment."""
    reply_id = seed_reply(api, list=7, command="opt_out", left="list")
    own, other = {"at": 1, "by": f"reply:c{reply_id}", "to": "3774"}, {"at": 2, "by": "api:key:1"}
    api.tables.seed("people", keys.standing("acme", AMY), lists={"7": own, "8": other}, blacklisted=other)
    api.tables.seed("workspaces", keys.list_head("acme", 7), id=7, name="Gym", members=2, opted_out=1)
    api.tables.seed("members", keys.member(7, AMY), params=[], at=1, opted_out=1)
    assert api.call("DELETE", f"/v1/inbox/{reply_id}/opt-out").json["opted_out"] is False
    assert standing(api)["lists"] == {"8": other}
    assert standing(api)["blacklisted"] == other
    assert "opted_out" not in (api.tables.find("members", keys.member(7, AMY)) or {})
    assert (api.tables.find("workspaces", keys.list_head("acme", 7)) or {})["opted_out"] == 0


def test_a_reply_of_another_workspace_is_not_there(api: Api) -> None:
    reply_id = seed_reply(api)
    for method, path, body in (
        ("GET", f"/v1/inbox/{reply_id}", None),
        ("PATCH", f"/v1/inbox/{reply_id}", {"read": True}),
        ("POST", f"/v1/inbox/{reply_id}/opt-out", None),
        ("DELETE", f"/v1/inbox/{reply_id}/opt-out", None),
    ):
        assert api.call(method, path, body, workspace="rival").status == 404
    assert standing(api) == {}


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "limit=0", "mobile=abc", "opted_out=maybe", "cursor=x", "list_id=0", "content="],
)
def test_a_filter_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    assert api.call("GET", f"/v1/inbox?{query}").status == 422


def test_a_cursor_is_good_for_its_own_search_only(api: Api) -> None:
    for n in range(3):
        seed_reply(api, at=AT + n)
    cursor = quote(api.call("GET", "/v1/inbox?limit=1").json["next_cursor"])
    assert api.call("GET", f"/v1/inbox?limit=1&content=hello&cursor={cursor}").status == 422


def test_what_a_reply_did_and_somebody_confirms_by_hand_is_theirs(api: Api) -> None:
    """[I5]: START undoes only what a reply did."""
    of_reply = {"at": 5, "by": "reply:1", "to": "3774", "said": 1}
    marks = {"everything": of_reply, "blacklisted": of_reply, "lists": {"7": of_reply}}
    api.tables.seed("people", keys.standing("acme", AMY), mobile=AMY, **marks)
    api.tables.seed("members", keys.member(7, AMY), params=[], at=1, opted_out=5)
    reply_id = seed_reply(api, list=7)
    for _ in range(2):
        assert api.call("POST", f"/v1/inbox/{reply_id}/opt-out").status == 200
        assert api.call("POST", "/v1/blacklist", {"mobile": AMY}).status == 200
        assert api.call("PUT", f"/v1/lists/7/members/{AMY}/opt-out").status == 200
    by_hand = {"at": 5, "by": "api:key:1"}
    now = standing(api)
    assert (now["everything"], now["blacklisted"], now["lists"]["7"]) == (by_hand,) * 3
    logged = sorted(entry["what"] for entry in api.tables.tables["activity"].values())
    assert logged == ["member opted out", "opted out"]

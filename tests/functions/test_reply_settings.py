"""Opt-out commands and how replies are handled, by the API [I3] [I4] [I9]."""

from typing import Any
from urllib.parse import quote

import pytest

from kabar.domain.commands import MAX_OWN, OPT_OUT_WORDS, command_in, commands_of
from kabar.storage import keys
from tests.functions.api_client import Answer, Api, api

__all__ = ["api"]

COMMANDS, REPLIES = "/v1/settings/opt-out-commands", "/v1/settings/replies"


def commands(api: Api) -> dict[str, dict[str, Any]]:
    return {command["word"]: command for command in api.call("GET", COMMANDS).json["commands"]}


def logged(api: Api) -> list[tuple[str, Any]]:
    return [(entry["what"], entry["detail"]) for entry in api.tables.tables["activity"].values()]


def settings(api: Api) -> dict[str, Any]:
    return api.tables.find("workspaces", keys.settings("acme")) or {}


def test_the_standard_commands_are_there_and_count(api: Api) -> None:
    shown = commands(api)
    assert {shown[word]["enabled"] for word in OPT_OUT_WORDS} == {True}
    assert (shown["START"]["means"], shown["YES"]["enabled"]) == ("opt_in", False)


@pytest.mark.parametrize("written", ["iptal", "%C4%B0PTAL", "İptal", "ıptal"])
def test_a_standard_command_is_switched_off_and_on_however_it_is_written(api: Api, written: str) -> None:
    off = api.call("PUT", f"{COMMANDS}/{written}", {"enabled": False})
    assert (off.status, off.json["word"], off.json["own"]) == (200, "İPTAL", False)
    assert commands(api)["İPTAL"]["enabled"] is False
    assert command_in("iptal", commands_of(settings(api))) is None
    assert api.call("PUT", f"{COMMANDS}/{written}", {"enabled": True}).status == 200
    assert command_in("iptal", commands_of(settings(api)))
    assert len(commands(api)) == len(commands_of({}))
    entry = {"word": "İPTAL", "means": "opt_out", "enabled": False}
    assert ("opt-out command saved", entry) in logged(api)


def test_a_workspace_adds_words_of_its_own_and_takes_them_away(api: Api) -> None:
    path = f"{COMMANDS}/{quote('Kabar  ret')}"
    added = api.call("PUT", path, {})
    assert added.json == {"word": "Kabar ret", "means": "opt_out", "enabled": True, "own": True}
    assert command_in("KABAR RET!", commands_of(settings(api)))
    assert api.call("PUT", f"{COMMANDS}/daha", {"means": "opt_in"}).json["means"] == "opt_in"
    assert api.call("DELETE", path).status == 204
    assert api.call("DELETE", path).status == 404
    assert command_in("KABAR RET!", commands_of(settings(api))) is None


def test_a_standard_command_can_not_be_deleted(api: Api) -> None:
    answer = api.call("DELETE", f"{COMMANDS}/stop")
    assert (answer.status, answer.json["code"]) == (409, "status_conflict")


@pytest.mark.parametrize("word", ["...", "%F0%9F%9B%91", "x" * 51, "%00"])
def test_what_no_reply_can_be_is_no_command(api: Api, word: str) -> None:
    assert api.call("PUT", f"{COMMANDS}/{word}", {}).status == 422


def test_saying_the_same_again_is_logged_once(api: Api) -> None:
    for _ in range(2):
        api.call("PUT", f"{COMMANDS}/stop", {"enabled": False})
    assert len(logged(api)) == 1


def test_there_are_only_so_many_commands(api: Api) -> None:
    own = {f"w{n}": {"word": f"w{n}", "means": "opt_out", "enabled": True} for n in range(MAX_OWN)}
    api.tables.seed("workspaces", keys.settings("acme"), **settings(api) | {"commands": own})
    assert api.call("PUT", f"{COMMANDS}/one-more", {}).status == 409
    assert api.call("PUT", f"{COMMANDS}/w1", {"enabled": False}).status == 200


def test_two_changes_at_once_are_both_there(api: Api) -> None:

    def meanwhile() -> None:
        api.call("PUT", f"{COMMANDS}/stop", {"enabled": False})

    api.tables.before.append(meanwhile)
    api.call("PUT", f"{COMMANDS}/end", {"enabled": False})
    assert not commands(api)["STOP"]["enabled"]
    assert not commands(api)["END"]["enabled"]


def change(api: Api, body: dict[str, Any], tag: str | None = None) -> Answer:
    tag = tag or api.call("GET", REPLIES).headers["ETag"]
    return api.call("PATCH", REPLIES, body, headers={"If-Match": tag})


def test_how_replies_are_handled_can_be_seen_and_changed(api: Api) -> None:
    seen = api.call("GET", REPLIES)
    assert seen.json == {
        "opt_out_scope": "list",
        "reply_window_hours": 72,
        "responses_per_hour": 3,
        "forward_replies": True,
        "reply_response": None,
        "opt_out_response": None,
        "response_encoding": "gsm",
    }
    new = {"opt_out_scope": "everything", "reply_window_hours": 24, "opt_out_response": "Tamam."}
    assert change(api, new).json == seen.json | new
    assert settings(api)["opt_out_scope"] == "everything"
    assert change(api, {"opt_out_response": None}).json["opt_out_response"] is None
    assert change(api, new, seen.headers["ETag"]).status == 412
    assert api.call("PATCH", REPLIES, new).status == 428
    assert "Tamam" not in str(logged(api))


@pytest.mark.parametrize(
    "body",
    [
        {"opt_out_scope": "blacklist"},
        {"opt_out_scope": None},
        {"reply_window_hours": 0},
        {"reply_window_hours": 721},
        {"reply_window_hours": "72"},
        {"responses_per_hour": 0},
        {"opt_out_response": "x" * 161},
        {"opt_out_response": ""},
        {"response_encoding": "klingon"},
        {"unknown": 1},
    ],
)
def test_what_makes_no_sense_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert change(api, body).status == 422
    assert "opt_out_scope" not in settings(api)

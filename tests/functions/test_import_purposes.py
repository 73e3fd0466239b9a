"""Files that delete members or fill the blacklist, once, whatever is repeated on the way [C3] [I6]."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import wiring
from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason
from kabar.storage import executions, keys, mail, work
from kabar.storage.dynamo import Table
from kabar.storage.import_heads import Heads, execution
from tests.functions.api_client import REQUEST_ID, Api, api
from tests.functions.import_rig import FakeMail, FakeS3, event
from tests.functions.loading import load

__all__ = ["api"]

MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:import"
NUMBERS = [f"+6421555{n:04d}" for n in range(5)]


class World:
    """The API's tables with the functions of import_list around them."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api, self.s3, self._monkeypatch = api, FakeS3(), monkeypatch
        self.mail = FakeMail()
        monkeypatch.setenv("IMPORT_LIST_ARN", MACHINE)
        wiring._s3()  # the API keeps its own client

    def function(self, name: str) -> ModuleType:
        work.client.cache_clear()
        executions.client.cache_clear()
        mail.client.cache_clear()
        return load(name, self._monkeypatch, **{**vars(self.api.clients), "s3": self.s3, "ses": self.mail})

    def drop(self, key: str, content: str) -> dict[str, Any]:
        """Put an object and take its event; the input of the execution it starts."""
        self.s3.objects["uploads", key, "v1"] = content.encode()
        before = set(self.api.clients.started)
        self.function("receive_upload").handler(event(key, content=content.encode()), None)
        (name,) = set(self.api.clients.started) - before
        started: dict[str, Any] = self.api.clients.started[name]
        return started

    def validate(self, started: dict[str, Any]) -> dict[str, Any]:
        answers = [self.function("validate_list").handler(started, None) for _ in range(2)]
        assert answers[0] == answers[1]
        return dict(answers[0])

    def parts(self, function: str, started: dict[str, Any], validated: dict[str, Any], **more: Any) -> None:
        for part in validated["parts"] * 2:
            event = {**started, "list_id": validated["list_id"], "part": part, **more}
            self.function(function).handler(event, None)

    def finish(self, started: dict[str, Any], outcome: str) -> dict[str, Any]:
        for _ in range(2):
            self.function("finish_import").handler({**started, "outcome": outcome}, None)
        shown = self.api.call("GET", f"/v1/imports/{started['import_id']}")
        assert shown.status == 200, shown.text
        return dict(shown.json)


@pytest.fixture
def world(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """List 7, Gym, has the NUMBERS; the second has opted out of it and the last is deleted."""
    head = api.tables.find("workspaces", keys.list_head("acme", 7))
    assert head
    head |= {"members": 0, "opted_out": 0, "deleted": 0}
    api.tables.seed("workspaces", keys.list_name("acme", "Gym"), list_id=7)
    for mobile in NUMBERS:
        api.call("POST", "/v1/lists/7/members", {"mobile": mobile, "params": ["Amy"]})
    api.call("PUT", f"/v1/lists/7/members/{NUMBERS[1]}/opt-out")
    api.call("DELETE", f"/v1/lists/7/members/{NUMBERS[4]}")
    yield World(api, monkeypatch)
    executions.client.cache_clear()
    work.client.cache_clear()
    mail.client.cache_clear()


def counts(api: Api) -> tuple[int, int, int]:
    shown = api.call("GET", "/v1/lists/7").json
    return shown["members"], shown["opted_out"], shown["deleted"]


DELETION = "".join(
    f"{number}\n" for number in [*NUMBERS[:2], NUMBERS[0], NUMBERS[4], "+6421999999", "rubbish"]
)


def counted(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """A deletion as far as the question; (input, import)."""
    started = world.drop("acme/delete/Gym/gone.csv", DELETION)
    validated = world.validate(started)
    assert validated["outcome"] == "to_delete"
    world.parts("delete_members", started, validated, confirmed=False)
    return started, world.finish(started, "counted")


def test_a_deletion_first_says_how_many_would_go_and_who_is_not_there(world: World, api: Api) -> None:
    _, asked = counted(world)
    assert (asked["purpose"], asked["state"]) == ("delete_members", "needs_decision")
    assert (asked["to_delete"], asked["missing"]) == (2, 2)
    assert (asked["rows_read"], asked["duplicates"], asked["rejected"]) == (6, 1, 1)
    assert world.s3.text(f"imports/{asked['id']}/missing.csv") == f"{NUMBERS[4]}\r\n+6421999999\r\n"
    assert asked["missing_file"].startswith("https://work/")
    assert counts(api) == (4, 1, 1)


def test_a_confirmed_deletion_happens_once(world: World, api: Api) -> None:
    started, asked = counted(world)
    answers = [api.call("POST", f"/v1/imports/{asked['id']}/confirm") for _ in range(2)]
    assert [(answer.status, answer.json["state"]) for answer in answers] == [(202, "loading")] * 2
    confirmed = api.clients.started[f"{asked['id']}-confirmed"]
    assert confirmed == confirmed | {**started, "confirmed": True, "request_id": REQUEST_ID}
    assert api.call("GET", "/v1/lists/7").json["loading"] is True
    world.parts("delete_members", started, confirmed["validated"], confirmed=True)
    done = world.finish(started, "loaded")
    assert (done["state"], done["deleted"], done["missing"]) == ("done", 2, 2)
    assert counts(api) == (2, 0, 3)
    log = api.call("GET", f"/v1/activity?about=import/{asked['id']}").json["data"]
    told = {entry["what"]: (entry["who"], entry["detail"].get("deleted")) for entry in log}
    assert told == {
        "import began": ("system", None),
        "import confirmed": ("api:key:1", None),
        "import done": ("system", 2),
    }
    gone = api.call("GET", "/v1/lists/7/members?deleted=true").json["data"]
    assert [(member["mobile"], member["params"]) for member in gone] == [
        (number, []) for number in (NUMBERS[0], NUMBERS[1], NUMBERS[4])
    ]


def test_what_was_never_counted_cannot_be_confirmed(world: World, api: Api) -> None:
    started = world.drop("acme/delete/7/gone.csv", DELETION)
    path = f"/v1/imports/{started['import_id']}/confirm"
    assert api.call("POST", path).json["code"] == "status_conflict"
    assert api.call("POST", path, workspace="rival").status == 404
    assert counts(api) == (4, 1, 1)


def test_a_deletion_from_a_list_that_is_gone_is_not_confirmed(world: World, api: Api) -> None:
    _, asked = counted(world)
    api.call("DELETE", "/v1/lists/7")
    assert api.call("POST", f"/v1/imports/{asked['id']}/confirm").status == 409


def test_a_deletion_from_no_list_fails_with_the_reason(world: World, api: Api) -> None:
    started = world.drop("acme/delete/Nowhere/gone.csv", DELETION)
    assert world.validate(started)["outcome"] == "failed"
    shown = api.call("GET", f"/v1/imports/{started['import_id']}").json
    assert (shown["state"], shown["error"]["code"]) == ("failed", "no_such_list")


def test_a_file_fills_the_blacklist_once_and_leaves_older_entries_as_they_are(world: World, api: Api) -> None:
    older = api.call("POST", "/v1/blacklist", {"mobile": NUMBERS[0]}).json
    started = world.drop("acme/blacklist/do-not-call.csv", "".join(f"{n}\n" for n in [*NUMBERS[:3], "x1"]))
    validated = world.validate(started)
    assert validated["outcome"] == "to_blacklist"
    world.parts("load_blacklist", started, validated)
    done = world.finish(started, "loaded")
    assert (done["state"], done["purpose"], done["blacklisted"]) == ("done", "blacklist", 2)
    assert (done["rows_read"], done["accepted"], done["rejected"]) == (4, 3, 1)
    entries = {entry["mobile"]: entry for entry in api.call("GET", "/v1/blacklist").json["data"]}
    assert sorted(entries) == NUMBERS[:3]
    assert entries[NUMBERS[0]] == older
    assert entries[NUMBERS[1]]["by"] == f"import:{done['id']}"
    standing = api.tables.find("people", keys.standing("acme", NUMBERS[2]))
    assert suppression(standing, 7) is Reason.BLACKLISTED


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"purpose": "blacklist"}, 201),
        ({"purpose": "blacklist", "list_id": 7}, 422),
        ({"purpose": "delete_members", "list_id": 7}, 201),
        ({"purpose": "delete_members", "list_name": "Gym"}, 201),
        ({"purpose": "delete_members"}, 422),
        ({"purpose": "delete_members", "list_id": 8}, 422),
    ],
)
def test_each_purpose_can_be_announced(world: World, api: Api, body: dict[str, Any], status: int) -> None:
    assert api.call("POST", "/v1/imports", body).status == status


# ---- the encoding ---------------------------------------------------------------------------------------


def asked(api: Api) -> str:
    """An import that asks for its encoding; its id."""
    name = "e" * 32
    source = {"bucket": "uploads", "key": "acme/lists/Gym/a.csv", "version": "v1", "list_name": "Gym"}
    state = {"state": "needs_decision", "phase": "needs_decision", "created_at": 1, "updated_at": 1}
    preview = {"windows-1254": ["+6421555666,Şule"], "windows-1252": ["+6421555666,Þule"]}
    head: dict[str, Any] = {
        **keys.import_head("acme", name),
        "id": name,
        **source,
        **state,
        "preview": preview,
    }
    api.tables.tables["workspaces"][head["pk"], head["sk"]] = head
    return f"/v1/imports/{name}"


def test_the_chosen_encoding_starts_the_import_again_once(api: Api) -> None:
    path = asked(api)
    assert api.call("GET", path).json["preview"]["windows-1254"] == ["+6421555666,Şule"]
    answers = [api.call("POST", f"{path}/decision", {"encoding": "windows-1254"}) for _ in range(2)]
    assert [(answer.status, answer.json["state"]) for answer in answers] == [(202, "validating")] * 2
    ((_, started),) = api.clients.started.items()
    assert (started["workspace"], started["import_id"], started["version"]) == ("acme", "e" * 32, "v1")
    assert (
        api.call("POST", f"{path}/decision", {"encoding": "windows-1252"}).json["code"] == "status_conflict"
    )


def test_the_sweep_looks_for_the_execution_that_an_import_really_has(world: World, api: Api) -> None:
    started, asked_ = counted(world)
    imports = Heads(Table("workspaces", api.tables), Table("activity", api.tables))
    head = imports.get("acme", asked_["id"])
    assert head
    assert execution("acme", head) == (asked_["id"], started)
    api.call("POST", f"/v1/imports/{asked_['id']}/confirm")
    head = imports.get("acme", asked_["id"])
    assert head
    assert execution("acme", head)[0] in api.clients.started
    announced = api.call("POST", "/v1/imports", {"purpose": "append", "list_id": 7}).json
    world.drop(announced["key"], "x")
    head = imports.get("acme", announced["id"])
    assert head
    assert execution("acme", head)[0] in api.clients.started


def test_an_encoding_that_was_not_offered_is_refused(api: Api) -> None:
    answer = api.call("POST", f"{asked(api)}/decision", {"encoding": "utf-7"})
    assert (answer.status, answer.pointers) == (422, ["#/encoding"])
    assert api.call("POST", f"{asked(api)}/confirm").status == 409
    assert api.clients.started == {}


def test_a_deletion_that_waits_for_its_confirmation_takes_no_encoding(world: World, api: Api) -> None:
    _, question = counted(world)
    path = f"/v1/imports/{question['id']}/decision"
    assert api.call("POST", path, {"encoding": "utf-8"}).json["code"] == "status_conflict"


def test_a_deletion_that_nobody_confirms_expires_and_deletes_nothing(world: World, api: Api) -> None:
    started, asked = counted(world)
    before = counts(api)
    shown = world.finish(started, "expired")
    assert (shown["state"], shown["error"]["code"]) == ("failed", "not_confirmed")
    assert counts(api) == before
    assert api.call("POST", f"/v1/imports/{asked['id']}/confirm").status == 409
    assert not [place for place in api.tables.tables["workspaces"] if place[0] == "open"]


def test_a_deletion_that_was_confirmed_in_time_goes_on(world: World, api: Api) -> None:
    started, asked = counted(world)
    api.call("POST", f"/v1/imports/{asked['id']}/confirm")
    assert world.finish(started, "expired")["state"] == "loading"


def test_a_list_that_is_being_written_is_not_deleted_from_meanwhile(world: World, api: Api) -> None:
    _, asked = counted(world)
    head = api.tables.find("workspaces", keys.list_head("acme", 7))
    assert head
    head["loading"] = {"another import"}
    refused = api.call("POST", f"/v1/imports/{asked['id']}/confirm")
    assert (refused.status, refused.json["code"]) == (409, "list_loading")
    del head["loading"]
    assert api.call("POST", f"/v1/imports/{asked['id']}/confirm").status == 202

"""How an import ends: once, in its head, in the log, by mail, and for campaigns that wait for it [D6]."""

from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.import_rig import FILE, World, world

__all__ = ["world"]


def test_an_import_that_broke_is_failed_in_words_for_people(world: World) -> None:
    started = world.drop(FILE)
    valid = world.call("validate_list", started)
    error = {"Error": "Runtime.HandlerError", "Cause": "Traceback (most recent call last)"}
    for _ in range(2):
        world.call("finish_import", {**started, "outcome": "failed", "error": error})
    head = world.head(started)
    assert (head["state"], head["error"]["code"]) == ("failed", "import_interrupted")
    assert "Traceback" not in str(head)
    assert "loading" not in world.list_head(valid["list_id"])
    assert not world.open()


def test_finishing_before_every_part_is_loaded_raises(world: World) -> None:
    started = world.drop(FILE)
    world.call("validate_list", started)
    with pytest.raises(LookupError):
        world.call("finish_import", {**started, "outcome": "loaded"})
    assert world.head(started)["state"] == "loading"


def test_a_list_deleted_while_it_was_loaded_fails_the_import(world: World) -> None:
    started = world.drop(FILE)
    valid = world.call("validate_list", started)
    for task in ("check_suppressions", "load_members"):
        world.call(task, {**started, "list_id": valid["list_id"], "part": 1})
    gone = keys.list_head("acme", valid["list_id"])
    del world.dynamo.tables["workspaces"][gone["pk"], gone["sk"]]
    world.call("finish_import", {**started, "outcome": "loaded"})
    head = world.head(started)
    assert (head["state"], head["error"]["code"]) == ("failed", "list_gone")
    assert not world.open()


def logged(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """(what, about, detail) of the log's entries in their order."""
    entries = sorted(world.dynamo.tables["activity"].values(), key=lambda entry: str(entry["sk"]))
    return [(entry["what"], entry["about"], entry["detail"]) for entry in entries]


def test_the_log_says_once_that_an_import_began_and_what_it_came_to(world: World) -> None:
    done = world.run(world.drop(FILE), times=2)
    told = {"purpose": "append", "list_name": "Gym"}
    counts = {"rows_read": 4, "accepted": 1, "corrected": 1, "duplicates": 1, "opted_out": 0, "rejected": 1}
    results = {"list_id": done["list_id"], "added": 2, "readded": 0, "updated": 0}
    assert sorted(logged(world), key=lambda entry: entry[0]) == [
        ("import began", f"import/{done['id']}", told),
        ("import done", f"import/{done['id']}", told | counts | results),
    ]


def test_the_log_says_why_an_import_failed(world: World) -> None:
    failed = world.run(world.drop(b"\x00\x01\x02\x03" * 64))
    (entry,) = [entry for entry in logged(world) if entry[0] == "import failed"]
    assert entry[1] == f"import/{failed['id']}"
    assert (entry[2]["error"], entry[2]["rows_read"]) == (failed["error"]["code"], 0)


@pytest.mark.parametrize(
    ("language", "by", "to", "subject", "reason"),
    [
        ("en", "api:shop", "acme@example.com", "The import of members.csv failed", "The file is empty."),
        ("tr", "api:user:7", "ayse@example.com", "members.csv içe aktarılamadı", "Dosya boş."),
        ("id", "api:user:8", "acme@example.com", "Impor members.csv gagal", "Berkas"),
    ],
)
def test_a_failure_is_mailed_once_to_whoever_uploaded_else_to_the_workspace(
    world: World, language: str, by: str, to: str, subject: str, reason: str
) -> None:
    (world.dynamo.find("workspaces", keys.settings("acme")) or {}).update(
        email="acme@example.com", language=language
    )
    world.dynamo.seed("workspaces", keys.user("acme", "7"), email="ayse@example.com")
    started = world.drop("")
    world.head(started)["by"] = by
    world.run(started, times=3)
    ((told, title, text),) = world.mail.sent
    assert (told, title) == (to, subject)
    assert text.startswith(f"{subject}.\n\n{reason}")
    assert started["import_id"] in text


def test_a_mail_that_is_refused_changes_nothing(world: World) -> None:
    (world.dynamo.find("workspaces", keys.settings("acme")) or {})["email"] = "acme@example.com"
    world.mail.broken = True
    assert world.run(world.drop(""))["error"]["code"] == "file_empty"
    world.mail.broken = False
    world.run(world.drop(FILE, version="v2"))
    assert world.mail.sent == []


@pytest.mark.parametrize("outcome", ["loaded", "failed"])
def test_a_campaign_that_waits_for_the_list_goes_on_when_nothing_loads_it(world: World, outcome: str) -> None:
    first, second = world.drop(FILE), world.drop("+64211111119", version="v2")
    valid = world.call("validate_list", second)
    list_id = valid["list_id"]
    note = keys.waiting_for_import("acme", list_id, 55)
    world.dynamo.seed("workspaces", note, campaign=55, leg=3)
    world.dynamo.seed("workspaces", keys.campaign_head("acme", 55), id=55, list_id=list_id)
    world.dynamo.seed("workspaces", keys.waiting_for_import("acme", list_id + 1, 56), campaign=56, leg=1)
    world.run(first)
    assert "55-3" not in world.steps.started  # the second still loads
    for task in ("check_suppressions", "load_members"):
        world.call(task, {**second, "list_id": list_id, "part": 1})
    for _ in range(2):
        world.call("finish_import", {**second, "outcome": outcome})
    assert world.steps.started["55-3"] == {"arn": "arn:run", "workspace": "acme", "campaign": 55, "leg": 3}
    told = world.dynamo.find("workspaces", keys.campaign_head("acme", 55)) or {}
    assert ("import_failed" in told) == (outcome == "failed")  # then its leg ends it with this reason
    assert "56-1" not in world.steps.started
    assert world.dynamo.find("workspaces", note) is None


def test_a_campaign_that_was_given_another_list_does_not_fail_with_the_import_of_the_first(
    world: World,
) -> None:
    """[F5]"""
    event = world.drop(FILE)
    list_id = world.call("validate_list", event)["list_id"]
    world.dynamo.seed("workspaces", keys.waiting_for_import("acme", list_id, 55), campaign=55, leg=3)
    world.dynamo.seed("workspaces", keys.campaign_head("acme", 55), id=55, list_id=list_id + 1)
    world.call("finish_import", {**event, "outcome": "failed"})
    assert "import_failed" not in (world.dynamo.find("workspaces", keys.campaign_head("acme", 55)) or {})

"""What may go wrong between an object and its list, by the numbers of the faults to survive: F28 to F37."""

import json
from typing import Any

import pytest

from kabar.domain.csv_rows import MAX_ROW
from kabar.domain.encodings import CANDIDATES, SHOWN, SHOWN_LINES
from kabar.domain.imports import MAX_PARAM
from kabar.domain.numbers import CHANGES
from kabar.domain.splits import MAX_LISTS
from kabar.storage.dynamo import encode_item
from kabar.storage.lists import MAX_NAME
from tests.functions.import_rig import FILE, KEY, World, counted, event, world

__all__ = ["world"]

SAME = FILE.encode()
TURKISH = ("".join(f"+6421{n:07d},Ali\n" for n in range(3_000)) + "+64291111111,Şükrü\n").encode("cp1254")


def deliver(world: World, version: str = "v1", content: bytes = SAME) -> None:
    world.s3.objects["uploads", KEY, version] = content
    world.call("receive_upload", event(KEY, version, content))


def heads(world: World) -> list[dict[str, Any]]:
    return [row for (_, sk), row in world.dynamo.tables["workspaces"].items() if sk.startswith("import#")]


# ---- F28: an event comes at least once ---------------------------------------------------------------------


def test_f28_two_deliveries_at_once_are_one_import_and_one_list(world: World) -> None:
    world.dynamo.before.append(lambda: deliver(world))
    deliver(world)
    assert len(world.steps.started) == 1
    (started,) = world.steps.started.values()
    world.run(started)
    deliver(world)
    assert (len(heads(world)), world.open()) == (1, [])
    lists = [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]
    assert (len(lists), len(world.members())) == (1, 2)


@pytest.mark.parametrize("death", ["before the head", "behind the head", "behind the start"])
def test_f28_the_next_delivery_makes_good_what_died_in_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch, death: str
) -> None:
    owner, name = {
        "before the head": (world.dynamo, "transact_write_items"),
        "behind the head": (world.steps, "start_execution"),
        "behind the start": (world.steps, "start_execution"),
    }[death]
    call = getattr(owner, name)

    def dying(**how: Any) -> None:
        if death == "behind the start":
            call(**how)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying)
        with pytest.raises(SystemExit):
            deliver(world)
    deliver(world)
    (started,) = world.steps.started.values()
    assert counted(world.run(started)) == (1, 1, 1, 0, 1)


def test_f28_events_of_two_versions_that_come_in_turns_stay_two_imports(world: World) -> None:
    for _ in range(3):
        deliver(world, "v1", b"+64211111111\n")
        deliver(world, "v2", b"+64211111112\n")
    assert len(world.steps.started) == 2


# ---- F29: an object is replaced --------------------------------------------------------------------------


def test_f29_each_import_reads_the_version_whose_event_it_is(world: World) -> None:
    first = world.drop(b"+64211111111,first\n")
    second = world.drop(b"+64211111111,second\n+64211111112,new\n", version="v2")
    done = world.run(first)
    assert (counted(done), world.members()["+64211111111"]["params"]) == ((1, 0, 0, 0, 0), ["first"])
    done = world.run(second)
    assert (counted(done), world.members()["+64211111111"]["params"]) == ((2, 0, 0, 0, 0), ["second"])
    assert first["import_id"] != second["import_id"]


def test_f29_the_read_asks_for_version_and_entity_tag(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    get = world.s3.get_object

    def noted(**how: Any) -> Any:
        asked.append(how)
        return get(**how)

    monkeypatch.setattr(world.s3, "get_object", noted)
    world.run(world.drop(TURKISH))
    of_upload = [how for how in asked if how["Bucket"] == "uploads"]
    assert len(of_upload) == 3  # as UTF-8, for the evidence, and as what it is
    for how in of_upload:
        assert (how["Key"], how["VersionId"]) == (KEY, "v1")
        assert how["IfMatch"] == f'"{world.head(next(iter(world.steps.started.values())))["etag"]}"'


@pytest.mark.parametrize("readings", [0, 1, 2])
def test_f29_other_bytes_under_the_same_version_are_never_read_as_the_ones_of_the_event(
    world: World, monkeypatch: pytest.MonkeyPatch, readings: int
) -> None:
    """A bucket without versions calls each of them null."""
    get, left = world.s3.get_object, iter(range(readings))

    def replaced(**how: Any) -> Any:
        if next(left, None) is None:
            world.s3.objects["uploads", KEY, "v1"] = b"+64219999999,stranger\n"
        return get(**how)

    started = world.drop(TURKISH)
    monkeypatch.setattr(world.s3, "get_object", replaced)
    head = world.run(started)
    assert (head["state"], head["error"]["code"]) == ("failed", "object_missing")
    assert not world.members()


# ---- F30: an object disappears -----------------------------------------------------------------------------


@pytest.mark.parametrize("readings", [0, 1, 2])
def test_f30_an_object_that_goes_before_any_reading_fails_with_its_reason(
    world: World, monkeypatch: pytest.MonkeyPatch, readings: int
) -> None:
    get, left = world.s3.get_object, iter(range(readings))

    def gone(**how: Any) -> Any:
        if next(left, None) is None:
            del world.s3.objects["uploads", KEY, "v1"]
        return get(**how)

    started = world.drop(TURKISH)
    monkeypatch.setattr(world.s3, "get_object", gone)
    head = world.run(started)
    assert (head["state"], head["error"]["code"]) == ("failed", "object_missing")
    assert head["error"]["message"] == "The file was gone before it could be read."
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]
    assert (world.members(), world.open()) == ({}, [])


def test_f30_an_object_that_goes_once_it_is_read_is_missed_by_nobody(world: World) -> None:
    started = world.drop(FILE)
    valid = world.call("validate_list", started)
    world.s3.objects = {place: body for place, body in world.s3.objects.items() if place[0] != "uploads"}
    for task in ("check_suppressions", "load_members"):
        world.each(task, started, valid, 1)
    world.call("finish_import", {**started, "outcome": "loaded"})
    assert counted(world.head(started)) == (1, 1, 1, 0, 1)


# ---- F31: nothing in it -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "rejected"),
    [
        (b"", "file_empty", 0),
        (b"\n \r\n\t\r", "no_rows", 0),
        (b"\xef\xbb\xbf", "no_rows", 0),
        (b"\xff\xfe", "no_rows", 0),
        (b"Phone,Name\r\n", "no_rows", 0),
        (b"\xef\xbb\xbfPhone;Name\n\n;\n", "no_valid_rows", 1),
        (b",,,\n,,,\n", "no_valid_rows", 2),
        (b"call me\nnever\n", "no_valid_rows", 1),
    ],
)
@pytest.mark.parametrize("kind", ["lists", "delete", "blacklist"])
def test_f31_what_leaves_nothing_is_a_clear_failure_for_every_purpose(
    world: World, content: bytes, code: str, rejected: int, kind: str
) -> None:
    world.run(world.drop(b"+64211111111\n"))  # there is a list called Gym
    key = f"acme/{kind}/a.csv" if kind == "blacklist" else f"acme/{kind}/Gym/a.csv"
    head = world.run(world.drop(content, key))
    assert (head["state"], head["error"]["code"]) == ("failed", code)
    assert counted(head) == (0, 0, 0, 0, rejected)
    assert ("rejected_key" in head) == bool(rejected)
    assert (list(world.members()), world.open()) == (["+64211111111"], [])


def test_f31_a_list_is_never_made_for_a_file_without_members(world: World) -> None:
    assert world.run(world.drop("mobile\n+6421x\n"))["state"] == "failed"
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith(("list#", "listname#"))]


# ---- F32 and F34: rows that spoil no other -----------------------------------------------------------------


def test_f32_poison_costs_its_own_rows_which_are_told_by_their_lines(world: World) -> None:
    poison = {
        2: (b'+64211111111,"never closed', "unclosed_quote"),
        4: (b"+64211111112" + b",x" * 299, "too_many_columns"),
        6: (b"+64211111113," + b"y" * 1_000_000, "row_too_long"),
        8: (b"+64211111114," + b"z" * (MAX_ROW // 2), "param_too_long"),
        10: (b"+64211111115,a\0b", "nul_character"),
        12: (b'+64211111116,"a"b', "bad_quotes"),
    }
    lines = (poison[at][0] if at in poison else b"+6422111%04d,good" % at for at in range(2, 15))
    head = world.run(world.drop(b"\r\n".join([b"mobile,name", *lines])))
    assert counted(head) == (7, 0, 0, 0, 6)
    assert head["codes"] == {code: 1 for _, code in poison.values()}
    told = [row.split(",")[:2] for row in world.s3.text(head["rejected_key"]).split("\r\n")[1:-1]]
    assert told == [[str(line), code] for line, (_, code) in poison.items()]
    assert list(world.members()) == [f"+6422111{line:04d}" for line in range(2, 15) if line not in poison]


@pytest.mark.parametrize(
    ("content", "members"),
    [
        (b"+123456789;1234\n", {"+123456789": ["1234"]}),
        (b"+123456789;1234\n+64211111111;5678\n", {"+123456789": ["1234"], "+64211111111": ["5678"]}),
        (
            b"+64211111111,a\n+64211111112,b\n+123456789;1234,c\n",
            {"+64211111111": ["a"], "+64211111112": ["b"]},
        ),
    ],
    ids=["one row", "semicolons", "among commas"],
)
def test_f34_cells_are_never_glued_into_a_number(
    world: World, content: bytes, members: dict[str, list[str]]
) -> None:
    head = world.run(world.drop(content))
    assert {mobile: item["params"] for mobile, item in world.members().items()} == members
    assert head["codes"] == ({"two_values": 1} if len(members) < content.count(b"\n") else {})


# ---- F69: an item has 400 KB at the most -------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["a" + "\U00010400" * (MAX_ROW - 1), "a," * (MAX_ROW // 2)], ids=["long", "wide"]
)
def test_f69_the_head_of_an_import_stays_far_below_what_an_item_may_have(world: World, header: str) -> None:
    started = world.drop(f"{header}\n+64211111111\n")
    world.call("validate_list", started)
    head = world.head(started)
    assert len("".join(head["header"])) > MAX_ROW // 3
    longest = {"list_id": 2**53 - 1, "name": "ş" * MAX_NAME, "records": 1_000_000}
    row = {"mobile": "+" + "9" * 15, "params": ["ş" * MAX_PARAM] * 6, "changes": [*CHANGES.values()]}
    head |= {"lists": [longest] * MAX_LISTS, "first_rows": [row] * 20}
    head["preview"] = {encoding: ["ş" * SHOWN] * SHOWN_LINES for encoding in CANDIDATES}
    assert len(json.dumps(encode_item(head), ensure_ascii=False).encode()) < 300_000

"""What a dropped file may be, and what fails with its reason: encodings, workbooks, rejected rows [D2] [D5]."""

import pytest

from kabar.storage.import_heads import execution
from kabar.storage.import_questions import NoSuchChoice, NotAsked
from tests.functions.import_rig import FILE, KEY, World, counted, world
from tests.unit.workbooks import xlsx, zipped

__all__ = ["world"]


@pytest.mark.parametrize(
    ("content", "key", "code"),
    [
        ("", KEY, "file_empty"),
        ("mobile,name\n\n", KEY, "no_rows"),
        ("mobile\n+6421x\n", KEY, "no_valid_rows"),
        (b"\xff\xfe+\0" + b"\0\xd8" * 3, KEY, "encoding_unsupported"),
        (b"PK\x05\x06" + bytes(18), KEY, "file_is_archive"),
        (b"\x1f\x8b\x08" + bytes(18), KEY, "file_is_archive"),
        (zipped({"list.csv": b"+64211111111"}), KEY, "file_is_archive"),
        (FILE, f"acme/lists/{'x' * 51}/a.csv", "list_name_invalid"),
        (FILE, "acme/lists/ /a.csv", "list_name_invalid"),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
def test_f31_f37_a_file_that_cannot_be_imported_fails_with_its_reason_and_makes_no_list(
    world: World, content: str | bytes, key: str, code: str, times: int
) -> None:
    head = world.run(world.drop(content, key), times)
    assert (head["state"], head["error"]["code"]) == ("failed", code)
    assert head["error"]["message"]
    counted(head)
    assert not world.members()
    assert not world.open()
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]


def test_f31_a_file_of_rejected_rows_only_still_says_why_row_by_row(world: World) -> None:
    head = world.run(world.drop("+6421x\n+64\n"))
    assert counted(head) == (0, 0, 0, 0, 2)
    assert world.s3.text(head["rejected_key"]).count("\r\n") == 3


def test_f30_an_object_that_vanished_is_a_clear_failure(world: World) -> None:
    started = world.drop(FILE)
    world.s3.objects.clear()
    head = world.run(started)
    assert head["error"] == {
        "code": "object_missing",
        "message": "The file was gone before it could be read.",
    }


def test_a_rejected_rows_file_drops_in_again_as_it_is_once_corrected(world: World) -> None:
    rejected = world.s3.text(world.run(world.drop(FILE))["rejected_key"])
    head = world.run(world.drop(rejected.replace("+6421x", "+64211111119"), version="v2"))
    assert counted(head) == (1, 0, 0, 0, 0)
    assert world.members()["+64211111119"]["params"] == ["Çağlar"]


def test_f33_a_file_that_could_be_in_two_encodings_waits_for_a_persons_decision(world: World) -> None:
    started = world.drop("mobile,name\n+64211111111,Ayşe\n".encode("cp1254"))
    head = world.run(started, times=2)
    assert head["state"] == "needs_decision"
    assert head["preview"]["cp1254"] == ["+64211111111,Ayşe"]
    assert head["preview"]["cp1252"] == ["+64211111111,Ayþe"]
    assert not world.dynamo.tables.get("members")
    questions = world.function("validate_list").QUESTIONS
    with pytest.raises(NoSuchChoice):
        questions.decide("acme", started["import_id"], "utf-7", "api:key:1", 9)
    decided = questions.decide("acme", started["import_id"], "cp1254", "api:key:1", 9)
    assert questions.decide("acme", started["import_id"], "cp1254", "api:key:1", 9)["decision"] == 1
    with pytest.raises(NotAsked):
        questions.decide("acme", started["import_id"], "cp1252", "api:key:1", 9)
    name, told = execution("acme", decided)
    assert name not in world.steps.started
    assert told == {key: value for key, value in started.items() if key != "arn"}
    assert world.run(told)["state"] == "done"
    assert world.members()["+64211111111"]["params"] == ["Ayşe"]


def test_an_8_bit_file_in_one_language_is_read_at_its_second_reading(world: World) -> None:
    text = "".join(f"+6421{n:07d},Ali\n" for n in range(3_000)) + "+64291111111,Şükrü Çağlar\n"
    head = world.run(world.drop(text.encode("cp1254")))
    assert (head["state"], head["accepted"]) == ("done", 3_001)
    assert world.members()["+64291111111"]["params"] == ["Şükrü Çağlar"]


def test_the_first_sheet_of_a_workbook_is_a_list(world: World) -> None:
    data = xlsx({1: ["Phone", "Name"], 3: [64211111111.0, "Amy"], 4: ["+64211111112"], 5: ["6.42E+10", "x"]})
    head = world.run(world.drop(data))
    assert (head["state"], head["accepted"], head["corrected"], head["rejected"]) == ("done", 1, 1, 1)
    assert head["header"] == ["Phone", "Name"]
    assert world.s3.text(head["rejected_key"]).splitlines()[1].startswith("5,digits_lost,")

"""A dropped file becomes members of a list, once, whatever is repeated or dies on the way [D1]-[D8]."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

from kabar.storage import dynamo as storage_dynamo
from kabar.storage import executions, keys, mail, work
from kabar.storage.dynamo import Table
from kabar.storage.import_heads import execution
from kabar.storage.import_questions import NoSuchChoice, NotAsked
from kabar.storage.opt_outs import OptOuts
from tests.functions.fake_dynamo import FakeDynamo, client_error
from tests.functions.loading import load, queued, sample
from tests.unit.workbooks import xlsx, zipped

KEY = "acme/lists/Gym/members.csv"
FILE = "mobile,name\r\n+64211111111,Amy\r\n021 111 1112,Budi\r\n+64211111111,Amy again\r\n+6421x,Çağlar\r\n"


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield from iter(lambda: self.read(size), b"")


class FakeS3:
    """Objects by (bucket, key, version); the work bucket keeps no versions."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], bytes] = {}

    def get_object(self, Bucket: str, Key: str, VersionId: str = "", IfMatch: str = "") -> dict[str, Any]:  # noqa: N803  # boto3's
        try:
            found = self.objects[Bucket, Key, VersionId]
        except KeyError:
            raise client_error("NoSuchVersion" if VersionId else "NoSuchKey") from None
        if Bucket == "uploads" and IfMatch != f'"{etag(found)}"':
            raise client_error("PreconditionFailed")
        return {"Body": Body(found)}

    def put_object(self, Bucket: str, Key: str, Body: Any, ContentType: str) -> None:  # noqa: N803  # boto3's
        assert ContentType
        self.objects[Bucket, Key, ""] = Body if isinstance(Body, bytes) else Body.read()

    def text(self, key: str) -> str:
        return self.objects["work", key, ""].decode()


class FakeSteps:
    """Executions started, by name; a name is taken for ever."""

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803, A002  # boto3's
        if name in self.started:
            raise client_error("ExecutionAlreadyExists")
        self.started[name] = {"arn": stateMachineArn, **json.loads(input)}


class FakeMail:
    """Mails sent: (to, subject, text)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.broken = False

    def send_email(self, Source: str, Destination: Any, Message: Any) -> None:  # noqa: N803  # boto3's
        assert Source == "kabar@example.com"
        if self.broken:
            raise client_error("MessageRejected")
        (to,) = Destination["ToAddresses"]
        self.sent.append((to, Message["Subject"]["Data"], Message["Body"]["Text"]["Data"]))


class World:
    """The cloud around the handlers, and the import_list state machine in its plainest form."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dynamo, self.s3, self.steps, self.mail = FakeDynamo(), FakeS3(), FakeSteps(), FakeMail()
        self.dynamo.seed("workspaces", keys.settings("acme"), name="acme", max_digits=14)
        self.dynamo.seed("workspaces", keys.prefix_map("acme", "021"), prefix="021", replacement="6421")
        self._monkeypatch = monkeypatch

    def function(self, name: str) -> ModuleType:
        """The function, cold."""
        work.client.cache_clear()
        executions.client.cache_clear()
        mail.client.cache_clear()
        clients = {"dynamodb": self.dynamo, "s3": self.s3, "stepfunctions": self.steps, "ses": self.mail}
        return load(name, self._monkeypatch, **clients)

    def call(self, name: str, event: Mapping[str, Any]) -> Any:
        return self.function(name).handler(event, None)

    def drop(self, content: str | bytes, key: str = KEY, version: str = "v1") -> dict[str, Any]:
        """Put an object and take its event; the input of the execution it starts."""
        data = content if isinstance(content, bytes) else content.encode()
        self.s3.objects["uploads", key, version] = data
        before = set(self.steps.started)
        self.call("receive_upload", event(key, version, data))
        (name,) = set(self.steps.started) - before
        started: dict[str, Any] = self.steps.started[name]
        return started

    def run(self, started: Mapping[str, Any], times: int = 1) -> dict[str, Any]:
        """The whole state machine, every task `times` times; the import's head."""
        for _ in range(times):
            valid = self.call("validate_list", started)
        if valid["outcome"] == "to_split":
            self.each("check_suppressions", started, valid, times)
            for _ in range(times):
                valid = self.call("split_list", started)
            if valid["outcome"] == "split":
                valid |= {"outcome": "valid"}
                self.each("load_members", started, valid, times)
        elif valid["outcome"] == "valid":
            for task in ("check_suppressions", "load_members"):
                self.each(task, started, valid, times)
        elif valid["outcome"] == "to_try":
            self.each("check_suppressions", started, valid, times)
        ended = {"valid": "loaded", "to_try": "tried", "failed": "failed"}.get(valid["outcome"])
        for _ in range(times if ended else 0):
            self.call("finish_import", {**started, "outcome": ended})
        return self.head(started)

    def each(self, task: str, started: Mapping[str, Any], valid: Mapping[str, Any], times: int) -> None:
        for part in valid["parts"] * times:
            told = {name: valid.get(name) for name in ("list_id", "list_is_new", "parts_per_list")}
            self.call(task, {**started, **told, "part": part})

    def head(self, started: Mapping[str, Any]) -> dict[str, Any]:
        head = self.dynamo.find("workspaces", keys.import_head("acme", started["import_id"]))
        assert head
        return head

    def list_head(self, list_id: int) -> dict[str, Any]:
        head = self.dynamo.find("workspaces", keys.list_head("acme", list_id))
        assert head
        return head

    def members(self) -> dict[str, Any]:
        return {mobile: item for (_, mobile), item in self.dynamo.tables["members"].items()}

    def open(self) -> list[Any]:
        return [place for place in self.dynamo.tables["workspaces"] if place[0] == "open"]


def etag(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def event(
    key: str, version: str = "v1", content: bytes = b"x", kind: str = "ObjectCreated:Put"
) -> dict[str, Any]:
    of = {"key": key, "size": len(content), "eTag": etag(content), "versionId": version}
    told = {"bucket": {"name": "uploads"}, "object": of}
    return queued({"Records": [{"eventName": kind, "s3": told}]})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("WORK_BUCKET", "work")
    monkeypatch.setenv("IMPORT_LIST_ARN", "arn:import")
    monkeypatch.setenv("RUN_CAMPAIGN_ARN", "arn:run")
    yield World(monkeypatch)
    for client in (work.client, executions.client, mail.client, storage_dynamo.client):
        client.cache_clear()


def counted(head: Mapping[str, Any]) -> tuple[int, ...]:
    buckets = tuple(head[n] for n in ("accepted", "corrected", "duplicates", "opted_out", "rejected"))
    assert head["rows_read"] == sum(buckets)
    return buckets


# ---- the event -------------------------------------------------------------------------------------------


def test_a_dropped_file_starts_one_import_of_that_very_version(world: World) -> None:
    world.call("receive_upload", sample("receive_upload_csv_drop"))
    ((name, started),) = world.steps.started.items()
    key = "acme/lists/Gym Üyeleri/kasım 2026.csv"
    source = {"bucket": "kabar-uploads", "key": key, "version": "v1"}
    told = {"workspace": "acme", "import_id": name, "request_id": "4442587FB7D0A2F9"}
    assert started == {"arn": "arn:import", **told, **source}
    head = world.head(started)
    assert (head["state"], head["list_name"], head["bytes_total"]) == ("validating", "Gym Üyeleri", 123)
    pointer = world.dynamo.find("workspaces", keys.import_object("acme", key))
    assert pointer
    assert pointer["import_id"] == name
    assert len(world.open()) == 1


def test_without_the_id_of_s3s_request_its_own_id_finds_the_imports_log_lines(world: World) -> None:
    started = world.drop(FILE)
    assert started["request_id"] == started["import_id"] == world.head(started)["request_id"]


def test_f28_f29_the_same_event_twice_is_one_import_and_a_replaced_object_another(world: World) -> None:
    for version in ("v1", "v1", "v2", "v1"):
        world.call("receive_upload", event(KEY, version))
    assert len(world.steps.started) == 2


def test_f28_an_event_that_comes_again_after_the_end_starts_nothing(world: World) -> None:
    world.run(world.drop(FILE))
    world.steps.started.clear()  # AWS forgets a name after 90 days
    world.call("receive_upload", event(KEY))
    assert not world.steps.started


@pytest.mark.parametrize(
    "key",
    [
        "nobody/lists/Gym/a.csv",
        "acme/lists/a.csv",
        "acme/Gym/a.csv",
        "a.csv",
        "acme/lists/Gym/",
        "/lists/a/b",
    ],
)
def test_a_file_that_belongs_to_nobody_is_ignored_and_not_tried_again(world: World, key: str) -> None:
    world.call("receive_upload", event(key))
    assert not world.steps.started


def test_an_object_that_cannot_be_noted_holds_up_none_of_its_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = {"Records": [event(f"acme/lists/Gym {n}/a.csv", f"v{n}")["Records"][0] for n in range(3)]}
    started = world.steps.start_execution

    def broken_once(**how: Any) -> None:
        monkeypatch.setattr(world.steps, "start_execution", started)
        raise client_error("ServiceUnavailable")

    monkeypatch.setattr(world.steps, "start_execution", broken_once)
    with pytest.raises(ExceptionGroup):
        world.call("receive_upload", batch)
    assert len(world.steps.started) == 2
    world.call("receive_upload", batch)
    assert len(world.steps.started) == 3


def test_test_events_and_removals_are_nothing(world: World) -> None:
    world.call("receive_upload", sample("receive_upload_s3_test_event"))
    world.call("receive_upload", event(KEY, kind="ObjectRemoved:Delete"))
    assert not world.steps.started


# ---- the way to the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2], ids=["once", "every step twice"])
def test_a_file_becomes_a_new_list_of_its_members(world: World, times: int) -> None:
    started = world.drop(FILE)
    head = world.run(started, times)
    assert head["state"] == "done"
    assert counted(head) == (1, 1, 1, 0, 1)
    assert (head["added"], head["readded"], head["updated"]) == (2, 0, 0)
    assert head["header"] == ["mobile", "name"]
    assert head["codes"] == {"letters": 1}
    assert {mobile: item["params"] for mobile, item in world.members().items()} == {
        "+64211111111": ["Amy"],
        "+64211111112": ["Budi"],
    }
    list_head = world.list_head(head["list_id"])
    assert (list_head["name"], list_head["members"], "loading" in list_head) == ("Gym", 2, False)
    assert not world.open()
    assert "+6421x,Çağlar" in world.s3.text(head["rejected_key"])
    assert "line 2" in world.s3.text(head["duplicates_key"])


def test_the_next_file_goes_to_the_list_of_that_name_or_id(world: World) -> None:
    first = world.run(world.drop(FILE))
    named = world.run(world.drop("+64211111113", "acme/lists/Gym/b.csv"))
    numbered = world.run(world.drop("+64211111114", f"acme/lists/{first['list_id']}/c.csv"))
    assert first["list_id"] == named["list_id"] == numbered["list_id"]
    assert numbered["list_name"] == "Gym"
    assert world.list_head(first["list_id"])["members"] == 4
    other = world.run(world.drop("+64211111113", "acme/lists/gym/b.csv"))
    assert other["list_id"] != first["list_id"]


def test_an_append_keeps_opt_outs_and_makes_deleted_numbers_members_again(world: World) -> None:
    list_id = world.run(world.drop("+64211111111,a\n+64211111112,b\n+64211111113,c"))["list_id"]
    members = world.members()
    members["+64211111111"] |= {"opted_out": 5}
    members["+64211111112"] |= {"deleted": 6, "opted_out": 7}
    world.list_head(list_id).update(members=2, deleted=1, opted_out=1)
    head = world.run(world.drop("+64211111111,A\n+64211111112,B\n+64211111114,D", version="v2"), times=2)
    assert (head["added"], head["readded"], head["updated"]) == (1, 1, 1)
    members = world.members()
    assert (members["+64211111111"]["opted_out"], members["+64211111111"]["params"]) == (5, ["A"])
    assert (members["+64211111112"]["opted_out"], "deleted" in members["+64211111112"]) == (7, False)
    list_head = world.list_head(list_id)
    assert (list_head["members"], list_head["deleted"], list_head["opted_out"]) == (4, 0, 2)


def test_a_part_that_died_in_the_middle_counts_the_same_when_loaded_again(world: World) -> None:
    rows = "".join(f"+642{n:08d},{n}\n" for n in range(60))
    started = world.drop(rows)
    valid = world.call("validate_list", started)
    part = {**started, "list_id": valid["list_id"], "parts_per_list": 0, "part": 1}
    world.call("check_suppressions", part)

    def die() -> None:
        raise ConnectionError

    world.dynamo.before = [lambda: None, die]  # the second of three BatchWrites
    with pytest.raises(ConnectionError):
        world.call("load_members", part)
    assert len(world.members()) == 25
    world.call("load_members", part)
    world.call("finish_import", {**started, "outcome": "loaded"})
    assert world.head(started)["added"] == 60
    assert world.list_head(valid["list_id"])["members"] == 60


@pytest.mark.parametrize("remove", [True, False])
def test_who_left_earlier_campaigns_is_dropped_unless_told_otherwise(world: World, remove: bool) -> None:
    mark = {"at": 1, "by": "reply:1"}
    world.dynamo.seed("people", keys.standing("acme", "+64211111111"), lists={"7": mark})
    world.dynamo.seed("people", keys.standing("acme", "+64211111112"), blacklisted=mark)
    world.dynamo.seed("people", keys.standing("other", "+64211111113"), blacklisted=mark)
    started = world.drop("+64211111111\n021 111 1112\n+64211111113\n")
    world.head(started)["remove_opt_outs"] = remove
    head = world.run(started)
    assert counted(head) == ((1, 0, 0, 2, 0) if remove else (2, 1, 0, 0, 0))
    assert len(world.members()) == (1 if remove else 3)


def test_who_left_this_very_list_is_loaded_opted_out_when_all_are_wanted(world: World) -> None:
    list_id = world.run(world.drop("+64211111119"))["list_id"]
    left = {str(list_id): {"at": 5, "by": "reply:1"}}
    world.dynamo.seed("people", keys.standing("acme", "+64211111111"), lists=left)
    world.dynamo.seed("people", keys.standing("acme", "+64211111112"), lists={"999": {"at": 5, "by": "api"}})
    started = world.drop("+64211111111,Amy\n021 111 1112\n", version="v2")
    world.head(started)["remove_opt_outs"] = False
    head = world.run(started, times=2)
    assert counted(head) == (1, 1, 0, 0, 0)
    members = world.members()
    assert (members["+64211111111"]["opted_out"], members["+64211111111"]["params"]) == (5, ["Amy"])
    assert "opted_out" not in members["+64211111112"]
    list_head = world.list_head(list_id)
    assert (list_head["members"], list_head["opted_out"]) == (3, 1)


def test_a_second_import_waits_until_the_first_has_written_the_list(world: World) -> None:
    first = world.drop("+64211111111,a")
    valid = world.call("validate_list", first)
    second = world.drop("+64211111111,b\n+64211111112,c", "acme/lists/Gym/b.csv")
    assert [world.call("validate_list", second) for _ in range(2)] == [{"outcome": "busy"}] * 2
    waiting = world.head(second)
    assert (waiting["state"], waiting["phase"], waiting["rows_read"]) == ("validating", "waiting_for_list", 2)
    world.s3.objects["uploads", second["key"], "v1"] = b""  # it isn't read again
    for task in ("check_suppressions", "load_members"):
        world.each(task, first, valid, 1)
    world.call("finish_import", {**first, "outcome": "loaded"})
    head = world.run(second, times=2)
    assert (head["state"], head["added"], head["updated"]) == ("done", 1, 1)
    assert world.list_head(head["list_id"])["members"] == 2


def test_who_waits_too_long_for_its_list_is_told(world: World) -> None:
    world.call("validate_list", world.drop("+64211111111,a"))
    second = world.drop("+64211111112", "acme/lists/Gym/b.csv")
    assert world.call("validate_list", second)["outcome"] == "busy"
    world.head(second)["updated_at"] -= 3 * 3_600_000
    head = world.run(second)
    assert (head["state"], head["error"]["code"], head["rows_read"]) == ("failed", "list_busy", 1)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_new_list_whose_name_was_taken_meanwhile_is_not_mixed_with_the_other(
    world: World, dry_run: bool
) -> None:
    other = world.run(world.drop("+64211111119"))["list_id"]
    started = world.drop("+64211111111", version="v2")
    world.head(started).update(purpose="new_list", dry_run=dry_run)
    head = world.run(started, times=2)
    assert (head["state"], head["error"]["code"], head["rows_read"]) == ("failed", "list_name_taken", 1)
    assert world.list_head(other)["members"] == 1


def test_an_opt_out_while_a_part_is_loaded_is_marked_and_counted_at_the_end(world: World) -> None:
    list_id = world.run(world.drop("+64211111111,a"))["list_id"]
    started = world.drop("+64211111111,b", version="v2")
    valid = world.call("validate_list", started)
    world.each("check_suppressions", started, valid, 1)
    module = world.function("load_members")
    tables = [Table(name, world.dynamo) for name in ("people", "members", "workspaces")]

    def leave() -> None:
        world.dynamo.before = []
        OptOuts(*tables).leave("acme", "+64211111111", list_id, "reply:1", lambda: 5)

    world.dynamo.before = [leave]
    module.handler({**started, "list_id": list_id, "parts_per_list": 0, "part": 1}, None)
    assert "opted_out" not in world.members()["+64211111111"]
    for _ in range(2):
        world.call("finish_import", {**started, "outcome": "loaded"})
    member, list_head = world.members()["+64211111111"], world.list_head(list_id)
    assert (member["opted_out"], member["params"], list_head["opted_out"]) == (5, ["b"], 1)


def test_a_rejected_rows_file_drops_in_again_as_it_is_once_corrected(world: World) -> None:
    rejected = world.s3.text(world.run(world.drop(FILE))["rejected_key"])
    head = world.run(world.drop(rejected.replace("+6421x", "+64211111119"), version="v2"))
    assert counted(head) == (1, 0, 0, 0, 0)
    assert world.members()["+64211111119"]["params"] == ["Çağlar"]


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


def test_a_lost_answer_to_the_lists_creation_makes_no_second_list(world: World) -> None:
    started = world.drop(FILE)
    applied = world.dynamo.transact_write_items

    def lose(**request: Any) -> Any:
        world.dynamo.transact_write_items = applied  # type: ignore[method-assign]
        applied(**request)
        raise ConnectionError

    world.dynamo.transact_write_items = lose  # type: ignore[method-assign, assignment]
    with pytest.raises(ConnectionError):
        world.call("validate_list", started)
    head = world.run(started)
    assert head["state"] == "done"
    assert sum(sk.startswith("list#") for _, sk in world.dynamo.tables["workspaces"]) == 1


def test_a_list_that_appears_meanwhile_is_the_one_that_is_loaded(world: World) -> None:
    started = world.drop(FILE)
    rival = keys.list_head("acme", 77)

    def appear() -> None:
        world.dynamo.seed("workspaces", rival, id=77, name="Gym", members=0, opted_out=0, deleted=0)
        world.dynamo.seed("workspaces", keys.list_name("acme", "Gym"), list_id=77)

    world.dynamo.before = [lambda: None, appear]  # after the id was reserved
    assert world.run(started)["list_id"] == 77


# ---- dry run ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2], ids=["once", "every step twice"])
def test_a_dry_run_counts_every_bucket_shows_the_first_rows_and_writes_no_list(
    world: World, times: int
) -> None:
    world.dynamo.seed(
        "people", keys.standing("acme", "+64211111111"), lists={"7": {"at": 1, "by": "reply:1"}}
    )
    rows = "".join(f"021 222 {n:04d},{n}\n" for n in range(3_000))
    started = world.drop(FILE + rows)
    world.head(started)["dry_run"] = True
    head = world.run(started, times)
    assert (head["state"], head["phase"]) == ("done", "dry_run")
    assert counted(head) == (0, 3_001, 1, 1, 1)
    assert len(head["first_rows"]) == 20
    assert head["first_rows"][:2] == [
        {"mobile": "+64211111111", "params": ["Amy"], "changes": []},
        {
            "mobile": "+64211111112",
            "params": ["Budi"],
            "changes": ["separators_removed", "prefix_mapped", "plus_added"],
        },
    ]
    assert "+6421x" in world.s3.text(head["rejected_key"])
    assert not world.dynamo.tables["members"]
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]
    assert not world.open()


def test_a_dry_run_for_a_list_that_is_gone_fails_as_the_import_would(world: World) -> None:
    started = world.drop(FILE)
    world.head(started).update(dry_run=True, target=99)
    assert world.run(started)["error"]["code"] == "list_gone"


# ---- split -----------------------------------------------------------------------------------------------


def split(world: World, rows: int, records: int, out: int = 0) -> dict[str, Any]:
    """The input of the execution for a file of so many rows, of which the first `out` have opted out."""
    numbers = [f"+6421{n:07d}" for n in range(rows)]
    for mobile in numbers[:out]:
        world.dynamo.seed("people", keys.standing("acme", mobile), blacklisted={"at": 1, "by": "api:1"})
    started = world.drop("".join(f"{mobile},{n}\n" for n, mobile in enumerate(numbers)))
    world.head(started)["split"] = {"records": records}
    return started


@pytest.mark.parametrize("times", [1, 2], ids=["once", "every step twice"])
@pytest.mark.parametrize(
    ("rows", "out", "records", "expected"),
    [
        (10, 0, 4, [4, 4, 2]),
        (10, 1, 3, [3, 3, 3]),
        (5_100, 3, 2_600, [2_600, 2_497]),
        (3, 0, 9, [3]),
        (2, 2, 9, [0]),
    ],
)
def test_a_file_is_split_into_lists_of_exact_counts_in_its_order(
    world: World, rows: int, out: int, records: int, expected: list[int], times: int
) -> None:
    started = split(world, rows, records, out)
    head = world.run(started, times)
    assert (head["state"], head["opted_out"], head["added"]) == ("done", out, rows - out)
    counted(head)
    count = len(expected)
    assert [(each["name"], each["records"]) for each in head["lists"]] == [
        (f"Gym ({n}/{count})", size) for n, size in enumerate(expected, 1)
    ]
    first = out
    members = world.dynamo.tables["members"]
    for each in head["lists"]:
        found = world.list_head(each["list_id"])
        assert (found["name"], found["members"], "loading" in found) == (each["name"], each["records"], False)
        wanted = [f"+6421{n:07d}" for n in range(first, first + each["records"])]
        pks = {keys.member(each["list_id"], mobile)["pk"] for mobile in wanted}
        assert sorted(mobile for pk, mobile in members if pk in pks) == wanted
        first += each["records"]
    assert len(members) == rows - out
    assert not world.open()


@pytest.mark.parametrize("times", [1, 2])
def test_a_split_whose_names_are_taken_fails_before_anything_is_written(world: World, times: int) -> None:
    started = split(world, 10, 4)
    world.dynamo.seed("workspaces", keys.list_name("acme", "Gym (3/3)"), list_id=77)
    head = world.run(started, times)
    assert (head["state"], head["error"]["code"]) == ("failed", "list_name_taken")
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]
    assert not world.open()


def test_a_name_that_is_taken_in_the_last_moment_leaves_no_list_of_the_split(world: World) -> None:
    started = split(world, 10, 4)
    valid = world.call("validate_list", started)
    world.each("check_suppressions", started, valid, 1)
    rival = keys.list_name("acme", "Gym (3/3)")
    applied = world.dynamo.transact_write_items

    def appear(**request: Any) -> Any:
        world.dynamo.transact_write_items = applied  # type: ignore[method-assign]
        world.dynamo.seed("workspaces", rival, list_id=77)
        return applied(**request)

    world.dynamo.transact_write_items = appear  # type: ignore[method-assign, assignment]
    assert world.call("split_list", started) == {"outcome": "failed"}
    assert world.head(started)["error"]["code"] == "list_name_taken"
    assert not [sk for _, sk in world.dynamo.tables["workspaces"] if sk.startswith("list#")]
    assert world.dynamo.find("workspaces", rival)


def test_more_lists_than_anybody_wants_are_refused(world: World) -> None:
    assert world.run(split(world, 501, 1))["error"]["code"] == "too_many_lists"


def test_a_split_that_broke_in_the_middle_counts_what_was_loaded(world: World) -> None:
    started = split(world, 10, 4)
    valid = world.call("validate_list", started)
    world.each("check_suppressions", started, valid, 1)
    valid = world.call("split_list", started)
    told = {name: valid[name] for name in ("list_id", "list_is_new", "parts_per_list")}
    world.call("load_members", {**started, **told, "part": 2})
    for _ in range(2):
        world.call("finish_import", {**started, "outcome": "failed", "error": {"Error": "x", "Cause": "y"}})
    heads = [world.list_head(each["list_id"]) for each in world.head(started)["lists"]]
    assert [(head["members"], "loading" in head) for head in heads] == [(0, False), (4, False), (0, False)]


# ---- plausibility ----------------------------------------------------------------------------------------

# the samples of the source: the first two exist nowhere, though it uses them; its bad number does exist
SAMPLES = "+6427123456,a\n+642912345,b\n+6421000000,c\n+99912345678,d\n"


@pytest.mark.parametrize("times", [1, 2], ids=["once", "every step twice"])
def test_implausible_numbers_are_imported_and_counted_unless_told_otherwise(world: World, times: int) -> None:
    head = world.run(world.drop(SAMPLES), times)
    assert (counted(head), head["implausible"]) == ((4, 0, 0, 0, 0), 3)
    assert len(world.members()) == 4


def test_a_list_may_ask_for_strict_validation_of_every_import(world: World) -> None:
    list_id = world.run(world.drop("+64211111111"))["list_id"]
    world.list_head(list_id)["strict"] = True
    head = world.run(world.drop("+6427123456\n+64211111112", version="v2"), times=2)
    assert (counted(head), head["strict"], head["codes"]) == ((1, 0, 0, 0, 1), True, {"implausible": 1})
    other = world.run(world.drop("+6427123456\n+64211111112", "acme/lists/Other/a.csv"))
    assert (counted(other), other["strict"]) == ((2, 0, 0, 0, 0), False)


def test_strict_validation_rejects_implausible_numbers_row_by_row(world: World) -> None:
    started = world.drop("mobile,name\n" + SAMPLES + "021 000 000,again\n027 123 456\n\n+64210x,letters\n")
    world.head(started)["strict"] = True
    world.dynamo.seed("workspaces", keys.prefix_map("acme", "027"), prefix="027", replacement="6427")
    head = world.run(started, 2)
    assert (counted(head), head["implausible"]) == ((1, 0, 1, 0, 5), 0)
    assert head["codes"] == {"implausible": 4, "letters": 1}
    rejected = world.s3.text(head["rejected_key"]).splitlines()
    assert [row.split(",")[0] for row in rejected[1:]] == ["2", "3", "5", "7", "9"]
    assert rejected[1].startswith('2,implausible,"Column 1: No country has a number like this. ')
    assert rejected[1].endswith(",+6427123456,a")


# ---- failures --------------------------------------------------------------------------------------------


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


# ---- mail ------------------------------------------------------------------------------------------------


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


# ---- campaigns that wait ---------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["loaded", "failed"])
def test_a_campaign_that_waits_for_the_list_goes_on_when_nothing_loads_it(world: World, outcome: str) -> None:
    first, second = world.drop(FILE), world.drop("+64211111119", version="v2")
    valid = world.call("validate_list", second)
    list_id = valid["list_id"]
    note = keys.waiting_for_import("acme", list_id, 55)
    world.dynamo.seed("workspaces", note, campaign=55, leg=3)
    world.dynamo.seed("workspaces", keys.campaign_head("acme", 55), id=55)
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

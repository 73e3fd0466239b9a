"""The recipients in one status become a file whose rows add up with the report [M1]; I5."""

import csv
import io
import random
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kabar.domain.recipients import Row
from kabar.domain.report_csv import HEADER
from kabar.domain.statuses import HANDED_OVER, Reason, Status, cell
from kabar.files import export
from kabar.storage import keys, plans, work
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Table
from kabar.storage.plans import Plans
from tests.functions.api_client import Api, api
from tests.functions.loading import load, sample
from tests.functions.test_exports import Uploads

__all__ = ["api"]

TIME = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
SIZE, CHUNKS, LAST = 20, 4, 7  # recipients of a chunk, chunks, recipients of the last one
FIRST_ID = 9000
SENT_AT, STATUS_AT, CLOSED_AT = 1_780_000_000_000, 1_780_000_360_000, 1_780_000_999_000
Rows = list[dict[str, str]]


class Bucket(Uploads):
    """Multipart uploads, and the objects of plans."""

    def put_object(self, **how: Any) -> None:
        self.objects[how["Key"]] = how["Body"]

    def get_object(self, **how: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[how["Key"]])}


class World:
    """A campaign of 67 recipients in every status, whose last chunk nobody has touched, and export_report."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = api
        self.bucket = Bucket()
        monkeypatch.setenv("WORK_BUCKET", "work")
        self.bucket.generate_presigned_url = api.clients.s3.generate_presigned_url
        self.bucket.generate_presigned_post = api.clients.s3.generate_presigned_post
        self.module = load("export_report", monkeypatch, **vars(api.clients) | {"s3": self.bucket})
        self.campaign = int(api.call("POST", "/v1/campaigns", api.campaign()).json["id"])
        recipients = SIZE * (CHUNKS - 1) + LAST
        key = keys.campaign_head("acme", self.campaign)
        head = api.tables.find("workspaces", key) or {}
        plan = {"attempt": "a", "recipients": recipients, "chunks": CHUNKS, "chunk_size": SIZE}
        plan |= {"first_id": FIRST_ID, "segments": recipients, "slice": 5}
        head |= {"plan": plan, "status": "cancelled", "closed_at": CLOSED_AT, "started_at": 5}
        head |= {"list_name": "=Gym, downtown"}
        dice = random.Random(7)  # noqa: S311  # any will do
        self.status: dict[int, Status] = {}
        for number in range(CHUNKS):
            size = LAST if number == CHUNKS - 1 else SIZE
            rows = [Row(self.mobile(number * SIZE + at), [], 1) for at in range(size)]
            Plans("work").write(self.campaign, "a", number, rows)
            if number == CHUNKS - 1:
                continue
            vector = bytes(
                cell(status, Reason.OPTED_OUT if status is Status.SUPPRESSED else Reason.NONE)
                for status in dice.choices(list(Status), k=size)
            )
            Chunks(Table("dispatch", api.tables)).merge(self.campaign, number, vector, 1)
            for at, byte in enumerate(vector):
                self._facts(number * SIZE + at, Status(byte & 0x0F))

    def mobile(self, position: int) -> str:
        return f"+6421{position:07d}"

    def _facts(self, position: int, status: Status) -> None:
        self.status[position] = status
        for known, at in ((status, STATUS_AT), (Status.SUBMITTED, SENT_AT)):
            if status is Status.SUPPRESSED and known is Status.SUBMITTED:
                continue
            fact = keys.fact("acme", self.mobile(position), FIRST_ID + position, known.word)
            if known in HANDED_OVER - {Status.SENT, Status.UNCERTAIN} | {Status.SUBMITTED, Status.SUPPRESSED}:
                self.api.tables.seed("people", fact, at=at + position)

    def begin(self, status: str) -> dict[str, Any]:
        answer = self.api.call("POST", f"/v1/reports/{self.campaign}/exports", {"status": status})
        assert answer.status == 202, answer.text
        told: dict[str, Any] = self.api.clients.started[str(answer.json["id"])]
        return told

    def shown(self, told: dict[str, Any]) -> Any:
        return self.api.call("GET", f"/v1/reports/{self.campaign}/exports/{told['export_id']}").json

    def run(self, told: dict[str, Any], context: Any = TIME) -> str:
        return str(self.module.handler(told, context)["outcome"])

    def file(self, told: dict[str, Any]) -> Rows:
        content = self.bucket.objects[work.exported_list(told["export_id"])].decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(content, newline=""), strict=True))


@pytest.fixture
def world(api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    work.client.cache_clear()
    plans.client.cache_clear()
    yield World(api, monkeypatch)
    work.client.cache_clear()
    plans.client.cache_clear()


def test_the_files_of_all_statuses_hold_every_recipient_once_as_the_report_counts_them(world: World) -> None:
    """I5"""
    report = world.api.call("GET", f"/v1/campaigns/{world.campaign}/report").json
    everybody: list[str] = []
    for status, count in report["statuses"].items():
        told = world.begin(status)
        assert world.shown(told)["rows_expected"] == count
        assert world.run(told) == "done"
        rows = world.file(told)
        assert (len(rows), world.shown(told)["rows"]) == (count, count)
        assert {row["status"] for row in rows} <= {status}
        everybody += [row["mobile"] for row in rows]
    assert sorted(everybody) == [world.mobile(at) for at in range(SIZE * (CHUNKS - 1) + LAST)]
    assert sum(report["statuses"].values()) == report["recipients"] == len(everybody)


def test_a_row_says_which_message_and_when_on_the_wall_clock_of_the_zone(world: World) -> None:
    told = world.begin("received")
    world.run(told)
    row = world.file(told)[0]
    position = next(at for at, status in world.status.items() if status is Status.RECEIVED)
    assert tuple(row) == HEADER
    assert row["list_name"] == "'=Gym, downtown"  # no spreadsheet runs it
    assert (row["mobile"], row["message_id"]) == (world.mobile(position), str(FIRST_ID + position))
    assert row["timezone"] == "Pacific/Auckland"
    assert datetime.fromisoformat(row["sent_date"]).timestamp() * 1000 == SENT_AT + position
    assert datetime.fromisoformat(row["status_date"]).timestamp() * 1000 == STATUS_AT + position
    assert row["sent_date"].endswith("+12:00")


@pytest.mark.parametrize(
    ("status", "sent", "since"),
    [
        ("pending", None, None),
        ("submitted", None, SENT_AT),
        ("suppressed", None, STATUS_AT),
        ("cancelled", None, CLOSED_AT),
        ("uncertain", SENT_AT, SENT_AT),
        ("sent", SENT_AT, SENT_AT),
        ("rejected", SENT_AT, STATUS_AT),
    ],
)
def test_what_was_never_handed_over_has_no_sent_date(
    world: World, status: str, sent: int | None, since: int | None
) -> None:
    told = world.begin(status)
    world.run(told)
    rows = world.file(told)
    assert rows
    for row in rows:
        for shown, expected in ((row["sent_date"], sent), (row["status_date"], since)):
            if expected is None:
                assert shown == ""
            else:
                assert 0 <= datetime.fromisoformat(shown).timestamp() * 1000 - expected < 1000


def test_it_is_written_in_parts_and_whoever_comes_next_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PART_BYTES", 1)
    told = world.begin("pending")
    left = iter([900_000, 900_000, 0])
    assert world.run(told, SimpleNamespace(get_remaining_time_in_millis=lambda: next(left))) == "more"
    assert 0 < world.shown(told)["progress"] < 1
    assert world.run(told) == "done"
    assert world.bucket.begun == 1
    assert len(world.bucket.sizes) > 1
    mobiles = [row["mobile"] for row in world.file(told)]
    assert sorted(set(mobiles)) == mobiles


def test_a_campaign_that_never_started_is_a_header(world: World) -> None:
    world.campaign = int(world.api.call("POST", "/v1/campaigns", world.api.campaign()).json["id"])
    told = world.begin("pending")
    assert world.run(told) == "done"
    assert world.file(told) == []
    assert world.shown(told)["file"].startswith("https://work/exports/")


def test_a_failed_execution_is_told(world: World) -> None:
    told = world.begin("sent")
    assert world.run(told | {"error": {"Error": "States.Timeout", "Cause": ""}}) == "failed"
    assert world.shown(told)["error"]["code"] == "export_interrupted"


def test_a_download_belongs_to_one_campaign_and_workspace(world: World) -> None:
    told = world.begin("sent")
    where = f"/v1/reports/{world.campaign}/exports"
    call = world.api.call
    assert call("GET", f"{where}/{told['export_id']}", workspace="rival").status == 404
    assert call("POST", where, {"status": "sent"}, workspace="rival").status == 404
    assert call("GET", f"/v1/lists/{world.campaign}/exports/{told['export_id']}").status == 404
    assert call("POST", where, {"status": "lost"}).status == 422


def test_the_log_says_who_downloaded_what(world: World) -> None:
    told = world.begin("failed")
    (entry,) = world.api.call("GET", "/v1/activity?what=campaign%20exported").json["data"]
    assert (entry["about"], entry["who"]) == (f"campaign/{world.campaign}", "api:key:1")
    assert entry["detail"] == {"export": told["export_id"], "status": "failed"}


def test_the_sample_event_names_a_download() -> None:
    assert set(sample("export_report_begin")) == {"workspace", "campaign_id", "export_id"}


# ---- which reports there are, and the queue --------------------------------------------------------------


def test_reports_can_be_switched_between(world: World) -> None:
    """Those of campaigns that started or ended, newest first."""
    world.api.call("POST", "/v1/campaigns", world.api.campaign())
    (line,) = world.api.call("GET", "/v1/reports").json["data"]
    assert (line["campaign_id"], line["status"], line["recipients"]) == (world.campaign, "cancelled", 67)


def test_campaigns_are_found_by_status_list_and_name(api: Api) -> None:
    ids = [api.call("POST", "/v1/campaigns", api.campaign(name=f"Sale {n}")).json["id"] for n in range(5)]
    api.call("POST", f"/v1/campaigns/{ids[2]}/pause")

    def found(query: str) -> list[int]:
        shown: list[int] = []
        cursor = ""
        while True:
            page = api.call("GET", f"/v1/campaigns?limit=2&{query}{cursor}").json
            shown += [each["id"] for each in page["data"]]
            if page["next_cursor"] is None:
                return shown
            cursor = f"&cursor={page['next_cursor']}"

    assert found("") == ids[::-1]
    assert found("status=paused") == [ids[2]]
    assert found("status=scheduled&search=sale") == [i for i in ids[::-1] if i != ids[2]]
    assert found("search=SALE%204") == [ids[4]]
    assert found("list_id=8") == []
    assert api.call("GET", "/v1/campaigns?status=lost").status == 422
    first = api.call("GET", "/v1/campaigns?limit=2").json["next_cursor"]
    assert api.call("GET", f"/v1/campaigns?limit=2&status=paused&cursor={first}").status == 422


def test_the_queue_shows_who_sends_and_who_is_next_in_order_of_schedule(api: Api) -> None:
    """[F4]"""
    ids = [api.call("POST", "/v1/campaigns", api.campaign()).json["id"] for _ in range(4)]
    for due, number in zip((30, 10, 20, 40), ids, strict=True):
        head = api.tables.find("workspaces", keys.campaign_head("acme", number)) or {}
        head |= {"due_at": due, "status": "sending" if due == 10 else "queued"}
        api.tables.seed("workspaces", keys.queued("acme", due, number), campaign=number, due_at=due, leg=1)
    paused = api.tables.find("workspaces", keys.campaign_head("acme", ids[3])) or {}
    paused["status"] = "paused"
    shown, cursor = [], ""
    while True:
        page = api.call("GET", f"/v1/campaigns/queue?limit=1{cursor}").json
        shown += [(each["position"], each["campaign_id"], each["status"]) for each in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert shown == [(1, ids[1], "sending"), (2, ids[2], "queued"), (3, ids[0], "queued")]


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_quick_campaign_that_ended_before_its_list_came_is_a_header(world: World, status: str) -> None:
    wish = {"name": "Sale", "list_name": "Gym", "text": "Hi", "schedule": "now"}
    made = world.api.call("POST", "/v1/quick-campaigns", wish)
    assert made.status == 201, made.text
    world.campaign = int(made.json["campaign"]["id"])
    head = world.api.tables.find("workspaces", keys.campaign_head("acme", world.campaign)) or {}
    head |= {"status": status, "closed_at": CLOSED_AT}
    assert world.campaign in [
        each["campaign_id"] for each in world.api.call("GET", "/v1/reports").json["data"]
    ]
    told = world.begin("cancelled")
    assert world.run(told) == "done"
    assert world.file(told) == []
    assert world.shown(told)["file"].startswith("https://work/exports/")

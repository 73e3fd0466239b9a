"""Reports of any size go into the bucket as they are written: neither memory nor /tmp holds them [D5]."""

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from kabar.domain.imports import Totals, validate
from kabar.domain.numbers import Numbers
from kabar.storage import report_files, work
from kabar.storage.import_files import ImportFiles
from kabar.storage.report_files import ReportFile
from kabar.storage.work import Work
from tests.functions.import_rig import FILE, World, world
from tests.functions.test_exports import Uploads

__all__ = ["world"]

PIECE = 50_000


class Bucket(Uploads):
    """Multipart uploads and plain puts, and how large these were."""

    def __init__(self) -> None:
        super().__init__()
        self.puts: list[int] = []

    def put_object(self, **how: Any) -> None:
        assert how["ContentType"] == "text/csv; charset=utf-8"
        self.objects[how["Key"]] = how["Body"]
        self.puts.append(len(how["Body"]))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket()
    monkeypatch.setattr(work, "client", lambda: made)
    monkeypatch.setattr(report_files, "PART_BYTES", PIECE)
    monkeypatch.setattr(report_files, "_BUFFER", 1_000)
    return made


def test_a_small_report_is_one_object_and_an_empty_one_is_none(bucket: Bucket) -> None:
    assert ReportFile(Work("work"), "imports/a/rejected.csv").keep() is None
    file = ReportFile(Work("work"), "imports/a/rejected.csv")
    file.write("Çağlar\r\n")
    assert bucket.objects == {}
    assert file.keep() == "imports/a/rejected.csv"
    assert (bucket.objects, bucket.begun) == ({"imports/a/rejected.csv": "Çağlar\r\n".encode()}, 0)


def test_a_large_report_goes_out_in_pieces_of_one_size(bucket: Bucket) -> None:
    file, rows = ReportFile(Work("work"), "imports/a/rejected.csv"), [f"{n},Şükrü\r\n" for n in range(30_000)]
    for row in rows:
        file.write(row)
    assert bucket.objects == {}  # nobody sees half of it
    assert file.keep() == "imports/a/rejected.csv"
    assert bucket.objects["imports/a/rejected.csv"].decode() == "".join(rows)
    assert (bucket.begun, len(bucket.sizes) > 8, max(bucket.sizes) < 2 * PIECE) == (1, True, True)
    assert min(bucket.sizes[:-1]) >= PIECE


@pytest.mark.parametrize("death", ["upload_part", "complete_multipart_upload"])
def test_whoever_dies_over_a_report_leaves_the_earlier_one_and_the_next_try_replaces_it(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, death: str
) -> None:
    def write(text: str) -> None:
        file = ReportFile(Work("work"), "imports/a/rejected.csv")
        for _ in range(PIECE // 100):
            file.write(text * 150)
        file.keep()

    def dying(**_: Any) -> None:
        raise SystemExit

    write("a")
    with monkeypatch.context() as patch:
        patch.setattr(bucket, death, dying)
        with pytest.raises(SystemExit):
            write("b")
    assert set(bucket.objects["imports/a/rejected.csv"]) == {ord("a")}
    write("b")
    assert set(bucket.objects["imports/a/rejected.csv"]) == {ord("b")}


def test_a_file_of_rejected_and_repeated_rows_takes_no_room_for_its_reports(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a report is no temporary file")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", never)
    wide = b"+6421x" + b",param of fifty characters, more or less".replace(b", ", b" ") * 6 + b"\n"

    def chunks() -> Iterator[bytes]:
        yield b"mobile,a,b,c,d,e,f\n+64211111111,first\n"
        for _ in range(200):
            yield wide * 100 + b"+64211111111,again\n" * 100

    put = ImportFiles(Work("work"), {"id": "a"}, lambda *_: None)
    totals: Totals = validate(chunks(), Numbers({}), put)
    kept = put.keep_reports()
    assert (totals.accepted, totals.rejected, totals.duplicates) == (1, 20_000, 20_000)
    for which, text in (("rejected", "letters"), ("duplicates", "duplicate")):
        header, *rows = bucket.objects[kept[f"{which}_key"]].decode().split("\r\n")[:-1]
        assert header == "kabar_line,kabar_code,kabar_reason,mobile,a,b,c,d,e,f"
        assert len(rows) == 20_000
        assert all(row.split(",")[1] == text for row in rows)
    assert max(bucket.sizes) < 2 * PIECE


def test_a_file_that_is_larger_than_there_is_room_for_is_refused_unread(world: World) -> None:
    started = world.drop(FILE)
    world.head(started)["bytes_total"] = 1024**3 + 1
    del world.s3.objects["uploads", started["key"], "v1"]
    assert world.run(started)["error"]["code"] == "file_too_large"

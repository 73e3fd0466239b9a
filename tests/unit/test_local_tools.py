"""The tools that judge and clean up must themselves be trusted: they see every difference and kill no stranger."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local import audit, processes
from local.job import Accepted

TEXTS = {"+905321234501": "Hi A", "+905321234502": "Hi B"}


def message(to: str, text: str) -> Accepted:
    return Accepted(to, "3774", f"id-{to}", text, 1)


A, B = (message(to, text) for to, text in TEXTS.items())


@pytest.mark.parametrize(
    ("accepted", "left_out", "uncertain", "said"),
    [
        ([A, B], set(), 0, ""),
        ([A, A, B], set(), 0, "more than once"),
        ([A], set(), 0, "skipped"),
        ([A], set(), 1, ""),
        ([A], {B.to}, 0, ""),
        ([A, B], {B.to}, 0, "though left out"),
        ([A, B, message("+1", "Hi")], set(), 0, "without being a recipient"),
        ([A, message(B.to, "Hi C")], set(), 0, "another text"),
    ],
)
def test_the_audit_sees_who_got_what(
    accepted: list[Accepted], left_out: set[str], uncertain: int, said: str
) -> None:
    found = audit.sent("x", accepted, TEXTS, left_out=left_out, missing_allowed=uncertain)
    assert bool(found) == bool(said)
    assert said in "".join(found)


@pytest.mark.parametrize(
    ("statuses", "recipients", "segments", "differences"),
    [
        ({"received": 2}, 2, 2, 0),
        ({"received": 1, "failed": 1}, 2, 2, 2),
        ({"received": 2}, 3, 2, 2),
        ({"received": 2}, 2, 3, 1),
        ({"received": 2, "sent": 0}, 2, 2, 0),
    ],
)
def test_the_audit_adds_up_a_report(
    statuses: dict[str, int], recipients: int, segments: int, differences: int
) -> None:
    found = {"statuses": statuses, "recipients": recipients, "segments": segments}
    assert len(audit.report("x", found, 2, {"received": 2}, 2)) == differences


def test_the_audit_adds_up_an_import() -> None:
    right = dict.fromkeys(audit.BUCKETS, 1)
    assert audit.buckets({**right, "rows_read": 5}, right) == []
    assert len(audit.buckets({**right, "rows_read": 6}, right)) == 1
    assert len(audit.buckets({**right, "rejected": 2, "rows_read": 6}, right)) == 1


def test_a_process_is_stopped_only_while_it_is_the_one_that_was_started(tmp_path: Path) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours = processes.start(sleeper, tmp_path / "log", {}, tmp_path)
    try:
        for stranger in (replace(ours, started=ours.started + 1), replace(ours, boot="another")):
            assert not stranger.alive
            processes.stop(stranger)
        assert ours.alive
    finally:
        processes.stop(ours)
    assert not ours.alive


def test_a_file_that_was_cut_short_remembers_no_process(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    assert processes.Process.load(path) is None
    processes.of(os.getpid()).save(path)
    loaded = processes.Process.load(path)
    assert loaded is not None
    assert loaded.alive
    path.write_text(path.read_text()[:20])
    assert processes.Process.load(path) is None

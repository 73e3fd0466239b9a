"""Sweep: an import whose execution is gone is ended, so that its list is free again."""

from collections.abc import Iterator
from typing import Any

import pytest

from kabar.legs.repair import SILENCE, repair_imports
from kabar.storage.imports import Imports, execution

NOW = 10 * SILENCE
HEAD: dict[str, Any] = {
    "id": "abc",
    "state": "loading",
    "updated_at": NOW - SILENCE,
    "bucket": "uploads",
    "key": "acme/lists/A/a.csv",
    "version": "v1",
}


class OneImport(Imports):
    """One open import."""

    def __init__(self, head: dict[str, Any] | None) -> None:
        self._head = head

    def every_open(self) -> Iterator[dict[str, Any]]:
        yield {"workspace": "acme", "import_id": "abc"}

    def get(self, workspace: str, import_id: str) -> dict[str, Any] | None:
        assert (workspace, import_id) == ("acme", "abc")
        return self._head


@pytest.mark.parametrize(
    ("changes", "running", "ended"),
    [
        ({}, False, True),
        ({"state": "validating"}, False, True),
        ({}, True, False),
        ({"updated_at": NOW - SILENCE + 1}, False, False),
        ({"state": "needs_decision"}, False, False),
        ({"state": "done"}, False, False),
        ({"state": "failed"}, False, False),
    ],
)
def test_an_import_is_ended_when_nothing_works_on_it(
    changes: dict[str, Any], running: bool, ended: bool
) -> None:
    head = HEAD | changes
    failed: list[tuple[str, str]] = []

    def is_running(name: str) -> bool:
        assert name == execution("acme", head)[0]
        return running

    found = repair_imports(OneImport(head), is_running, lambda *which: failed.append(which), NOW)
    assert failed == ([("acme", "abc")] if ended else [])
    assert found == (["abc"] if ended else [])


def test_an_import_that_is_gone_is_nobodys() -> None:
    assert repair_imports(OneImport(None), lambda _: False, lambda *_: pytest.fail("ended"), NOW) == []

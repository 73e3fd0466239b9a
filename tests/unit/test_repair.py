"""Sweep: an import whose execution is gone is ended, so that its list is free again."""

from collections.abc import Iterator
from typing import Any

import pytest

from kabar.files.repair import SILENCE, UNDECIDED, repair_imports
from kabar.storage.import_heads import Heads, execution

NOW = 10 * UNDECIDED
HEAD: dict[str, Any] = {
    "id": "abc",
    "state": "loading",
    "updated_at": NOW - SILENCE,
    "bucket": "uploads",
    "key": "acme/lists/A/a.csv",
    "version": "v1",
}


class OneImport(Heads):
    """One open import."""

    def __init__(self, head: dict[str, Any] | None) -> None:
        self._head = head

    def every_open(self) -> Iterator[dict[str, Any]]:
        yield {"workspace": "acme", "import_id": "abc"}

    def get(self, workspace: str, import_id: str) -> dict[str, Any] | None:
        assert (workspace, import_id) == ("acme", "abc")
        return self._head


@pytest.mark.parametrize(
    ("changes", "running", "begun", "ended"),
    [
        ({}, False, True, "failed"),
        ({"state": "validating"}, False, True, "failed"),
        (
            {"state": "validating", "decision": 1},
            False,
            False,
            None,
        ),  # who decided died before it was started
        ({}, True, True, None),
        ({"updated_at": NOW - SILENCE + 1}, False, True, None),
        ({"state": "needs_decision"}, False, True, None),
        ({"state": "needs_decision", "updated_at": NOW - UNDECIDED}, False, True, "expired"),
        ({"state": "done"}, False, True, None),
        ({"state": "failed"}, False, True, None),
    ],
)
def test_an_import_is_ended_when_nothing_works_on_it_and_started_when_nothing_ever_did(
    changes: dict[str, Any], running: bool, begun: bool, ended: str | None
) -> None:
    head = HEAD | changes
    acts: list[Any] = []

    def is_running(name: str) -> bool:
        assert name == execution("acme", head)[0]
        return running

    def start(name: str, told: dict[str, Any]) -> bool:
        assert (name, told) == execution("acme", head)
        acts.extend([] if begun else ["started"])
        return not begun

    found = repair_imports(OneImport(head), is_running, start, lambda *how: acts.append(how), NOW)
    wanted = ["started"] if not begun else [("acme", "abc", ended)] if ended else []
    assert acts == wanted
    assert found == (["abc"] if wanted else [])


def test_an_import_that_is_gone_is_nobodys() -> None:
    none = OneImport(None)
    assert repair_imports(none, lambda _: False, lambda *_: False, lambda *_: pytest.fail("ended"), NOW) == []

"""docs/carriers.md says what the code does: ranks, words, connectors, limits [H1] [L1]."""

from pathlib import Path

import pytest

from kabar.carriers import CARRIERS
from kabar.carriers.generic import PROMISES, STATUSES
from kabar.carriers.infobip import DEAD_ERRORS, GROUPS, IDS
from kabar.domain.statuses import FINAL_RECEIPTS, Status
from kabar.storage.accounts import CONNECTIONS

TEXT = (Path(__file__).parents[2] / "docs" / "carriers.md").read_text(encoding="utf-8")
RANKS = TEXT[TEXT.index("| rank |") :]


@pytest.mark.parametrize("status", [status for status in Status if status not in FINAL_RECEIPTS])
def test_every_status_stands_at_its_rank(status: Status) -> None:
    assert f"| {int(status)} | {status.word} |" in RANKS


def test_statuses_of_receipts_stand_in_their_order() -> None:
    words = ", ".join(status.word for status in sorted(FINAL_RECEIPTS))
    assert f"| {min(FINAL_RECEIPTS)}–{max(FINAL_RECEIPTS)} | {words} |" in RANKS


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_every_word_that_gateways_say_stands_beside_its_status(word: str, status: Status) -> None:
    (row,) = [
        line for line in TEXT.splitlines() if line.startswith((f"| {status.word} |", f"| {status.word} ("))
    ]
    assert word in row.lower().split("|")[3].split()


@pytest.mark.parametrize(("group", "status"), GROUPS.items())
def test_every_group_of_infobip_stands_beside_its_status(group: int, status: Status) -> None:
    (row,) = [
        line for line in TEXT.splitlines() if line.startswith((f"| {status.word} |", f"| {status.word} ("))
    ]
    assert str(group) in row.split("|")[2].replace(",", " ").replace(";", " ").split()


def test_what_says_more_than_its_group_is_told() -> None:
    assert {2: Status.SENT} == IDS
    assert "id 2 (the operator has it, the handset perhaps not)" in TEXT
    assert "a permanent error 1, 5 or 9" in TEXT
    assert {1, 5, 9} == DEAD_ERRORS


def test_every_connector_and_promise_is_there() -> None:
    assert all(f"| `{connector.name}` |" in TEXT for connector in CARRIERS)
    assert all(f"| `{promise}` |" in TEXT for promise in PROMISES)
    assert f'"connections": {CONNECTIONS}' in TEXT

"""Freezing recipients: objects side by side, none lost without a word, ids that are nobody else's."""

import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Self

import pytest

from kabar.domain.composing import composer
from kabar.domain.recipients import Member, Row, Selection
from kabar.legs import freeze
from kabar.legs.freeze import WRITERS, Written, write_chunks
from kabar.storage import keys
from kabar.storage.plans import Plans
from tests.functions.leg_rig import LIST, WORKSPACE, Rig

HEAD = {"text": "Merhaba", "carrier": "infobip", "list_id": LIST}
MANY = 10 * WRITERS


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


class Writing(Plans):
    """Objects that nobody keeps: `meanwhile` happens in the writing thread, by the number of the chunk."""

    def __init__(self, meanwhile: Callable[[int], object]) -> None:
        super().__init__("work")
        self._meanwhile = meanwhile

    def write(self, _campaign: int, _folder: str, number: int, _rows: Sequence[Row]) -> None:
        self._meanwhile(number)


def written(found: Iterator[Member], meanwhile: Callable[[int], object]) -> Written:
    selection = Selection(composer(HEAD), 15)
    return write_chunks(Writing(meanwhile), 1, "attempt", found, selection, None)


def people(count: int) -> Iterator[Member]:
    return ((f"+6421{number:07d}", []) for number in range(count))


@pytest.fixture
def one_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """One recipient to an object."""
    monkeypatch.setattr(freeze, "CHUNK_SIZE", 1)


@pytest.mark.usefixtures("one_each")
@pytest.mark.parametrize("lost", [0, WRITERS, MANY - 1])
def test_an_object_that_could_not_be_written_ends_the_plan(lost: int) -> None:
    def meanwhile(number: int) -> None:
        if number == lost:
            raise OSError("no object")

    with pytest.raises(OSError, match="no object"):
        written(people(MANY), meanwhile)


@pytest.mark.usefixtures("one_each")
def test_objects_are_written_side_by_side() -> None:
    both = threading.Barrier(2)

    assert written(people(2), lambda _number: both.wait(timeout=5)).recipients == 2


class Patient:
    """An executor that does its work only when somebody waits for it; `most` is how much ever was to be done."""

    most = 0

    def __init__(self, _threads: int) -> None:
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert not self._waiting

    def submit(self, do: Callable[..., None], *arguments: Any) -> SimpleNamespace:
        self._waiting += 1
        Patient.most = max(Patient.most, self._waiting)

        def result() -> None:
            self._waiting -= 1
            do(*arguments)

        return SimpleNamespace(result=result)


@pytest.mark.usefixtures("one_each")
def test_slow_objects_hold_up_the_reading_of_a_list_that_memory_could_not_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(freeze, "ThreadPoolExecutor", Patient)
    assert written(people(MANY), lambda number: number).recipients == MANY
    assert Patient.most == 2 * WRITERS + 1


@pytest.mark.parametrize("count", [0, 1, 700])
def test_message_ids_are_of_one_campaign_only(rig: Rig, count: int) -> None:
    rig.members(count)
    rig.members(3, LIST + 1)
    blocks = []
    for number, list_id in ((1, LIST), (2, LIST + 1)):
        rig.campaign(number, list_id=list_id)
        rig.leg(number, 1)
        first = rig.head(number)["plan"]["first_id"]
        block = rig.dynamo.find("workspaces", keys.id_block(first))
        assert block
        assert (block["campaign"], block["size"]) == (number, count if number == 1 else 3)
        blocks.append(first)
    assert blocks[1] >= blocks[0] + max(count, 1)


def test_a_plan_keeps_the_currency_of_its_costs(rig: Rig) -> None:
    """[E3] Whatever the prices are later."""
    rig.members(2)
    rig.campaign(1)
    rig.leg(1, 1)
    assert "currency" not in rig.head(1)["plan"]
    rig.dynamo.seed(
        "workspaces", keys.prices(WORKSPACE), currency="TRY", default="0.2", countries={}, version=1
    )
    rig.campaign(2, list_id=LIST + 1)
    rig.members(2, LIST + 1)
    rig.plan(2, 1)
    plan = rig.head(2)["plan"]
    assert (plan["currency"], plan["cost"]) == ("TRY", 400_000)


def test_a_campaign_over_an_account_that_is_gone_is_planned_all_the_same(rig: Rig) -> None:
    """What it is sent over is known to be missing at the send, where it pauses with the reason."""
    rig.members(2)
    rig.campaign(1)
    key = keys.carrier(WORKSPACE, "infobip")
    del rig.dynamo.tables["workspaces"][key["pk"], key["sk"]]
    assert rig.plan(1, 1)["outcome"] == "send"

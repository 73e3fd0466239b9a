"""What senders see of the sending hours: by kind of send, by recipient where that counts, at most a second old [G2]."""

from typing import Any

import pytest

from kabar.domain.hours import Covered
from kabar.domain.number_zones import zones_of
from kabar.legs.gate import Gate, goes_on_at
from kabar.storage import keys
from kabar.storage.chunks import Chunk
from kabar.storage.dynamo import Table
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.leg_rig import TIMING, WORKSPACE
from tests.functions.request_rig import CLOSE, HOUR, HOURS, MONDAY_8, THURSDAY_9

ISTANBUL, NEW_YORK = "+905321234567", "+12125550123"
NEW_YORK_8 = THURSDAY_9 + 7 * HOUR
SECOND = 1000


class Settings(FakeDynamo):
    """Only to be read consistently: an edit counts within a second [F5]."""

    def get_item(self, **request: Any) -> dict[str, Any]:
        assert request["ConsistentRead"]
        return super().get_item(**request)

    def hours(self, **changes: Any) -> None:
        hours = HOURS | {"covers": ["campaigns"]} | changes
        self.seed("workspaces", keys.settings(WORKSPACE), timezone="Europe/Istanbul", sending_hours=hours)

    def gate(self, kind: Covered | None = Covered.CAMPAIGNS) -> Gate:
        return Gate(Table("workspaces", self), WORKSPACE, kind, TIMING)


@pytest.fixture
def settings() -> Settings:
    made = Settings()
    made.hours()
    return made


def test_without_settings_it_is_open_to_everybody() -> None:
    gate = Settings().gate()
    assert (gate.opens(CLOSE), gate.waits([ISTANBUL], CLOSE), gate.zones([ISTANBUL], CLOSE)) == (
        None,
        {},
        None,
    )


def test_hours_that_cover_other_kinds_of_send_hold_nothing(settings: Settings) -> None:
    settings.hours(zone_of="recipient", covers=["api_messages"])
    gate = settings.gate()
    assert (gate.waits([NEW_YORK], CLOSE), gate.zones([NEW_YORK], CLOSE)) == ({}, None)
    assert gate.opens(CLOSE, [zones_of(NEW_YORK)]) is None


def test_what_no_hours_cover_looks_at_none(settings: Settings) -> None:
    settings.hours(zone_of="recipient")
    gate = settings.gate(None)
    assert (gate.opens(CLOSE), gate.waits([ISTANBUL], CLOSE), gate.zones([ISTANBUL], CLOSE)) == (
        None,
        {},
        None,
    )
    assert settings.calls == []


def test_hours_of_the_workspace_are_those_of_every_recipient(settings: Settings) -> None:
    gate = settings.gate()
    assert (gate.opens(CLOSE), gate.opens(THURSDAY_9)) == (MONDAY_8, None)
    assert (gate.waits([NEW_YORK], CLOSE), gate.zones([NEW_YORK], CLOSE)) == ({}, None)


def test_hours_of_the_recipients_are_those_of_each(settings: Settings) -> None:
    settings.hours(zone_of="recipient")
    gate = settings.gate()
    assert gate.waits([ISTANBUL, NEW_YORK], THURSDAY_9) == {NEW_YORK: NEW_YORK_8}
    zones = gate.zones([NEW_YORK, ISTANBUL, ISTANBUL], THURSDAY_9)
    assert zones == sorted({zones_of(ISTANBUL), zones_of(NEW_YORK)})
    assert gate.opens(THURSDAY_9, zones) is None
    assert gate.opens(THURSDAY_9, [zones_of(NEW_YORK)]) == NEW_YORK_8
    assert gate.opens(CLOSE) is None, "nobody has looked where they are"


def test_settings_are_read_once_a_second(settings: Settings) -> None:
    gate = settings.gate()
    for passed in range(0, 3 * SECOND, 100):
        gate.opens(THURSDAY_9 + passed)
    assert settings.calls == ["get_item"] * 3


def test_an_edit_counts_within_a_second(settings: Settings) -> None:
    gate = settings.gate()
    assert gate.opens(THURSDAY_9) is None
    settings.hours(**{"from": "10:00"})
    assert gate.opens(THURSDAY_9 + SECOND) == THURSDAY_9 + HOUR
    settings.hours(zone_of="recipient")
    assert gate.opens(THURSDAY_9 + 2 * SECOND, [zones_of(NEW_YORK)]) == NEW_YORK_8


def test_hours_that_are_taken_away_hold_nobody_any_more(settings: Settings) -> None:
    gate = settings.gate()
    assert gate.opens(CLOSE) == MONDAY_8
    settings.seed("workspaces", keys.settings(WORKSPACE))
    assert gate.opens(CLOSE + SECOND) is None


@pytest.mark.parametrize(
    ("wake", "zones", "goes_on"),
    [
        (None, None, None),
        (None, (), None),
        (None, (zones_of(ISTANBUL),), None),
        (None, (zones_of(NEW_YORK),), NEW_YORK_8),
        (THURSDAY_9 + 5, (zones_of(NEW_YORK),), NEW_YORK_8),
        (NEW_YORK_8 + 5, (zones_of(NEW_YORK),), NEW_YORK_8 + 5),
        (THURSDAY_9 + 5, (zones_of(ISTANBUL),), THURSDAY_9 + 5),
        (THURSDAY_9 + 5, None, THURSDAY_9 + 5),
    ],
)
def test_a_chunk_goes_on_when_both_its_wait_and_its_hours_let_it(
    settings: Settings, wake: int | None, zones: tuple[str, ...] | None, goes_on: int | None
) -> None:
    settings.hours(zone_of="recipient")
    assert goes_on_at(settings.gate(), Chunk(wake=wake, zones=zones), THURSDAY_9) == goes_on


def test_a_chunk_that_nobody_has_looked_at_waits_for_no_hours_of_its_own(settings: Settings) -> None:
    assert goes_on_at(settings.gate(), Chunk(), CLOSE) is None

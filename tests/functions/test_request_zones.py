"""API messages in the recipients' own time zones [F9] [G3]."""

import itertools
from typing import Any

import pytest

from kabar.domain.hours import Covered
from kabar.domain.requests import Kind
from kabar.legs.gate import Gate
from kabar.storage.held import Waiting
from tests.functions.leg_rig import TIMING, WORKSPACE
from tests.functions.request_rig import HOUR, THURSDAY_9, RequestRig
from tests.functions.test_request_hours import released

ISTANBUL, NEW_YORK, SATELLITE = "+905321234567", "+12125551234", "+870771234567"
NEW_YORK_8 = THURSDAY_9 + 7 * HOUR


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> RequestRig:
    rig = RequestRig(monkeypatch)
    rig.settings(zone_of="recipient")
    return rig


def submit(rig: RequestRig, *mobiles: str, number: int = 9000, **more: Any) -> None:
    rig.submit(number=number, recipients=[(mobile, ["Amy"]) for mobile in mobiles], **more)


def test_everybody_of_one_call_gets_it_when_the_hours_open_where_they_are(rig: RequestRig) -> None:
    submit(rig, NEW_YORK, ISTANBUL)
    assert rig.drain() == ["waits"]
    assert rig.carrier.accepted == [ISTANBUL]
    assert rig.statuses() == ["held", "sent"]
    assert rig.tools.held.openings() == [Waiting(WORKSPACE, NEW_YORK_8, frozenset({"America/New_York"}))]
    rig.clock = NEW_YORK_8
    assert released(rig, NEW_YORK_8) == [9000]
    assert rig.drain() == ["done"]
    assert rig.carrier.accepted == [ISTANBUL, NEW_YORK]


def test_a_number_of_no_zone_is_left_out_and_says_why(rig: RequestRig) -> None:
    submit(rig, SATELLITE, ISTANBUL)
    assert rig.drain() == ["done"]
    assert rig.statuses() == ["suppressed", "sent"]
    assert rig.message(9000).reason.word == "no_common_hours"


def test_a_zone_that_the_call_names_counts_instead_of_the_numbers(rig: RequestRig) -> None:
    submit(rig, NEW_YORK, SATELLITE, timezone="Europe/Istanbul")
    assert rig.drain() == ["done"]
    assert rig.carrier.accepted == [NEW_YORK, SATELLITE]


def test_responses_wait_for_no_hours_in_any_zone(rig: RequestRig) -> None:
    submit(rig, NEW_YORK, SATELLITE, kind=Kind.RESPONSE)
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 2


def test_sweep_finds_hours_that_were_brought_forward_where_somebody_waits(rig: RequestRig) -> None:
    submit(rig, NEW_YORK)
    rig.drain()
    (held,) = rig.tools.held.openings()
    for opens, closed in (("08:00", True), ("01:00", False)):  # it is one o'clock there
        rig.settings(**{"zone_of": "recipient", "from": opens})
        gate = Gate(rig.workspaces, WORKSPACE, Covered.API_MESSAGES, TIMING)
        assert (gate.opens(rig.clock, held.zones) is not None) == closed


def test_holding_those_who_are_left_may_die_before_any_step(monkeypatch: pytest.MonkeyPatch) -> None:
    for last in itertools.count():
        rig = RequestRig(monkeypatch)
        rig.settings(zone_of="recipient")
        submit(rig, NEW_YORK, ISTANBUL)
        rig.queue.clear()
        with rig.steps.dying_before(last):
            rig.run()
        if not rig.steps.died:
            break
        rig.clock += 16 * 60_000
        rig.queue.append((9000, 0, None))  # the queue brings it again
        rig.drain()
        rig.clock = NEW_YORK_8
        released(rig, NEW_YORK_8)
        rig.drain()
        assert rig.carrier.accepted == [ISTANBUL, NEW_YORK]
    assert last >= 10

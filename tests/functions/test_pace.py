"""The pace that all lanes of a sender share, in segments per second, and what a 429 does to it [F8]."""

import pytest

from kabar.storage.dynamo import Table
from kabar.storage.pace import RECOVERY, SharedPace
from tests.functions.fake_dynamo import FakeDynamo

START = 1_800_000_000_000


class Lanes:
    """Lanes of one sender over one table and one clock."""

    def __init__(self, rate: float, count: int) -> None:
        self.now = START
        table = Table("workspaces", FakeDynamo())
        self.lanes = [
            SharedPace(table, "acme", "infobip", "3774", rate=rate, lanes=count, now=lambda: self.now)
            for _ in range(count)
        ]

    def send(self, lane: int, segments: int, until: int) -> int:
        """Keep a lane busy until a moment; how many slices it sent by then."""
        sent = 0
        while self.now < until:
            ready = self.lanes[lane].reserve(segments)
            if ready > until:
                return sent
            self.now = max(self.now, ready)
            sent += 1
        return sent


@pytest.mark.parametrize(("rate", "segments"), [(100, 10), (7, 3), (1, 2), (2000, 100)])
def test_a_lane_keeps_the_rate_in_segments(rate: float, segments: int) -> None:
    lanes = Lanes(rate, 1)
    sent = lanes.send(0, segments, START + 60_000)
    assert 0.9 * 60 * rate <= sent * segments <= 62 * rate + segments


def test_lanes_together_keep_the_rate() -> None:
    lanes = Lanes(100, 4)
    first = [lane.reserve(25) for lane in lanes.lanes]
    again = [lane.reserve(25) for lane in lanes.lanes]
    assert max(first) - START <= 1000
    assert min(again) >= START - 1000 + 4 * 250


def test_f2_after_a_429_no_lane_goes_before_its_time() -> None:
    lanes = Lanes(100, 4)
    for lane in lanes.lanes:
        lane.reserve(1)
    lanes.now += 1500
    lanes.lanes[0].hold(lanes.now + 17_000)
    assert all(lane.reserve(1) >= START + 1500 + 17_000 for lane in lanes.lanes)


def test_a_lane_that_has_just_looked_learns_of_a_429_within_a_second() -> None:
    lanes = Lanes(100, 2)
    lanes.lanes[1].reserve(1)
    lanes.lanes[0].hold(START + 30_000)
    lanes.now += 1000
    assert lanes.lanes[1].reserve(1) >= START + 30_000


def test_f2_after_a_429_the_rate_is_halved_and_recovers_within_a_minute() -> None:
    lanes = Lanes(100, 1)
    lanes.lanes[0].hold(START + 1000)
    lanes.now = START + 1000
    slow = lanes.send(0, 10, START + 11_000)
    assert 50 <= slow <= 70  # of 100 slices
    lanes.now = START + 1000 + RECOVERY
    assert lanes.send(0, 10, lanes.now + 10_000) >= 100


def test_one_refusal_that_several_lanes_meet_slows_down_once() -> None:
    lanes = Lanes(100, 4)
    for lane in lanes.lanes:
        lane.hold(START + 1000)
    lanes.now = START + 1000
    assert lanes.send(0, 10, START + 11_000) >= 40


def test_a_shorter_hold_does_not_undo_a_longer_one() -> None:
    lanes = Lanes(100, 2)
    lanes.lanes[0].hold(START + 60_000)
    lanes.lanes[1].hold(START + 5000)
    assert lanes.lanes[1].reserve(1) >= START + 60_000

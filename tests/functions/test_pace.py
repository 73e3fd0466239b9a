"""The pace that all lanes of a sender share, in segments per second, and what a 429 does to it [F8]."""

import heapq
import itertools
from collections import Counter
from dataclasses import dataclass

import pytest

from kabar.storage.dynamo import Table
from kabar.storage.pace import BURST, RECOVERY, SharedPace
from tests.functions.fake_dynamo import FakeDynamo

START = 1_800_000_000_000


class Lanes:
    """Lanes of one sender over one table and one clock."""

    def __init__(self, rate: float, count: int) -> None:
        self.now = START
        self.dynamo = FakeDynamo()
        table = Table("workspaces", self.dynamo)
        self.lanes = [
            SharedPace(table, "acme", "infobip", "3774", rate=rate, lanes=count, now=lambda: self.now)
            for _ in range(count)
        ]

    def send(self, lane: int, segments: int, until: int) -> int:
        """Keep a lane busy until a moment; how many slices it sent by then."""
        sent = 0
        while self.now < until:
            ready, taken = self.lanes[lane].reserve(segments)
            if ready > until:
                return sent
            self.now = max(self.now, ready)
            sent += taken
        return sent


def may_go(lane: SharedPace, lanes: Lanes) -> int:
    """When one segment of this lane goes that asks again whenever it is told to."""
    place = lane.reserve(1)
    while not place.taken:
        assert place.at > lanes.now
        lanes.now = place.at
        place = lane.reserve(1)
    return max(place.at, lanes.now)


@pytest.mark.parametrize(("rate", "segments"), [(100, 10), (7, 3), (1, 2), (2000, 100)])
def test_a_lane_keeps_the_rate_in_segments(rate: float, segments: int) -> None:
    lanes = Lanes(rate, 1)
    sent = lanes.send(0, segments, START + 60_000)
    assert 0.9 * 60 * rate <= sent * segments <= 62 * rate + segments


def test_lanes_together_keep_the_rate() -> None:
    lanes = Lanes(100, 4)
    first = [lane.reserve(25).at for lane in lanes.lanes]
    again = [lane.reserve(25).at for lane in lanes.lanes]
    assert max(first) - START <= 1000
    assert min(again) >= START - 1000 + 4 * 250


def test_f2_after_a_429_no_lane_goes_before_its_time() -> None:
    lanes = Lanes(100, 4)
    for lane in lanes.lanes:
        lane.reserve(1)
    lanes.now += 1500
    lanes.lanes[0].hold(lanes.now + 17_000)
    assert all(may_go(lane, lanes) >= START + 1500 + 17_000 for lane in lanes.lanes)


def test_a_lane_that_has_just_looked_learns_of_a_429_within_a_second() -> None:
    lanes = Lanes(100, 2)
    lanes.lanes[1].reserve(1)
    lanes.lanes[0].hold(START + 30_000)
    lanes.now += 1000
    assert may_go(lanes.lanes[1], lanes) >= START + 30_000


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
    assert may_go(lanes.lanes[1], lanes) >= START + 60_000


def test_lanes_whose_refusals_come_one_after_the_other_slow_down_once() -> None:
    """Each counts the carrier's seconds from its own answer."""
    lanes = Lanes(100, 4)
    for number, lane in enumerate(lanes.lanes):
        lanes.now = START + 10 * number
        lane.hold(lanes.now + 1000)
    lanes.now = START + 1030
    assert lanes.send(0, 10, START + 11_030) >= 40


def test_f2_of_refusals_of_the_same_moment_the_longest_wait_counts() -> None:
    lanes = Lanes(100, 2)
    lanes.lanes[0].hold(START + 1000)
    lanes.lanes[1].hold(START + 17_000)
    assert all(may_go(lane, lanes) >= START + 17_000 for lane in lanes.lanes)


def test_f2_a_429_counts_for_who_was_just_about_to_reserve() -> None:
    lanes = Lanes(100, 2)
    lanes.dynamo.before = [lambda: lanes.lanes[1].hold(START + 17_000)]
    assert not lanes.lanes[0].reserve(1).taken
    assert START + 17_000 <= may_go(lanes.lanes[0], lanes) <= START + 18_000


def test_f2_many_refusals_of_calls_under_way_stop_nobody_for_good() -> None:
    """At a millionth of the rate a second's share would keep the sender for days."""
    lanes = Lanes(100, 1)
    for _ in range(20):
        lanes.now += 1000
        lanes.lanes[0].hold(lanes.now + 10_000)
    lanes.now += 10_000
    assert lanes.send(0, 10, lanes.now + RECOVERY) >= 200  # of 600


def test_long_after_a_429_the_rate_is_what_it_was_and_no_more() -> None:
    lanes = Lanes(100, 1)
    lanes.lanes[0].hold(START)
    lanes.now = START + 20 * RECOVERY
    assert lanes.send(0, 10, lanes.now + 10_000) <= 100 + 20 + 10  # two seconds, and the share it draws on


def test_a_lane_asks_for_its_place_about_once_a_second_however_many_calls_it_makes() -> None:
    """One item serves all lanes of a sender, and takes a thousand writes a second at most."""
    lanes = Lanes(1000, 1)
    assert lanes.send(0, 1, START + 10_000) >= 9000
    assert len(lanes.dynamo.calls) <= 10 * 4
    lanes.lanes[0].hold(START + 60_000)
    assert not lanes.lanes[0].reserve(1).taken
    lanes.dynamo.calls.clear()
    assert not any(lanes.lanes[0].reserve(1).taken for _ in range(100))
    assert not lanes.dynamo.calls


# ---- slow rates, many who wait --------------------------------------------------------------------------


@dataclass
class Crowd:
    """`lanes` that send slice after slice, each call `latency` ms, and forget all whenever a leg of `leg` ms ends."""

    rate: float
    lanes: int
    segments: int
    latency: int
    leg: int

    def run(self, seconds: int) -> tuple[list[int], Counter[int]]:
        """When every slice went, and how many of each lane."""
        clock = [START]
        table = Table("workspaces", FakeDynamo())
        gone: list[int] = []
        by_lane: Counter[int] = Counter()
        paces: dict[tuple[int, int], SharedPace] = {}
        asking = [(START + lane, lane) for lane in range(self.lanes)]
        while asking[0][0] < START + seconds * 1000:
            now, lane = heapq.heappop(asking)
            clock[0] = now
            leg = (now - START) // self.leg
            if (leg, lane) not in paces:
                paces[leg, lane] = SharedPace(
                    table, "acme", "http", "3774", rate=self.rate, lanes=self.lanes, now=lambda: clock[0]
                )
            at, taken = paces[leg, lane].reserve(self.segments)
            over = START + (leg + 1) * self.leg
            if at >= over:  # nobody waits beyond the end of a leg; the next one asks again
                heapq.heappush(asking, (over, lane))
                continue
            if taken:
                gone.append(max(at, now))
                by_lane[lane] += 1
            heapq.heappush(asking, (max(at, now) + taken * self.latency, lane))
        return sorted(gone), by_lane


@pytest.mark.parametrize(
    ("rate", "lanes", "segments", "leg"),
    [
        (1, 10, 1, 100_000),
        (1, 60, 1, 100_000),
        (1, 10, 100, 600_000),
        (1, 10, 1000, 300_000),
        (0.1, 10, 2, 60_000),
        (7, 12, 3, 20_000),
    ],
)
def test_many_lanes_at_a_slow_rate_keep_exactly_it_and_nobody_waits_for_ever(
    rate: float, lanes: int, segments: int, leg: int
) -> None:
    seconds = int(20 * lanes * segments / rate)
    gone, by_lane = Crowd(rate, lanes, segments, 300, leg).run(seconds)
    assert 0.95 * rate * seconds - segments <= len(gone) * segments <= rate * (seconds + 2) + segments
    for first, last in itertools.combinations(range(0, len(gone), max(1, len(gone) // 50)), 2):
        allowed = rate * (gone[last] - gone[first] + 2 * BURST) / 1000 + segments
        assert (last - first) * segments <= allowed
    assert min(by_lane[lane] for lane in range(lanes)) >= 3  # of 20 that each would have by turns


class Line:
    """Requests of one sender that come back when they are told to, one segment per second."""

    def __init__(self) -> None:
        self.now = START
        self.dynamo = FakeDynamo()

    def pace(self, *, in_line: bool = False) -> SharedPace:
        table = Table("workspaces", self.dynamo)
        return SharedPace(
            table, "acme", "http", "3774", rate=1, lanes=1, now=lambda: self.now, in_line=in_line
        )


def test_newcomers_come_after_those_who_were_told_to_come_back() -> None:
    line = Line()
    assert [line.pace().line_up(1) - START for _ in range(4)] == [0, 1000, 2000, 3000]
    assert line.pace(in_line=True).reserve(1) == (START + 4000, False)
    assert line.pace().reserve(1).taken
    line.now = START + 4000
    assert line.pace(in_line=True).reserve(1).taken


def test_nobody_is_told_to_come_back_before_it_could_go() -> None:
    line = Line()
    assert line.pace().line_up(1) == START
    line.pace().hold(START + 9000)
    assert line.pace().line_up(1) == START + 9000
    line.now = START + 60_000
    assert line.pace().line_up(1) == START + 60_000


def test_who_lines_up_while_the_carrier_wants_to_be_left_alone_comes_back_at_half_the_rate() -> None:
    line = Line()
    line.pace().hold(START + 60_000)
    assert [line.pace().line_up(1) - START for _ in range(3)] == [60_000, 62_000, 64_000]


def test_of_two_that_line_up_at_the_same_moment_one_comes_after_the_other() -> None:
    line, others = Line(), list[int]()
    line.dynamo.before = [lambda: None, lambda: others.append(line.pace().line_up(1))]
    assert line.pace().line_up(1) == START + 1000
    assert others == [START]


def test_requests_that_do_not_wait_come_back_in_turn_and_keep_the_rate() -> None:
    """Three times 200 at one per second. When each reserved what it didn't wait for, 62 of 1,000 went in an hour."""
    table, clock, gone, asked = Table("workspaces", FakeDynamo()), [START], list[int](), 0
    coming = [(START + wave * 60_000 + number, wave, False) for wave in range(3) for number in range(200)]
    since = {entry: entry[0] for entry in coming}
    while coming:
        now, wave, again = entry = heapq.heappop(coming)
        clock[0] = now
        asked += 1
        pace = SharedPace(
            table, "acme", "http", "3774", rate=1, lanes=1, now=lambda: clock[0], in_line=not again
        )
        at, taken = pace.reserve(1)
        if taken:
            gone.append(wave)
            continue
        arrived = since.get(entry, now)
        if at - arrived >= 2000:
            at, again = pace.line_up(1), True
            arrived = at
        heapq.heappush(coming, (at, wave, again))
        since[at, wave, again] = arrived
    assert clock[0] <= START + 610_000
    assert sum(wave != place // 200 for place, wave in enumerate(gone)) <= 20
    assert asked <= 3 * 600

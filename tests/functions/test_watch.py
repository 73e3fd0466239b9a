"""The circuit breaker of a lane looks at receipts and replies every five seconds [F8]."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from kabar.carriers.base import Account, Answer
from kabar.domain.campaigns import Life
from kabar.domain.statuses import REPLIED_OPT_OUT, Status, cell
from kabar.legs.watch import CHUNKS, EVERY, Watch, WatchedControl
from kabar.storage.accounts import Opened
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Table
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.gateway_rig import START, Campaign


class Told:
    """A control that lets everything go, and a watch that says `reason`."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.looked: list[int] = []
        self.paused: list[str] = []
        self.now = 1000

    def go(self) -> bool:
        return not self.paused

    def waits(self, mobiles: Sequence[str]) -> Mapping[str, int]:
        return dict.fromkeys(mobiles, 5)

    def pause(self, reason: str) -> None:
        self.paused.append(reason)

    def look(self) -> str | None:
        self.looked.append(self.now)
        return self.reason


class Looking(Watch):
    def __init__(self, told: Told) -> None:
        self._told = told

    def look(self) -> str | None:
        return self._told.look()


def watched(told: Told) -> WatchedControl:
    return WatchedControl(told, Looking(told), lambda: told.now)


def test_it_looks_every_five_seconds() -> None:
    told = Told()
    control = watched(told)
    for _ in range(30):
        assert control.go()
        told.now += 500
    assert told.looked == [1000 + EVERY, 1000 + 2 * EVERY]


def test_what_it_finds_pauses_the_campaign_before_the_next_call() -> None:
    told = Told()
    control = watched(told)
    told.reason = "too many failed"
    told.now += EVERY
    assert not control.go()
    assert told.paused == ["too many failed"]


def test_hours_and_pauses_are_those_of_the_campaign() -> None:
    told = Told()
    control = watched(told)
    assert control.waits(["+6421"]) == {"+6421": 5}
    control.pause("refused")
    assert (told.paused, control.go()) == (["refused"], False)


# ---- receipts that come after the leg of their messages ---------------------------------------------------

OPENED = Opened(
    carrier="infobip",
    gateway=None,
    account=Account("http://127.0.0.1", "key"),
    rate=10,
    connections=1,
    most_failed=0.5,
    most_opted_out=0.1,
)
SENT, FAILED, LEFT = cell(Status.SENT), cell(Status.FAILED), cell(Status.RECEIVED) | REPLIED_OPT_OUT


@pytest.fixture
def chunks() -> Chunks:
    return Chunks(Table("dispatch", FakeDynamo()))


def say(chunks: Chunks, number: int, byte: int, at: int = START) -> None:
    chunks.merge(1, number, bytes([byte]) * 500, at)


@pytest.mark.parametrize(("byte", "why"), [(FAILED, "failed"), (LEFT, "opted out")])
@pytest.mark.parametrize("number", [10, 29, 31])
def test_what_earlier_legs_sent_is_watched_from_the_beginning_of_a_lane(
    chunks: Chunks, byte: int, why: str, number: int
) -> None:
    """Those before its own, and those of its range that were done before."""
    say(chunks, number, SENT)
    watch = Watch(chunks, 1, OPENED)
    watch.begin(30, 33, START)
    assert watch.look() is None
    say(chunks, number, byte)
    assert why in (watch.look() or "")


def test_what_was_known_when_the_lane_began_counts_no_more(chunks: Chunks) -> None:
    say(chunks, 29, FAILED)
    watch = Watch(chunks, 1, OPENED)
    watch.begin(30, 33, START)
    assert watch.look() is None


def test_what_was_sent_before_a_resume_counts_no_more(chunks: Chunks) -> None:
    """Whoever mended it would be paused again and again by what comes late."""
    say(chunks, 29, SENT, at=START - 60_000)
    watch = Watch(chunks, 1, OPENED)
    watch.begin(30, 33, START)
    say(chunks, 29, FAILED)
    assert watch.look() is None


@pytest.mark.parametrize("bad", [range(CHUNKS), range(CHUNKS, 2 * CHUNKS)], ids=["before", "the lane's own"])
def test_good_ones_of_the_lane_hide_nothing_of_before_nor_the_other_way_round(
    chunks: Chunks, bad: range
) -> None:
    for number in range(CHUNKS):
        say(chunks, number, SENT)
    watch = Watch(chunks, 1, replace(OPENED, most_failed=0.7))
    watch.begin(CHUNKS, 99, START)
    for number in range(CHUNKS, 2 * CHUNKS):
        watch.touch(number, b"")
    for number in range(2 * CHUNKS):
        say(chunks, number, FAILED if number in bad else cell(Status.RECEIVED))
    assert watch.look() is not None


def test_f8_receipts_eleven_minutes_late_pause_a_slow_campaign_and_not_again_after_it_was_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A leg is over after ten: 2,000 recipients at one a second, who all fail until somebody mends it."""
    campaign = Campaign(monkeypatch, "C", 2000)
    campaign.rig.opened = replace(campaign.rig.opened, most_failed=0.5)
    campaign.rig.change(speed=1, speed_at=START)
    due: list[tuple[int, int, Status]] = []
    bad, take = Status.FAILED, campaign.gateway.__call__

    def take_down(request: Any, seconds: float) -> Answer:
        position = int(request.body["ref"].rpartition("-")[2]) - campaign.rig.head(1)["plan"]["first_id"]
        due.append((campaign.now + 660_000, position, bad))
        return take(request, seconds)

    def receive(milliseconds: int) -> None:
        campaign.now += milliseconds
        while due and due[0][0] <= campaign.now:
            _, position, status = due.pop(0)
            vector = bytes(position % 500) + bytes([cell(status)])
            campaign.rig.chunks.merge(1, position // 500, vector, campaign.now)

    campaign.rig.carrier = take_down  # type: ignore[assignment]  # another `Call`
    monkeypatch.setattr(campaign, "wait", receive)
    for _ in range(4):
        campaign.leg()
    assert "% of the last" in campaign.rig.head(1).get("status_reason", "")
    assert len(campaign.gateway.calls) < 900
    bad = Status.RECEIVED
    campaign.rig.campaigns.control("acme", 1, "resume", "me", campaign.now)
    campaign.run()
    assert campaign.life is Life.COMPLETED
    assert set(campaign.gateway.accepted.values()) == {1}

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
    """A control that lets everything go."""

    def __init__(self) -> None:
        self.paused: list[str] = []

    def go(self) -> bool:
        return not self.paused

    def waits(self, mobiles: Sequence[str]) -> Mapping[str, int]:
        return dict.fromkeys(mobiles, 5)

    def pause(self, reason: str) -> None:
        self.paused.append(reason)


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


class Watching(Watch):
    """Of campaign 1, with a clock of the test's; `looks` are the times at which the chunks were read."""

    def __init__(self, chunks: Chunks, opened: Opened = OPENED) -> None:
        self.at, self.looks = 1000, list[int]()
        super().__init__(chunks, 1, opened, lambda: self.at)
        several = chunks.several

        def counted(*wanted: Any, **how: Any) -> Any:
            self.looks.append(self.at)
            return several(*wanted, **how)

        chunks.several = counted  # type: ignore[method-assign]

    def later(self) -> str | None:
        """What it says five seconds later."""
        self.at += EVERY
        return self.look()


@pytest.fixture
def chunks() -> Chunks:
    return Chunks(Table("dispatch", FakeDynamo()))


def say(chunks: Chunks, number: int, byte: int, at: int = START) -> None:
    chunks.merge(1, number, bytes([byte]) * 500, at)


@pytest.mark.parametrize("workers", [1, 48])
def test_a_lane_looks_every_five_seconds_however_many_work_in_it(chunks: Chunks, workers: int) -> None:
    watch = Watching(chunks)
    controls = [WatchedControl(Told(), watch) for _ in range(workers)]
    for _ in range(30):
        assert all(control.go() for control in controls)
        watch.at += 500
    assert watch.looks == [1000 + EVERY, 1000 + 2 * EVERY]


def test_what_it_finds_pauses_the_campaign_before_the_next_call(chunks: Chunks) -> None:
    told, watch = Told(), Watching(chunks)
    control = WatchedControl(told, watch)
    watch.touch(0, bytes(500))
    say(chunks, 0, FAILED)
    assert control.go()
    watch.at += EVERY
    assert not control.go()
    assert told.paused == ["100 % of the last 500 messages failed: look at why, then resume"]


def test_hours_and_pauses_are_those_of_the_campaign(chunks: Chunks) -> None:
    told = Told()
    control = WatchedControl(told, Watching(chunks))
    assert control.waits(["+6421"]) == {"+6421": 5}
    control.pause("refused")
    assert (told.paused, control.go()) == (["refused"], False)


# ---- receipts that come after the leg of their messages ---------------------------------------------------


@pytest.mark.parametrize(("byte", "why"), [(FAILED, "failed"), (LEFT, "opted out")])
@pytest.mark.parametrize("number", [10, 29, 31])
def test_what_earlier_legs_sent_is_watched_from_the_beginning_of_a_lane(
    chunks: Chunks, byte: int, why: str, number: int
) -> None:
    """Those before its own, and those of its range that were done before."""
    say(chunks, number, SENT)
    watch = Watching(chunks)
    watch.begin(30, 33, START)
    assert watch.later() is None
    say(chunks, number, byte)
    assert why in (watch.later() or "")


def test_what_was_known_when_the_lane_began_counts_no_more(chunks: Chunks) -> None:
    say(chunks, 29, FAILED)
    watch = Watching(chunks)
    watch.begin(30, 33, START)
    assert watch.later() is None


def test_what_was_sent_before_a_resume_counts_no_more(chunks: Chunks) -> None:
    """Whoever mended it would be paused again and again by what comes late."""
    say(chunks, 29, SENT, at=START - 60_000)
    watch = Watching(chunks)
    watch.begin(30, 33, START)
    say(chunks, 29, FAILED)
    assert watch.later() is None


@pytest.mark.parametrize("bad", [range(CHUNKS), range(CHUNKS, 2 * CHUNKS)], ids=["before", "the lane's own"])
def test_good_ones_of_the_lane_hide_nothing_of_before_nor_the_other_way_round(
    chunks: Chunks, bad: range
) -> None:
    for number in range(CHUNKS):
        say(chunks, number, SENT)
    watch = Watching(chunks, replace(OPENED, most_failed=0.7))
    watch.begin(CHUNKS, 99, START)
    for number in range(CHUNKS, 2 * CHUNKS):
        watch.touch(number, b"")
    for number in range(2 * CHUNKS):
        say(chunks, number, FAILED if number in bad else cell(Status.RECEIVED))
    assert watch.later() is not None


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

"""The circuit breaker of a lane looks at receipts and replies every five seconds [F8]."""

from collections.abc import Mapping, Sequence

from kabar.legs.watch import EVERY, Watch, WatchedControl


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

"""What goes wrong, where and when: crash points of the send path, kinds of faults, and the script of one run.

A point is `<function> <operation> <what>`, such as `SendLane put take`. The numbers of the crash points are those
of docs/proof.md.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from random import Random


class Fault(Enum):
    """What happens at one effect of one process."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    LOST_ONCE = "applied, answer lost, the SDK asks again"
    LOST = "applied, answer lost for good"
    THROTTLED = "refused for good"
    SLOW = "takes three seconds"
    STUCK = "takes longer than a lease"
    ORPHANED = "its caller believes it dead and calls again"
    ABORTED = "dies with the whole execution"


DEATHS = (Fault.DIES_BEFORE, Fault.DIES_AFTER)
LOSSES = (Fault.LOST_ONCE, Fault.LOST)
ANY = tuple(Fault)


@dataclass(frozen=True)
class CrashPoint:
    """`where` are (point, faults) that count as this one."""

    number: int
    says: str
    where: tuple[tuple[str, tuple[Fault, ...]], ...]


def _at(faults: tuple[Fault, ...], *points: str) -> tuple[tuple[str, tuple[Fault, ...]], ...]:
    return tuple((point, faults) for point in points)


BEFORE, AFTER = (Fault.DIES_BEFORE,), (Fault.DIES_AFTER,)
CRASH_POINTS = (
    CrashPoint(1, "before the plan is written", _at(BEFORE, "PlanLeg put plan", "PlanLeg update ids")),
    CrashPoint(2, "between two pages of the plan", _at(AFTER, "PlanLeg put plan")),
    CrashPoint(
        3,
        "after the plan or the creation, before the start",
        _at(BEFORE, "SettleLeg start leg", "Person start leg") + _at(AFTER, "PlanLeg put ids"),
    ),
    CrashPoint(
        4,
        "after the start, before it is written",
        _at(BEFORE, "PlanLeg transact campaign", "SendLane get campaign"),
    ),
    CrashPoint(5, "before the claim", _at(BEFORE, "SendLane put take")),
    CrashPoint(6, "claim applied, answer lost", _at(LOSSES, "SendLane put take")),
    CrashPoint(
        7,
        "after the claim, before the call",
        _at(AFTER, "SendLane put take", "SendLane batch_get standing", "SendLane batch_write out"),
    ),
    CrashPoint(8, "in the call", _at((*DEATHS, Fault.ORPHANED), "SendLane call carrier")),
    CrashPoint(9, "after the answer, before the record", _at(BEFORE, "SendLane put record")),
    CrashPoint(10, "record applied, answer lost", _at(LOSSES, "SendLane put record")),
    CrashPoint(
        11,
        "some of it recorded",
        _at(BEFORE, "SendLane update chunk") + _at(AFTER, "SendLane batch_write out"),
    ),
    CrashPoint(12, "recorded, not told", _at(AFTER, "SendLane put record", "SendLane update chunk")),
    CrashPoint(
        13, "sweep, between look and act", _at(BEFORE, "Sweep start leg") + _at(AFTER, "Sweep get campaign")
    ),
    CrashPoint(
        14,
        "receipt taken, not applied",
        _at(BEFORE, "ApplyReceipts batch_write out", "ApplyReceipts update orphan"),
    ),
    CrashPoint(15, "opt-out written, not told", _at(AFTER, "HandleReply transact in")),
    CrashPoint(16, "counts read, not written", _at(BEFORE, "FollowPeople update chunk")),
    CrashPoint(19, "turn taken, holder dies", _at(AFTER, "PlanLeg update turn", "PlanLeg update queue")),
)
NUMBERS: dict[tuple[str, Fault], set[int]] = {}
for _crash in CRASH_POINTS:
    for _point, _faults in _crash.where:
        for _fault in _faults:
            NUMBERS.setdefault((_point, _fault), set()).add(_crash.number)
            NUMBERS.setdefault((_point.replace("SendLane", "SendMessages"), _fault), set()).add(_crash.number)


@dataclass
class Script:
    """What goes wrong in one run.

    `points`: at the n-th pass of a point; `effects`: at the n-th effect of all; `storm`: the chance of a fault at any
    effect until `calm` (ms after the start); `calls`: how carrier calls go, the others going well.
    """

    points: dict[tuple[str, int], Fault] = field(default_factory=dict)
    effects: dict[int, Fault] = field(default_factory=dict)
    storm: float = 0.0
    calm: int = 0
    calls: float = 0.0  # the chance that a carrier call goes wrong, until calm
    lost_schedules: float = 0.0
    fired: Counter[tuple[str, str]] = field(default_factory=Counter)
    _passed: dict[str, int] = field(default_factory=dict)  # of the points that anything happens at
    named: frozenset[str] = frozenset()  # functions whose points are looked at
    _effects: int = 0

    def begin(self) -> None:
        """All points are known from now on."""
        self._passed = {point: 0 for point, _ in self.points}
        self.named = frozenset(point.partition(" ")[0] for point in self._passed)

    def next_effect(self) -> Fault | None:
        """One more effect, and what happens at it, whatever it is."""
        self._effects += 1
        return self.effects.get(self._effects)

    def at(self, point: str, fault: Fault | None, elapsed: int, random: Random) -> Fault | None:
        """The fault of this pass, if any, before that of the effect."""
        if point in self._passed:
            passed = self._passed[point] = self._passed[point] + 1
            fault = self.points.get((point, passed)) or fault
        if fault is None and self.storm and elapsed < self.calm and random.random() < self.storm:
            fault = random.choice(ANY)
        if fault is not None:
            self.fired[point, fault.name] += 1
        return fault

    @property
    def faults(self) -> int:
        return sum(self.fired.values())

    def __str__(self) -> str:
        points = [f"{point} ({n}): {fault.value}" for (point, n), fault in self.points.items()]
        effects = [f"effect {n}: {fault.value}" for n, fault in sorted(self.effects.items())]
        return (
            f"{points + effects} storm {self.storm} calls {self.calls} until {self.calm} "
            f"schedules lost {self.lost_schedules}"
        )


def any_script(random: Random) -> Script:
    """At least three faults: crash points, then anything anywhere; some runs are storms instead."""
    script = Script(calm=random.choice((20_000, 300_000, 3_600_000)))
    for _ in range(random.choice((3, 4, 5))):
        crash = random.choice(CRASH_POINTS)
        point, faults = random.choice(crash.where)
        script.points[point, random.choice((1, 1, 1, 2, 2, 3, 5))] = random.choice(faults)
    for _ in range(random.choice((2, 3, 4))):
        script.effects[random.randrange(150)] = random.choice(ANY)
    if random.random() < 0.15:
        script.storm = random.choice((0.01, 0.03))
    script.calls = random.choice((0.0, 0.0, 0.15, 0.4))
    script.lost_schedules = random.choice((0.0, 0.0, 0.3))
    return script

"""A campaign's life: its statuses, who may move it where, and what follows a leg [F4]–[F7]."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

MAX_STALLED_LEGS = 10
MAX_UNSETTLED = 60  # tries to plan since a leg was last settled: about ten legs with their retries
MAX_AGE = 60 * 86_400_000  # ms of a plan; claims are kept for 90 days, and only they know who was sent to
DYING = "its legs kept dying; see the log of PlanLeg and SettleLeg, then make a new one"
STALLED = "several legs in a row could send to nobody; see the log of SendLane, then send to the rest again"
TOO_OLD = (
    "it was frozen more than 60 days ago, and what it sent to whom is not kept much longer: make a new one"
)
CHUNK_SIZE = 500
CONTROL_AGE = 1000  # ms; senders look at the control before every call, and what they see is at most this old
MAX_LANES = 10
CHUNKS_PER_LANE = 4  # fewer would cost more in cold starts than they save
LEG_SECONDS = 600  # of work at the rate, for all lanes together


class Life(StrEnum):
    """Statuses of a campaign [F7]."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    WAITING = "waiting_for_window"
    PAUSED = "paused"
    MISSED = "missed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


ALIVE = frozenset({Life.SCHEDULED, Life.QUEUED, Life.SENDING, Life.WAITING})
HALTED = frozenset({Life.PAUSED, Life.MISSED})  # until people say how it goes on
NOT_SENDING = frozenset({Life.DRAFT, Life.SCHEDULED, Life.QUEUED, Life.WAITING}) | HALTED


def _all_to(target: Life, sources: frozenset[Life]) -> dict[Life, Life]:
    return dict.fromkeys(sources, target)


def _as_they_are(lives: frozenset[Life]) -> dict[Life, Life]:
    return {life: life for life in lives}


# Whatever moves a campaign, from where, and where it leads. Verbs are people's; a status in place of a verb is the
# move to it that a leg makes. `edit` and `schedule` also need a campaign that never started [F5].
MOVES: dict[str, dict[Life, Life]] = {
    "edit": _as_they_are(NOT_SENDING),
    "schedule": _all_to(Life.SCHEDULED, NOT_SENDING) | {Life.PAUSED: Life.PAUSED},
    "delete": {Life.DRAFT: Life.DRAFT},
    "speed": _as_they_are(ALIVE | HALTED),
    "pause": _all_to(Life.PAUSED, ALIVE),
    "resume": _all_to(Life.QUEUED, HALTED),
    "cancel": _all_to(Life.CANCELLED, ALIVE | HALTED),
    Life.QUEUED: _all_to(Life.QUEUED, ALIVE),
    Life.SENDING: _all_to(Life.SENDING, ALIVE),
    Life.WAITING: _all_to(Life.WAITING, ALIVE),
    Life.MISSED: _all_to(Life.MISSED, frozenset({Life.SCHEDULED})),
    Life.COMPLETED: _all_to(Life.COMPLETED, ALIVE),
    Life.FAILED: _all_to(Life.FAILED, ALIVE),
    Life.CANCELLED: _all_to(Life.CANCELLED, frozenset({Life.CANCELLED})),
}


class NotAllowed(Exception):
    """The campaign's status doesn't allow this; the message says why, for its user."""


def target(move: str, life: Life, *, started: bool = False, ahead: bool = False) -> Life:
    """Where people's `move` leads a campaign in `life` whose time is still `ahead`, or not.

    `started` counts for what only a campaign that never started allows. Raises NotAllowed.
    """
    if started and move in ("edit", "schedule"):
        raise NotAllowed("A campaign that has started can't be edited: cancel it and make a new one.")
    leads_to = MOVES[move].get(life)
    if leads_to is None:
        *some, last = (each for each in Life if each in MOVES[move])
        possible = f"{', '.join(some)} or {last}" if some else last
        raise NotAllowed(f"The campaign is {life}; `{move}` is for one that is {possible}.")
    return Life.SCHEDULED if leads_to is Life.QUEUED and ahead else leads_to


@dataclass(frozen=True, slots=True)
class ChunkState:
    """A chunk that was touched: closed or not, when it can go on (ms), how many of its recipients are settled."""

    number: int
    closed: bool
    wake: int | None
    settled: int


class Next(Enum):
    """What follows a leg."""

    COMPLETE = "complete"
    RELEASE = "release"
    CLOSE = "close"
    GO_ON = "go on"
    WAIT = "wait"
    HOLD = "waiting for window"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Decision:
    """`at` (ms) with WAIT and HOLD; `progress` and `stalled` are kept for the next leg; `reason` with FAIL."""

    what: Next
    at: int = 0
    progress: int = 0
    stalled: int = 0
    reason: str | None = None


def after_leg(
    life: Life,
    chunks: int,
    touched: Sequence[ChunkState],
    now: int,
    *,
    hold: int,
    progress: int,
    stalled: int,
    opening: int | None = None,
    doomed: str | None = None,
) -> Decision:
    """What follows a leg, from the table and never from the map's output.

    `hold` (ms): nothing can go on before, for any chunk (a carrier that can't be reached). `opening` (ms): when the
    sending hours open, None while they are open or don't count. `progress` and
    `stalled` are those of the leg before: legs that could work and settled nobody are bounded. `doomed` is why it
    can't be sent to its end, as `hopeless` says.
    """
    if life is Life.CANCELLED:
        return Decision(Next.CLOSE)
    if life in (Life.PAUSED, Life.MISSED):
        return Decision(Next.RELEASE)
    if sum(chunk.closed for chunk in touched) >= chunks:
        return Decision(Next.COMPLETE)
    if doomed:
        return Decision(Next.FAIL, reason=doomed)
    settled = sum(chunk.settled for chunk in touched)
    untouched = len(touched) < chunks
    wakes = [chunk.wake for chunk in touched if not chunk.closed and chunk.wake is not None]
    stalled = 0 if settled > progress else stalled
    if opening is not None:
        return Decision(Next.HOLD, at=opening, progress=settled, stalled=stalled)
    if hold > now:
        return Decision(Next.WAIT, at=hold, progress=settled, stalled=stalled)
    workable = untouched or any(not c.closed and (c.wake is None or c.wake <= now) for c in touched)
    if not workable:
        return Decision(Next.WAIT, at=min(wakes), progress=settled, stalled=stalled)
    stalled += settled <= progress
    if stalled > MAX_STALLED_LEGS:
        return Decision(Next.FAIL, progress=settled, stalled=stalled, reason=STALLED)
    return Decision(Next.GO_ON, progress=settled, stalled=stalled)


def hopeless(head: Mapping[str, Any], now: int) -> str | None:
    """Why a campaign can't be sent to its end any more, for its user; `now` is epoch ms."""
    if head.get("unsettled", 0) > MAX_UNSETTLED:
        return DYING
    return TOO_OLD if "plan" in head and head["plan"]["at"] + MAX_AGE < now else None


def speed(head: Mapping[str, Any], rate: float) -> float:
    """Segments per second: the carrier's `rate`, or less where the campaign was told so [F8]."""
    return min(rate, float(head.get("speed", rate)))


def lanes(
    open_chunks: Sequence[int],
    segments_per_chunk: float,
    rate: float,
    most: int = MAX_LANES,
    stalled: int = 0,
) -> list[dict[str, int]]:
    """Ranges {first, last} of chunk numbers, and how many lanes there are (`of`), `most` at most.

    Together at most LEG_SECONDS of work at `rate` segments per second. Each of the `stalled` legs in a row that
    settled nobody lets the next begin further on, so that no chunk keeps the others from their place.
    """
    work = max(1, int(rate * LEG_SECONDS / max(segments_per_chunk, 1)))
    begin = stalled * work % len(open_chunks) if len(open_chunks) > work else 0
    chunks = list(open_chunks[begin : begin + work])
    count = min(MAX_LANES, most, -(-len(chunks) // CHUNKS_PER_LANE))
    ranges = []
    for lane in range(count):
        part = chunks[lane * len(chunks) // count : (lane + 1) * len(chunks) // count]
        ranges.append({"first": part[0], "last": part[-1], "of": count})
    return ranges

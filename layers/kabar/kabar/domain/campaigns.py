"""A campaign's life: its statuses, who may move it where, and what follows a leg [F4]–[F7]."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

MAX_STALLED_LEGS = 10
CHUNK_SIZE = 500
CONTROL_AGE = 1000  # ms; senders look at the control before every call, and what they see is at most this old
MAX_LANES = 10
CHUNKS_PER_LANE = 4  # fewer would cost more in cold starts than they save
LEG_SECONDS = 600  # of work at the rate, for all lanes together


class Life(StrEnum):
    """Statuses of a campaign [F7]."""

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

# what people may do, from where, and where it leads
CONTROLS: dict[str, tuple[frozenset[Life], Life]] = {
    "pause": (ALIVE, Life.PAUSED),
    "resume": (frozenset({Life.PAUSED, Life.MISSED}), Life.QUEUED),
    "cancel": (ALIVE | {Life.PAUSED, Life.MISSED}, Life.CANCELLED),
}


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
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Decision:
    """`at` (ms) with WAIT; `progress` and `stalled` are kept for the next leg."""

    what: Next
    at: int = 0
    progress: int = 0
    stalled: int = 0


def after_leg(
    life: Life,
    chunks: int,
    touched: Sequence[ChunkState],
    now: int,
    *,
    hold: int,
    progress: int,
    stalled: int,
) -> Decision:
    """What follows a leg, from the table and never from the map's output.

    `hold` (ms): nothing can go on before, for any chunk (a carrier that can't be reached). `progress` and
    `stalled` are those of the leg before: legs that could work and settled nobody are bounded.
    """
    if life is Life.CANCELLED:
        return Decision(Next.CLOSE)
    if life in (Life.PAUSED, Life.MISSED):
        return Decision(Next.RELEASE)
    if sum(chunk.closed for chunk in touched) >= chunks:
        return Decision(Next.COMPLETE)
    settled = sum(chunk.settled for chunk in touched)
    untouched = len(touched) < chunks
    wakes = [chunk.wake for chunk in touched if not chunk.closed and chunk.wake is not None]
    stalled = 0 if settled > progress else stalled
    if hold > now:
        return Decision(Next.WAIT, at=hold, progress=settled, stalled=stalled)
    workable = untouched or any(not c.closed and (c.wake is None or c.wake <= now) for c in touched)
    if not workable:
        return Decision(Next.WAIT, at=min(wakes), progress=settled, stalled=stalled)
    stalled += settled <= progress
    if stalled > MAX_STALLED_LEGS:
        return Decision(Next.FAIL, progress=settled, stalled=stalled)
    return Decision(Next.GO_ON, progress=settled, stalled=stalled)


def lanes(open_chunks: Sequence[int], segments_per_chunk: float, rate: float) -> list[dict[str, int]]:
    """Ranges {first, last} of chunk numbers, and how many lanes there are (`of`).

    Together at most LEG_SECONDS of work at `rate` segments per second.
    """
    most = max(1, int(rate * LEG_SECONDS / max(segments_per_chunk, 1)))
    chunks = list(open_chunks[:most])
    count = min(MAX_LANES, -(-len(chunks) // CHUNKS_PER_LANE))
    ranges = []
    for lane in range(count):
        part = chunks[lane * len(chunks) // count : (lane + 1) * len(chunks) // count]
        ranges.append({"first": part[0], "last": part[-1], "of": count})
    return ranges

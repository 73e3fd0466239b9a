"""When a campaign that is under way must stop by itself: too many failures, too many opt-outs [F8].

It counts what has become known since a lane began, so that whoever resumes a paused campaign starts afresh.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kabar.domain.statuses import FINAL_RECEIPTS, HANDED_OVER, REPLIED_OPT_OUT, Status, status_of

SAMPLE = 100  # messages below which no share says anything
_GOOD = frozenset({Status.RECEIVED, Status.SENT, Status.UNCERTAIN})


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that may have failed of those with a final receipt, and opted out of those handed over; shares."""

    failed: float
    opted_out: float


def verdict(vectors: Iterable[tuple[bytes, bytes]], limits: Limits) -> str | None:
    """Why to pause, for the campaign's user; None to go on. `vectors` are pairs of before and now, by chunk."""
    changes: Counter[tuple[int, int]] = Counter()
    for before, now in vectors:
        changes.update(zip(before.ljust(len(now), b"\0"), now, strict=False))
    ended = failed = handed_over = opted_out = 0
    for (old, byte), times in changes.items():
        status = status_of(byte)
        if status in FINAL_RECEIPTS and status_of(old) not in FINAL_RECEIPTS:
            ended += times
            failed += times * (status not in _GOOD)
        if status in HANDED_OVER and not old & REPLIED_OPT_OUT:
            handed_over += times
            opted_out += times * bool(byte & REPLIED_OPT_OUT)
    if ended >= SAMPLE and failed > limits.failed * ended:
        return f"{100 * failed // ended} % of the last {ended} messages failed: look at why, then resume"
    if handed_over >= SAMPLE and opted_out > limits.opted_out * handed_over:
        share = 100 * opted_out // handed_over
        return f"{share} % of the last {handed_over} recipients opted out: resume only if they wanted this"
    return None

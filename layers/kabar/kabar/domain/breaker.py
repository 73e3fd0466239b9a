"""When a campaign that is under way must stop by itself: too many failures, too many opt-outs [F8].

It counts what has become known since a lane began, so that whoever resumes a paused campaign starts afresh.
"""

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
    ended = failed = handed_over = opted_out = 0
    for before, now in vectors:
        for position, byte in enumerate(now):
            old = before[position] if position < len(before) else 0
            if byte == old:
                continue
            status, was = status_of(byte), status_of(old)
            if status in FINAL_RECEIPTS and was not in FINAL_RECEIPTS:
                ended += 1
                failed += status not in _GOOD
            handed_over += status in HANDED_OVER and was not in HANDED_OVER
            opted_out += bool(byte & REPLIED_OPT_OUT and not old & REPLIED_OPT_OUT)
    if ended >= SAMPLE and failed > limits.failed * ended:
        return f"{100 * failed // ended} % of the last {ended} messages failed: look at why, then resume"
    if handed_over >= SAMPLE and opted_out > limits.opted_out * handed_over:
        share = 100 * opted_out // handed_over
        return f"{share} % of the last {handed_over} recipients opted out: resume only if they wanted this"
    return None

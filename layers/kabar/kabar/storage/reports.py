"""A campaign's counts, summed from the status vectors of its chunks: they can't drift. [P24]"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kabar.domain.statuses import REPLIED_OPT_OUT, Reason, Status, reason_of, status_of
from kabar.storage.chunks import Chunk, Chunks, chunk_of


@dataclass(frozen=True)
class Report:
    """Counts per status add up to `recipients`. `segments` are those of messages the carrier accepted.

    `opted_out`: recipients known to have opted out: left out because of it, or by their answer to this.
    """

    recipients: int
    segments: int
    opted_out: int
    replied_opt_out: int
    suppressed: Mapping[Reason, int]
    statuses: Mapping[Status, int]


def report(head: Mapping[str, Any], chunks: Chunks) -> Report:
    """The report of one campaign as of now; all pending before its recipients are frozen."""
    plan = head.get("plan")
    if plan is None:
        return Report(0, 0, 0, 0, {}, dict.fromkeys(Status, 0))
    return count(plan["recipients"], (chunk_of(item) for item in chunks.every(head["id"], plan["chunks"])))


def count(recipients: int, chunks: Iterable[Chunk]) -> Report:
    """Sum chunks; positions that no vector has reached are pending."""
    cells: Counter[int] = Counter()
    segments = 0
    for chunk in chunks:
        cells.update(chunk.vector)
        segments += chunk.segments
    statuses = dict.fromkeys(Status, 0)
    suppressed = dict.fromkeys((Reason.OPTED_OUT, Reason.BLACKLISTED, Reason.NO_CONSENT), 0)
    replied = 0
    for cell, number in cells.items():
        statuses[status_of(cell)] += number
        if status_of(cell) is Status.SUPPRESSED and reason_of(cell) is not Reason.NONE:
            suppressed[reason_of(cell)] += number
        if cell & REPLIED_OPT_OUT:
            replied += number
    statuses[Status.PENDING] += recipients - sum(cells.values())
    left_out = suppressed[Reason.OPTED_OUT] + suppressed[Reason.BLACKLISTED]
    return Report(recipients, segments, left_out + replied, replied, suppressed, statuses)

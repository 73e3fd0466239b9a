"""A campaign's counts, summed from the status vectors of its chunks: they can't drift. [P24]"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kabar.domain.statuses import REPLIED_OPT_OUT, Reason, Status, cell, reason_of, status_of
from kabar.storage.chunks import Chunk, Chunks, chunk_of

_LEFT_OUT = {cell(Status.SUPPRESSED, reason) for reason in (Reason.OPTED_OUT, Reason.BLACKLISTED)}


@dataclass(frozen=True)
class Report:
    """Counts per status add up to `recipients`. `segments` are those of messages the carrier accepted,
    `cost` their cost in millionths of the currency of the campaign's plan.

    `opted_out`: recipients known to have opted out: left out because of it, or by their answer to this.
    """

    recipients: int
    segments: int
    cost: int
    opted_out: int
    replied_opt_out: int
    suppressed: Mapping[Reason, int]
    statuses: Mapping[Status, int]


def report(head: Mapping[str, Any], chunks: Chunks) -> Report:
    """The report of one campaign as of now; all pending before its recipients are frozen."""
    plan = head.get("plan")
    if plan is None:
        return Report(0, 0, 0, 0, 0, {}, dict.fromkeys(Status, 0))
    return count(plan["recipients"], (chunk_of(item) for item in chunks.every(head["id"], plan["chunks"])))


def totals_of(counts: Report) -> dict[str, Any]:
    """The closing totals of a campaign, for its head."""
    return {
        "recipients": counts.recipients,
        "segments": counts.segments,
        "cost": counts.cost,
        "opted_out": counts.opted_out,
        "statuses": {status.word: number for status, number in counts.statuses.items()},
    }


def count(recipients: int, chunks: Iterable[Chunk]) -> Report:
    """Sum chunks; positions that no vector has reached are pending."""
    cells: Counter[int] = Counter()
    segments = cost = 0
    for chunk in chunks:
        cells.update(chunk.vector)
        more_segments, more_cost = chunk.charges.total(chunk.vector, chunk.refused)
        segments += more_segments
        cost += more_cost
    statuses = dict.fromkeys(Status, 0)
    suppressed: dict[Reason, int] = {reason: 0 for reason in Reason if reason is not Reason.NONE}
    replied = opted_out = 0
    for byte, number in cells.items():
        statuses[status_of(byte)] += number
        if status_of(byte) is Status.SUPPRESSED and reason_of(byte) is not Reason.NONE:
            suppressed[reason_of(byte)] += number
        if byte & REPLIED_OPT_OUT:
            replied += number
        if byte & 0x7F in _LEFT_OUT or byte & REPLIED_OPT_OUT:
            opted_out += number
    statuses[Status.PENDING] += recipients - sum(cells.values())
    return Report(recipients, segments, cost, opted_out, replied, suppressed, statuses)

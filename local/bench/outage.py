"""An endpoint that is down for a weekend while a million receipts come in: state transitions of `retry_callbacks`.

The machine's own definition and the real turns run against tables in memory, with a clock that moves when the machine
waits and when the pace does; a thousandth of the receipts stands for all of them. What a turn of the full size would
take longer is added by arithmetic, from the pace and the time that a turn works (docs/operations.md).
"""

from functools import partial

from local.trouble import Trouble
from tests.functions.callback_rig import HOUR, START, Rig, lost

RECEIPTS, SHARE = 1_000_000, 1000
WEEKEND = 60 * HOUR  # from Friday, 20:00, to Monday, 8:00


def measure() -> dict[str, float]:
    """`callback_outage_transitions_per_million`. Raises Trouble when a receipt was not told once."""
    from kabar.delivery import retry

    rig = Rig(lambda _, now: 204 if now >= START + WEEKEND else lost())
    wanted = RECEIPTS // SHARE
    for number in range(wanted):
        rig.at(START + number * WEEKEND // wanted, partial(rig.tell, f"msg_{number:032x}"))
    rig.advance(START)
    rig.run()
    if sorted(rig.delivered()) != [f"msg_{number:032x}" for number in range(wanted)]:
        raise Trouble(f"{len(rig.delivered())} of {wanted} receipts were told.")
    more_turns = RECEIPTS / (retry.PER_SECOND * retry.WORK_SECONDS)
    return {
        "callback_outage_transitions_per_million": rig.transitions + 2 * more_turns,
        "callback_outage_transitions_counted": rig.transitions,
    }

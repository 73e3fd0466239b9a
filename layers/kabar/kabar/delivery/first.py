"""First attempts, straight from the queue: what fails is parked, and an endpoint that fails or is slow is left to
its own execution, so that it holds up nobody else [J5].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kabar.delivery.desk import Desk, Streak, side_by_side
from kabar.domain import callbacks
from kabar.domain.callbacks import Callback, Outcome, Verdict
from kabar.storage.dynamo import ConditionFailed, Item

TOGETHER = 4  # calls to one endpoint
FAILURES = 3  # in a row, after which an endpoint isn't asked any more
SECONDS = 15.0  # for the callbacks of one endpoint in a batch; the rest goes its own way


@dataclass(frozen=True)
class Done:
    """How many were delivered, parked and given up."""

    delivered: int = 0
    parked: int = 0
    dead: int = 0


def deliver(desk: Desk, endpoint: Item, told: Sequence[Callback]) -> Done:
    """Tell one endpoint, or park. Again tells again, under the same ids. Raises Changed for settings that went."""
    told = list({callback.id: callback for callback in told}.values())
    state = desk.book.state(endpoint["id"])
    if ("off" in state or "detour" in state) and _park_all(desk, endpoint, told):
        return Done(parked=len(told))
    return _attempt(desk, endpoint, told)


def _park_all(desk: Desk, endpoint: Item, told: Sequence[Callback]) -> bool:
    """Park on a detour; False, with nothing parked, when there is none any more."""
    now = desk.clock()
    desk.book.park(endpoint["id"], [(callback, callback.born, now, 0) for callback in told])
    try:
        state = desk.book.parked_more(endpoint["id"], {}, first={}, on_detour=True)
    except ConditionFailed:
        desk.book.unpark(endpoint["id"], [(callback, callback.born) for callback in told])
        return False
    desk.ensure_run(endpoint, state)
    return True


def _attempt(desk: Desk, endpoint: Item, told: Sequence[Callback]) -> Done:
    streak = Streak(FAILURES)
    end = desk.monotonic() + SECONDS

    def attempt(callback: Callback) -> Outcome | None:
        if streak.stopped or desk.monotonic() > end:
            return None
        outcome = desk.send(endpoint, callback)
        streak.note(outcome)
        return outcome

    made = list(side_by_side(told, attempt, TOGETHER))
    dead = 0
    for callback, outcome in made:
        if outcome and outcome.verdict is Verdict.DEAD:
            desk.book.bury_new(endpoint["id"], callback, desk.clock(), outcome.why)
            dead += 1
    if dead:
        desk.given_up(endpoint, dead)
    streak.end()
    if streak.gone:
        desk.switch_off(endpoint, "the endpoint answered 410")
    left = [(c, o) for c, o in made if o is None or o.verdict in (Verdict.AGAIN, Verdict.GONE)]
    if left:
        _park(desk, endpoint, left, streak)
    return Done(len(made) - len(left) - dead, len(left), dead)


def _park(
    desk: Desk, endpoint: Item, left: Sequence[tuple[Callback, Outcome | None]], streak: Streak
) -> None:
    """Park what wasn't delivered: in its old place when the endpoint is at fault, else for a wait of its own."""
    now = desk.clock()
    detour = streak.stopped or any(outcome is None for _, outcome in left)
    parked = [
        (callback, callback.born, now, 0)
        if detour
        else (callback, now + callbacks.wait(1, desk.chance()), now, 1)
        for callback, _ in left
    ]
    desk.book.park(endpoint["id"], parked)
    values: dict[str, Any] = {}
    if streak.worst:
        values["last_error"] = {"at": now, "why": streak.worst.why}
    if streak.worst and streak.worst.not_before:
        values["not_before"] = streak.worst.not_before
    first = {"detour": now} if detour else {}
    first |= {"failing": now} if streak.failing else {}
    state = desk.book.parked_more(endpoint["id"], values, first=first)
    # a run that knows of the outage has its own waits
    known = "off" in state or state.get("failing", now) != now
    desk.ensure_run(endpoint, state, None if known else min(due for _, due, _, _ in parked))

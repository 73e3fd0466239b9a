"""One simulated chunk from its first pass to its end, and the rules it must have kept.

More runs than the tests make: `python -m tests.simulation.run 100000 [first seed]`.
"""

import sys
from dataclasses import dataclass
from random import Random

from kabar.domain.dispatch import Sender
from kabar.domain.messages import Message
from kabar.domain.recipient_hours import NEVER
from kabar.domain.slices import DOUBT, SETTLED, Recipient, Stop
from kabar.domain.statuses import Status, cell, merge, status_of
from tests.simulation.carrier import CLASSES, Ask, Call, Carrier
from tests.simulation.world import START, TIMING, Death, Fault, Script, Seat, World

MOST_PASSES = 60
MOBILES = [f"+6421000{number:04d}" for number in range(6)]


@dataclass
class Case:
    """What one run is made of; the same case runs the same."""

    promise: str
    script: Script
    seed: int = 0
    sizes: tuple[int, ...] = (3,)
    senders: int = 1
    rejects: frozenset[str] = frozenset()
    log_lag: int = 0

    def __str__(self) -> str:
        return (
            f"class {self.promise} seed {self.seed} sizes {self.sizes} senders {self.senders} {self.script}"
        )


@dataclass
class Outcome:
    """The end of a run: statuses by position, and every rule it broke."""

    world: World
    statuses: list[Status]
    broken: list[str]
    steps: list[int]  # effects per pass


def slices_of(sizes: tuple[int, ...]) -> list[list[Recipient]]:
    recipients = [
        Recipient(position, Message(f"sim-{5000 + position}", MOBILES[position], "Merhaba", 1))
        for position in range(sum(sizes))
    ]
    return [recipients[sum(sizes[:n]) : sum(sizes[: n + 1])] for n in range(len(sizes))]


def run(case: Case) -> Outcome:
    """Pass after pass until everybody's end is known; the faults of the script stop, time goes on."""
    script = Script(
        dict(case.script.faults),
        list(case.script.calls),
        list(case.script.asks),
        case.script.events,
        case.script.nights,
    )
    carrier = Carrier(CLASSES[case.promise], case.rejects, case.log_lag)
    world = World(slices_of(case.sizes), carrier, script, Random(case.seed))  # noqa: S311  # runs must repeat
    vector, steps, done = b"", [], False
    for number in range(MOST_PASSES):
        before = world.effects
        vector, done, wake = _pass(world, case.senders if number == 0 else 1, vector)
        steps.append(world.effects - before)
        if done or world.status == "cancel":
            break
        world.status = "sending"
        dawns = [world.dawn(mobile, world.now) or NEVER for mobile in script.nights]
        dawn = min(dawns, default=NEVER)
        world.now = max(world.now + 1000, wake or (0 if dawn == NEVER else dawn + TIMING.skew))
        world.carrier.catch_up(world.now)
    if world.status == "cancel":
        vector = merge(vector, close(world))
    world.carrier.catch_up(world.now + TIMING.give_up)
    statuses = [status_of(byte) for byte in vector]
    return Outcome(world, statuses, world.broken + check(world, vector, statuses), steps)


def _pass(world: World, senders: int, vector: bytes) -> tuple[bytes, bool, int | None]:
    results: list[tuple[bytes, bool, int | None]] = []

    def job(seat: Seat) -> None:
        sender = Sender(
            owner=seat.owner,
            handover=seat,
            control=seat,
            pace=seat,
            clock=seat,
            timing=TIMING,
            deadline=seat.now() + 900_000,
            alarm=lambda what: world.broken.append(f"alarm: {what}"),
        )
        try:
            result, _ = sender.send_chunk(seat, seat, world.slices)
        except (Death, Stop):
            return
        results.append((result.vector, result.done, result.wake))

    seats = [Seat(world) for _ in range(senders)]
    world.stage.run([lambda seat=seat: job(seat) for seat in seats])  # type: ignore[misc]  # the usual default
    for found, _, _ in results:
        vector = merge(vector, found)
    wakes = [wake for _, _, wake in results if wake is not None]
    return vector, any(done for _, done, _ in results), min(wakes, default=None)


def close(world: World) -> bytes:
    """What a cancelled campaign's chunk becomes, by the rule: untouched cancelled, without a result uncertain."""
    vector = bytearray()
    for number, recipients in enumerate(world.slices):
        claim = world.claims.get(number)
        for byte in claim.vector if claim else bytes(len(recipients)):
            in_hand = claim is not None and (bool(claim.owner) or byte & 0x0F == DOUBT)
            open_end = cell(Status.UNCERTAIN if in_hand else Status.CANCELLED)
            vector.append(byte if byte & 0x0F >= SETTLED else open_end)
    return bytes(vector)


ENDS = {Status.SENT, Status.REJECTED, Status.SUPPRESSED, Status.UNCERTAIN, Status.CANCELLED}


def check(world: World, vector: bytes, statuses: list[Status]) -> list[str]:
    """The rules of a finished run, broken ones as sentences."""
    recipients = [recipient for part in world.slices for recipient in part]
    if len(vector) != len(recipients):
        return [f"the vector has {len(vector)} of {len(recipients)} positions"]
    broken = [
        f"position {position} ({statuses[position].word}) was refused by the carrier, its fact says so"
        for position in world.rejected
        if statuses[position] is not Status.REJECTED and world.status != "cancel"
    ]
    for recipient, status in zip(recipients, statuses, strict=True):
        mobile, who = recipient.message.mobile, f"position {recipient.position} ({status.word})"
        accepts = world.carrier.accepted.get(mobile, [])
        opted_out = world.opted_out_at.get(mobile)
        if len(accepts) > 1:
            broken.append(f"{who} was accepted {len(accepts)} times")
        if opted_out is not None and any(accept.claimed_at > opted_out for accept in accepts):
            broken.append(f"{who} was accepted by a call claimed after the opt-out")
        if status not in ENDS or (status is Status.CANCELLED and world.status != "cancel"):
            broken.append(f"{who} did not end")
        if status is Status.SENT and not accepts:
            broken.append(f"{who} never reached the carrier")
        if accepts and status in (Status.CANCELLED, Status.SUPPRESSED, Status.REJECTED):
            broken.append(f"{who} was accepted after all")
        never = world.script.nights.get(mobile, (0, 0))[1] == NEVER
        if status is Status.SUPPRESSED and opted_out is None and not never:
            broken.append(f"{who} never opted out")
        if status is Status.UNCERTAIN:
            left_out = never or opted_out is not None
            broken += [f"{who}: {why}" for why in _unfounded(world, recipient, left_out=left_out)]
    return broken


def _unfounded(world: World, recipient: Recipient, *, left_out: bool) -> list[str]:
    """Why nobody should have been uncertain about this one."""
    given_up = world.now - START >= TIMING.give_up
    if recipient.position not in world.excused and world.status != "cancel":
        return ["an answer was never lost"]
    if world.carrier.promise.resends and not left_out and not given_up and world.status != "cancel":
        return ["its carrier could be asked or dedupes"]
    return []


def random_case(seed: int) -> Case:
    """Any mixture of faults, small enough to read when it fails."""
    random = Random(seed)  # noqa: S311  # runs must repeat
    sizes = random.choice([(3,), (2, 2), (1, 1, 2), (3, 3), (1,)])
    senders = random.choice([1, 1, 2, 3])
    faults = {
        (random.randrange(senders + 3), random.randrange(24)): random.choice(list(Fault))
        for _ in range(random.choice([0, 1, 1, 2, 3, 4]))
    }
    odds = random.choice([0.0, 0.3, 0.7])
    calls = [random.choice(list(Call)) if random.random() < odds else Call.OK for _ in range(8)]
    asks = [random.choice(list(Ask)) if random.random() < odds else Ask.OK for _ in range(4)]
    people = ["pause", "cancel", *MOBILES[: sum(sizes)]]
    events = {random.randrange(60): random.choice(people) for _ in range(random.choice([0, 0, 1, 2, 4]))}
    nights = {}
    for mobile in random.sample(MOBILES, random.choice([0, 0, 1, 3])):
        dusk = random.choice([0, 0, 500, 40_000])
        nights[mobile] = dusk, random.choice([dusk + 2000, dusk + 100_000, dusk + 40_000_000, NEVER])
    return Case(
        promise=random.choice("ABCD"),
        script=Script(faults, calls, asks, events, nights),
        seed=seed,
        sizes=sizes,
        senders=senders,
        rejects=frozenset(random.sample(MOBILES, 1)) if random.random() < 0.2 else frozenset(),
        log_lag=random.choice([0, 5_000, 20_000]),
    )


def main(runs: int, first: int = 0) -> int:
    """Print every run that breaks a rule; how many did."""
    failed = 0
    for seed in range(first, first + runs):
        case = random_case(seed)
        outcome = run(case)
        if outcome.broken:
            failed += 1
            print(case, *outcome.broken, *outcome.world.log, sep="\n  ")  # noqa: T201  # it is a command
    print(f"{runs} runs, {failed} broke a rule")  # noqa: T201  # it is a command
    return failed


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)

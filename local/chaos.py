"""`make chaos`: kill Lambda workers and break the carrier's answers, then ask whether anybody noticed.

A stack of its own with a short lease. While a file is imported and a campaign sent, workers are killed
with `kill -9`, and about a tenth of the carrier's answers are lost, late or wrong. In the end every row must
be in its bucket, the campaign completed, nobody messaged twice, and nobody skipped whom the report doesn't
call uncertain.
"""

import argparse
import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from kabar.storage import keys
from kabar.storage.dynamo import Table
from local import audit, chaos_import, job, stack, trouble
from local.bootstrap import CARRIER
from local.live import Live

PARAMETERS = {"LeaseSeconds": "12", "AskAfterSeconds": "3", "GiveUpSeconds": "30"}
RULES = {  # shares of the carrier's answers
    "http_500": 0.02,
    "http_429": 0.01,
    "timeout_after_accept": 0.01,
    "timeout_before_accept": 0.01,
    "reset_after_accept": 0.02,
    "reset_before_accept": 0.01,
    "bad_json": 0.02,
    "partial": 0.02,
}
SLICE = 20  # recipients per carrier call: many calls, many chances to go wrong
VISIBILITY = "10"  # seconds: a killed worker's messages come back soon, not after the template's six minutes
LATENCY_MS = 150  # so that a campaign lasts long enough to be hit in the middle
KILLS = {  # how often workers of a function are killed at most: retries are many, but not endless
    "ReceiveUpload": 2,
    "ValidateList": 2,
    "CheckSuppressions": 3,
    "LoadMembers": 3,
    "FinishImport": 2,
    "PlanLeg": 2,
    "SendLane": 16,
    "SettleLeg": 3,
    "ReceiveWebhook": 4,
    "ApplyReceipts": 6,
    "FollowPeople": 6,
}
LIFE = 0.5, 8  # seconds that a worker lives at least and at most, while its function is to be killed
TEXT = "Dear %%1%%, your order %%2%% is on its way."


class Killer:
    """Kills workers of the engine at random moments, in a thread of its own."""

    def __init__(self, running: stack.Stack, seed: int) -> None:
        self._engine = running.engine
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.killed: Counter[str] = Counter()
        self._doomed: dict[int, float] = {}  # worker -> when it is to die (monotonic seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        """Every worker dies at a moment of its own, after some work: killed at birth they would get nowhere."""
        while not self._stop.wait(0.1):
            for pid, name in self._workers():
                dies_at = self._doomed.setdefault(pid, time.monotonic() + self._random.uniform(*LIFE))
                if time.monotonic() >= dies_at and self.killed[name] < KILLS[name]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        self.killed[name] += 1

    def _workers(self) -> Iterator[tuple[int, str]]:
        for pid, function in self._engine.workers():
            for name in KILLS:
                if f"-{name}Function-" in function:
                    yield pid, name


def people(count: int, seed: int) -> tuple[bytes, dict[str, str], dict[str, int]]:
    """A file of `count` recipients with some duplicates and rejects: (CSV, mobile -> text, buckets)."""
    chance = random.Random(seed)
    texts: dict[str, str] = {}
    lines = []
    buckets = dict.fromkeys(audit.BUCKETS, 0)
    for n in range(count):
        mobile, name, order = f"+90532{1_000_000 + n}", f"Müşteri {n}", f"#{chance.randrange(10**6)}"
        texts[mobile] = f"Dear {name}, your order {order} is on its way."
        spaced = chance.random() < 0.2
        written = f"{mobile[:3]} {mobile[3:6]} {mobile[6:]}" if spaced else mobile
        buckets["corrected" if spaced else "accepted"] += 1
        lines.append(f"{written},{name},{order}")
        if chance.random() < 0.02:
            lines.append(f"{mobile},Again,#0")
            buckets["duplicates"] += 1
        if chance.random() < 0.02:
            lines.append(f"{mobile}x,Nobody,#0")
            buckets["rejected"] += 1
    return "\n".join(lines).encode(), texts, buckets


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--recipients", type=int, default=20_000)
    given = parser.parse_args()
    print(f"Chaos with {given.recipients:,} recipients, seed {given.seed} (make chaos SEED={given.seed})\n")
    name = f"chaos-{os.getpid()}"
    try:
        running = stack.start(name, parameters=PARAMETERS, owner=os.getpid())
        _hurry(running)
        differences = _run(running, given.recipients, given.seed)
        if differences:
            kept = _keep_log(running)
            print("\nWhat differs:\n  " + "\n  ".join(differences) + f"\n\nThe engine's log: {kept}")
            return 1
    finally:
        stack.stop(name)
    print("\nNobody twice, nobody skipped, all sums agree.")
    return 0


def _hurry(running: stack.Stack) -> None:
    table = Table(running.outputs["WorkspacesTable"], running.client("dynamodb"))
    table.update(
        keys.carrier(running.workspace, CARRIER),
        "SET #slice = :slice",
        names={"#slice": "slice"},
        values={":slice": SLICE},
    )
    sqs = running.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        if "DeadLetters" not in url:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": VISIBILITY})


def _run(running: stack.Stack, count: int, seed: int) -> list[str]:
    live = Live()
    content, texts, buckets = people(count, seed)
    with Killer(running, seed) as killer:
        imported = job.import_file(
            running, "Chaos", "people.csv", content, lambda seen: live.update(_progress(seen)), patience=180
        )
    live.done(f"imported {imported['rows_read']:,} rows; killed {_told(killer.killed)}")
    if imported["state"] != "done":
        return [f"the import ended as {imported['state']}: {imported['error']}"]
    differences = audit.buckets(imported, buckets)

    live.begin()
    killer = Killer(running, seed + 2)
    differences += chaos_import.run(running, killer, lambda seen: live.update(_progress(seen)), seed)
    live.done(f"imported {chaos_import.ROWS:,} rows more; killed {_told(killer.killed)}")

    rules = [{"kind": kind, "share": share} for kind, share in RULES.items()]
    running.carrier("POST", "/_faults", {"seed": seed, "latency_ms": LATENCY_MS, "rules": rules})
    live.begin()
    with Killer(running, seed + 1) as killer:
        campaign = job.start_campaign(running, "Chaos", imported["list_id"], TEXT)
        report = job.follow_campaign(
            running, campaign, lambda seen: live.update(_counts(seen)), patience=_patience(count)
        )
    stats = running.carrier("GET", "/_stats")
    live.done(f"sent; killed {_told(killer.killed)}")
    print(f"    the carrier broke {_told(Counter(stats['faults']))}")
    if report["status"] != "completed":
        differences.append(f"the campaign ended as {report['status']}")
    ended: dict[str, str] = {}
    differences += job.until_none(lambda: _compare(running, campaign, texts, ended))
    print(f"    report: {_counts(job.campaign_report(running, campaign))}")
    return differences + [f"denied: {line[:300]}" for line in job.denials(running)[:3]]


def _patience(count: int) -> int:
    """Seconds, generous: a machine may have other things to do."""
    return 240 + count // 50


def _compare(running: stack.Stack, campaign: int, texts: dict[str, str], ended: dict[str, str]) -> list[str]:
    """The report against the carrier: whom it never accepted must be uncertain, nobody else."""
    report = job.campaign_report(running, campaign)
    accepted, _ = job.truth(running)
    uncertain = report["statuses"].get("uncertain", 0)
    statuses = job.carrier_statuses(running, [message.id for message in accepted], ended)
    lost = len(texts) - len({message.to for message in accepted})
    segments = sum(message.segments for message in accepted)
    return audit.sent("campaign", accepted, texts, missing_allowed=uncertain) + audit.report(
        "campaign", report, len(texts), {**statuses, "uncertain": lost}, None if lost else segments
    )


def _progress(seen: dict[str, Any]) -> str:
    return f"{seen['state']}: {seen['rows_read'] or 0:,} rows"


def _counts(report: dict[str, Any]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in report["statuses"].items() if count) or "planning"


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"


def _keep_log(running: stack.Stack) -> Path:
    """The engine's log outside the folder that goes with the stack."""
    target = stack.home("chaos.log")
    target.write_bytes(running.engine.log.read_bytes())
    return target


if __name__ == "__main__":
    trouble.run(main)

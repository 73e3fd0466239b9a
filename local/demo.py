"""`make demo`: the main job on a real, messy file, checked against its answers and the carrier's own log."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import audit, demo_data, job, paths, stack, told, trouble
from local.live import Live

FIRST = "Hi %%1%%, the autumn sale has begun: 20 % off everything until Sunday. Reply STOP to opt out."
SECOND = "%%1%%, last day of the autumn sale! Reply STOP to opt out."
BLACKLISTED = 4
STOPS = 25
HANDED_OVER = ("sent", "received", "failed", "rejected", "expired", "dead", "frozen", "uncertain")
FOLDER = paths.KABAR / "demo"


@dataclass(frozen=True)
class Answers:
    """Where each row of the file must end, and whom it names with which params."""

    buckets: dict[str, int]
    people: dict[str, list[str]]

    @classmethod
    def read(cls, path: Path, left: set[str]) -> "Answers":
        """`left` are numbers that have opted out since the answers were written."""
        rows = json.loads(path.read_text())["rows"]
        buckets = dict.fromkeys(audit.BUCKETS, 0)
        people: dict[str, list[str]] = {}
        for row in rows:
            bucket = row["bucket"]
            if bucket in {"accepted", "corrected"} and row["mobile"] in left:
                bucket = "opted_out"
            buckets[bucket] += 1
            if bucket in {"accepted", "corrected"}:
                people[row["mobile"]] = row["params"]
        return cls(buckets, people)


def main() -> int:
    began = time.monotonic()
    live = Live()
    print("\nKabar: a CSV dropped in a bucket becomes a campaign. All of it on 127.0.0.1.\n")
    running = stack.find()
    ours = running is None
    name = f"demo-{os.getpid()}"
    try:
        if running is None:
            running = stack.start(name, owner=os.getpid(), say=live.update)
            live.done("cloud and carrier are up, template.yaml is deployed")
        differences = _run(running, live)
    finally:
        if ours:
            stack.stop(name)
    seconds = time.monotonic() - began
    if differences:
        print("\nThis differs:\n  " + "\n  ".join(differences))
        return 1
    print(f"\nEverything agrees, in {seconds:.0f} s.")
    return 0


def _run(running: stack.Stack, live: Live) -> list[str]:
    """The whole story; returns what differs from the answers and the carrier's log."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    file, answers_file = FOLDER / "customers.csv", FOLDER / "answers.json"
    demo_data.write(file, answers_file)
    left = _left_before(running)
    live.begin()
    left |= _blacklist(running, Answers.read(answers_file, set()))
    answers = Answers.read(answers_file, left)
    _, before = job.truth(running)
    ended: dict[str, str] = {}

    live.begin()
    content = file.read_bytes()
    key = f"lists/Customers {time.strftime('%H.%M.%S')}/customers.csv"
    live.update(f"dropping {file.name} into s3://{running.uploads_bucket}/{running.workspace}/{key}")
    running.drop(key, content)
    imported = job.follow_import(running, key, lambda seen: live.update(_import_line(seen)))
    live.done(_import_line(imported).removeprefix("done: "))
    if imported["state"] != "done":
        return [f"the import ended as {imported['state']}: {imported['error']}"]
    differences = audit.buckets(imported, answers.buckets)

    first, texts = _send(running, live, "Autumn sale", imported["list_id"], FIRST, answers)
    sent, middle = job.truth(running, before)
    differences += job.until_none(lambda: _compare(running, "Autumn sale", first, sent, texts, set(), ended))

    live.begin()
    record = told.begin(running)
    leaving = {message.to for message in sent[:: max(1, len(sent) // STOPS)][:STOPS]}
    job.answer_stop(running, leaving)
    differences += job.until_none(lambda: _opted_out(running, first, len(leaving), live))
    live.done(f"{len(leaving)} phones answered STOP")
    _remember(running, left | leaving)

    second, texts = _send(running, live, "Last day", imported["list_id"], SECOND, answers)
    sent, _ = job.truth(running, middle)
    differences += job.until_none(lambda: _compare(running, "Last day", second, sent, texts, leaving, ended))
    differences += _told(running, live, record, second, len(leaving))
    differences += [f"a permission was missing: {line[:200]}" for line in job.denials(running)[:3]]
    print(_table([job.campaign_report(running, each) for each in (first, second)]))
    if not differences:
        print(_proof(answers, len(leaving)))
    return differences


def _blacklist(running: stack.Stack, answers: Answers) -> set[str]:
    """Put a few of the file's people on the blacklist before it is imported."""
    mobiles = set(list(answers.people)[:: len(answers.people) // BLACKLISTED][:BLACKLISTED])
    for mobile in mobiles:
        answer = running.api("POST", "/v1/blacklist", {"mobile": mobile})
        if answer.status >= 300:
            raise trouble.Trouble(f"The API answered {answer.status} to a blacklist entry: {answer.body}")
    return mobiles


def _send(
    running: stack.Stack, live: Live, name: str, list_id: int, text: str, answers: Answers
) -> tuple[int, dict[str, str]]:
    """Send a campaign to the list and follow it; returns its id and what each number is to be told."""
    live.begin()
    campaign = job.start_campaign(running, name, list_id, text)
    report = job.follow_campaign(running, campaign, lambda seen: live.update(_campaign_line(seen, live)))
    live.done(_campaign_line(report, live).replace(" completed:", ":"))
    return campaign, {mobile: _merged(text, params) for mobile, params in answers.people.items()}


def _compare(
    running: stack.Stack,
    name: str,
    campaign: int,
    sent: list[job.Accepted],
    texts: Mapping[str, str],
    leaving: set[str],
    ended: dict[str, str],
) -> list[str]:
    statuses = job.carrier_statuses(running, [message.id for message in sent], ended)
    segments = sum(message.segments for message in sent)
    return audit.sent(name, sent, texts, left_out=leaving) + audit.report(
        name,
        job.campaign_report(running, campaign),
        len(texts),
        {**statuses, "suppressed": len(leaving)},
        segments,
    )


def _told(running: stack.Stack, live: Live, record: int, campaign: int, replies: int) -> list[str]:
    """Wait until the customer's own system was told of each receipt of the campaign and each reply."""
    live.begin()

    def look() -> list[str]:
        calls = told.since(running, record)
        live.update(f"{len(calls):,} callbacks have reached the customer's system")
        statuses = job.campaign_report(running, campaign)["statuses"]
        return told.differences(calls, campaign, statuses, replies)

    found = job.until_none(look)
    if not found:
        count = len(told.since(running, record))
        live.done(
            f"{count:,} callbacks, signed, have reached the customer's system at {running.callbacks_url}"
        )
    return found


def _opted_out(running: stack.Stack, campaign: int, expected: int, live: Live) -> list[str]:
    found = job.campaign_report(running, campaign)["opted_out"]
    live.update(f"{found} of {expected} who answered STOP are opted out")
    return [] if found == expected else [f"{found} are opted out instead of {expected}"]


def _merged(text: str, params: list[str]) -> str:
    """What `text` says to one person; the demo's texts use the first param only."""
    return text.replace("%%1%%", params[0] if params else "")


def _import_line(seen: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{seen[name] or 0:,} {name.replace('_', ' ')}" for name in audit.BUCKETS)
    return f"{seen['state']}: {seen['rows_read'] or 0:,} rows: {counts}"


def _campaign_line(report: Mapping[str, Any], live: Live) -> str:
    found = report["statuses"]
    handed_over = sum(found.get(word, 0) for word in HANDED_OVER)
    return (
        f"{report['name']!r} {report['status']}: {handed_over:,} sent, "
        f"{found.get('received', 0):,} received, {found.get('failed', 0):,} failed, "
        f"{report['opted_out']:,} opted out, "
        f"{handed_over / max(live.seconds, 0.1):,.0f}/s"
    )


def _table(reports: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("", [report["name"] for report in reports]),
        ("recipients", [f"{report['recipients']:,}" for report in reports]),
    ]
    words = [word for word in reports[0]["statuses"] if any(report["statuses"][word] for report in reports)]
    rows += [(f"  {word}", [f"{report['statuses'][word]:,}" for report in reports]) for word in words]
    rows += [(word, [f"{report[word]:,}" for report in reports]) for word in ("opted_out", "segments")]
    lines = [
        f"    {name.replace('_', ' '):<14}" + "".join(f"{cell:>14}" for cell in cells) for name, cells in rows
    ]
    return "\n" + "\n".join(lines)


def _proof(answers: Answers, leaving: int) -> str:
    return f"""
  Checked against the file's answers and the carrier's own log:
    every one of {sum(answers.buckets.values()):,} rows is in the bucket it belongs in
    each of {len(answers.people):,} recipients got exactly one message, with exactly their text
    the {leaving} who answered STOP got nothing more
    every status is the carrier's receipt; no permission was missing
    the customer's system was told of each receipt of the last campaign and of each reply"""


def _left_before(running: stack.Stack) -> set[str]:
    """Who answered STOP in an earlier demo on this stack: an import leaves them out."""
    try:
        return set(json.loads(_memory(running).read_text()))
    except FileNotFoundError:
        return set()


def _remember(running: stack.Stack, left: set[str]) -> None:
    _memory(running).write_text(json.dumps(sorted(left)))


def _memory(running: stack.Stack) -> Path:
    return stack.home(running.name) / "demo-stops.json"


if __name__ == "__main__":
    trouble.run(main)

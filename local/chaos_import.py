"""The import part of `make chaos`: a large file, whose workers are killed in the middle, ends as if nobody had."""

import random
from contextlib import AbstractContextManager
from typing import Any

from kabar.storage import keys
from local import audit, job, stack

ROWS = 100_000
PATIENCE = 420  # seconds; about 40 on an idle machine
_TWICE, _BAD, _SPACED = 0.03, 0.02, 0.2  # shares of the rows


def file(seed: int) -> tuple[bytes, dict[str, int]]:
    """(CSV of ROWS rows, how many are in each bucket)."""
    chance = random.Random(seed)
    buckets = dict.fromkeys(audit.BUCKETS, 0)
    lines: list[str] = []
    people = 0
    while len(lines) < ROWS:
        kind, number = chance.random(), f"{1_000_000 + people:07d}"
        if kind < _TWICE and people:
            buckets["duplicates"] += 1
            lines.append(f"+90533{1_000_000 + chance.randrange(people):07d},Again")
        elif kind < _TWICE + _BAD:
            buckets["rejected"] += 1
            lines.append(f"+90533{number}x,Nobody")
        else:
            people += 1
            spaced = kind > 1 - _SPACED
            buckets["corrected" if spaced else "accepted"] += 1
            written = f"+90 533 {number}" if spaced else f"+90533{number}"
            lines.append(f'{written},"Müşteri {people}, Sayın",{people}')
    return "\n".join(lines).encode(), buckets


def run(running: stack.Stack, killer: AbstractContextManager[Any], watch: job.Watch, seed: int) -> list[str]:
    """Import the file while workers are killed; what differs from an import that nothing broke."""
    content, buckets = file(seed)
    with killer:
        imported = job.import_file(running, "Large", "large.csv", content, watch, PATIENCE)
    if imported["state"] != "done":
        return [f"the large import ended as {imported['state']}: {imported['error']}"]
    people = buckets["accepted"] + buckets["corrected"]
    differences = audit.buckets(imported, buckets)
    shown = running.api("GET", f"/v1/lists/{imported['list_id']}").body
    for name, told in (
        ("added", imported["added"]),
        ("members in the list's counter", shown["members"]),
        ("members stored", _stored(running, imported["list_id"])),
    ):
        if told != people:
            differences.append(f"large import: {told} {name} instead of {people}")
    return differences


def _stored(running: stack.Stack, list_id: int) -> int:
    pages = running.client("dynamodb").get_paginator("query")
    return sum(
        page["Count"]
        for shard in range(keys.MEMBER_SHARDS)
        for page in pages.paginate(
            TableName=running.outputs["MembersTable"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.member_pk(list_id, shard)}},
            Select="COUNT",
        )
    )

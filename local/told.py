"""What the simulated customer was told, against the reports: each reply and each final receipt once."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from local.stack import Stack
from local.trouble import Trouble

FINAL = ("frozen", "expired", "failed", "dead", "rejected", "received")


def begin(stack: Stack) -> int:
    """Have receipts and replies told from now on; where the customer's record stands."""
    for kind in ("receipts", "replies"):
        there = stack.api("GET", f"/v1/callbacks/{kind}")
        wanted = {"url": f"{stack.callbacks_url}/{kind}"}
        tag = {"If-Match": there.headers["ETag"]} if there.status == 200 else None
        answer = stack.api("PUT", f"/v1/callbacks/{kind}", wanted, tag)
        if answer.status >= 300:
            raise Trouble(f"The API answered {answer.status} to an endpoint for {kind}: {answer.body}")
    return int(stack.customer("GET", "/_got?after=100000000")["next"])


def since(stack: Stack, after: int) -> list[dict[str, Any]]:
    """What was told after that point of the record."""
    found: list[dict[str, Any]] = []
    while page := stack.customer("GET", f"/_got?after={after}")["calls"]:
        found += page
        after = page[-1]["n"]
    return found


def differences(
    calls: list[dict[str, Any]], campaign: int, statuses: Mapping[str, int], replies: int
) -> list[str]:
    """What differs from a campaign's report and the number of replies."""
    receipts = [json.loads(call["body"]) for call in calls if call["path"] == "/receipts"]
    found = Counter(each["Status"] for each in receipts if each.get("CampaignID") == campaign)
    wanted = {word: statuses[word] for word in FINAL if statuses.get(word)}
    answered = len({call["headers"]["webhook-id"] for call in calls if call["path"] == "/replies"})
    return [f"told were {dict(found)} instead of {wanted}"] * (found != wanted) + [
        f"{answered} replies were told instead of {replies}"
    ] * (answered != replies)

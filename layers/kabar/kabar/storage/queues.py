"""Messages into queues, as many together as a call takes."""

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

TOGETHER = 10
BYTES_TOGETHER = 250_000  # below the 256 KiB that every region takes
_ATTEMPTS = 5  # with full jitter up to a second in all: the carrier waits for our answer


class NotQueued(Exception):
    """The queue kept refusing some of the messages; the others are in it."""


def enqueue(sqs: Any, url: str, bodies: Sequence[str], delay: int = 0) -> None:
    """Put every body (ASCII) into the queue, trying refused ones again; seen after `delay` seconds, at most 900.

    Raises NotQueued.
    """
    for batch in _batches(bodies):
        entries = [{"Id": str(n), "MessageBody": body, "DelaySeconds": delay} for n, body in enumerate(batch)]
        for attempt in range(_ATTEMPTS):
            answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
            refused = {failure["Id"] for failure in answer.get("Failed", ())}
            entries = [entry for entry in entries if entry["Id"] in refused]
            if not entries:
                break
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # jitter, no secret
        else:
            raise NotQueued(f"the queue refused {len(entries)} of {len(batch)} messages {_ATTEMPTS} times")


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:
        if batch and (len(batch) == TOGETHER or size + len(body) > BYTES_TOGETHER):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch

"""The same request twice is one effect: `Idempotency-Key` records, kept 24 hours. [P6]

The id of what is to be created is fixed in the record before the effect, so a request that takes over from
one that died repeats the effect under the same id.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Key, Table

KEPT_MS = 24 * 3600 * 1000
LEASE_MS = 30_000  # longer than a call may take (29 s), so a lease that ran out belongs to nobody


class KeyReused(Exception):
    """The key was used for another body."""


class InFlight(Exception):
    """The first request with this key isn't done; `retry_after` seconds from now it surely is."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"try again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Attempt:
    """This request is to do the effect, under the id `resource`."""

    key: Key
    resource: int
    owner: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The effect is done; this is what was answered."""

    status: int
    body: str


def begin(
    table: Table,
    workspace: str,
    route: str,
    key: str,
    *,
    body_hash: str,
    now: int,
    reserve: Callable[[], int],
) -> Attempt | Answered:
    """Start or repeat the request `key`. `now` is epoch ms; `reserve` gives the id of what will be created.

    Raises KeyReused, InFlight.
    """
    record_key = keys.idempotency(workspace, route, key)
    there = table.get(record_key, consistent=True)
    if there is None or there["expires_at"] * 1000 <= now:  # the table's own deletion may be days late
        fresh = _fresh(table, record_key, body_hash, now, reserve())
        if fresh is not None:
            return fresh
        there = table.get(record_key, consistent=True) or {}
    return _again(table, record_key, there, body_hash, now)


def finish(table: Table, attempt: Attempt, status: int, body: str) -> None:
    """Remember the answer for every repetition."""
    try:
        table.update(
            attempt.key,
            "SET #state = :done, answer_status = :status, answer_body = :body REMOVE #owner",
            names={"#state": "state", "#owner": "owner"},
            values={":done": "done", ":status": status, ":body": body, ":owner": attempt.owner},
            condition="#owner = :owner",
        )
    except ConditionFailed:
        return  # another request took over under the same id and answers the same


def release(table: Table, attempt: Attempt) -> None:
    """The effect failed half-way: the next request with this key may try at once, under the same id."""
    try:
        table.update(
            attempt.key,
            "SET lease = :over",
            names={"#owner": "owner"},
            values={":over": 0, ":owner": attempt.owner},
            condition="#owner = :owner",
        )
    except ConditionFailed:
        return  # another request is at it


def forget(table: Table, attempt: Attempt) -> None:
    """The request was refused before any effect: the key is free again, for any body."""
    try:
        table.delete(
            attempt.key,
            names={"#owner": "owner"},
            values={":owner": attempt.owner},
            condition="#owner = :owner",
        )
    except ConditionFailed:
        return  # another request is at it


def _fresh(table: Table, record_key: Key, body_hash: str, now: int, resource: int) -> Attempt | None:
    owner = secrets.token_hex(8)
    record = {
        "body_hash": body_hash,
        "resource": resource,
        "state": "started",
        "owner": owner,
        "lease": now + LEASE_MS,
        "expires_at": (now + KEPT_MS) // 1000,
    }
    try:
        table.put(
            record_key | record,
            condition="attribute_not_exists(pk) OR expires_at <= :now",
            values={":now": now // 1000},
        )
    except ConditionFailed:
        return None
    return Attempt(record_key, resource, owner)


def _again(table: Table, record_key: Key, there: Item, body_hash: str, now: int) -> Attempt | Answered:
    if not there:
        raise InFlight(1)
    if there["body_hash"] != body_hash:
        raise KeyReused
    if there["state"] == "done":
        return Answered(there["answer_status"], there["answer_body"])
    if there["lease"] > now:
        raise InFlight(max(1, -(-(there["lease"] - now) // 1000)))
    owner = secrets.token_hex(8)
    try:
        table.update(
            record_key,
            "SET #owner = :me, lease = :lease",
            names={"#owner": "owner"},
            values={":me": owner, ":lease": now + LEASE_MS, ":other": there["owner"]},
            condition="#owner = :other",
        )
    except ConditionFailed as error:
        raise InFlight(1) from error
    return Attempt(record_key, there["resource"], owner)

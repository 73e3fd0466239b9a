"""Chunks of a campaign: their status vectors, which only grow, and whether they are closed.

Access patterns: docs/data-model.md [P25]–[P27].
"""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from kabar.domain import statuses
from kabar.domain.charges import Charges
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table

KEPT_SECONDS = 90 * 24 * 3600  # receipts may come for days, disputes for a quarter
KEEP_WAKE: Final = -1
UNKNOWN: Final = Charges()
_ATTEMPTS = 12  # against other writers of one chunk, with full jitter about 2 s in all
_CHUNKS = keys.CHUNKS_PER_PARTITION


class Chunk(NamedTuple):
    """One chunk as stored. `version` is 0 and the vector empty before its first write; times are epoch ms.

    `charges` are known once a sender has been at it; `refused` are positions that the carrier's answer refused.
    `zones` say where those may be that aren't settled, where hours are the recipients' own; None when nobody looked.
    """

    vector: bytes = b""
    version: int = 0
    closed: bool = False
    wake: int | None = None
    charges: Charges = UNKNOWN
    refused: frozenset[int] = frozenset()
    zones: tuple[str, ...] | None = None


class Contended(Exception):
    """Other writers kept being first; nothing was written, the same merge may be tried again."""


class Chunks:
    """The chunk items in the dispatch table."""

    def __init__(self, dispatch: Table) -> None:
        self._table = dispatch

    def read(self, campaign: int, number: int) -> Chunk:
        """[P25] The chunk as it is now (consistent)."""
        item = self._table.get(keys.chunk(campaign, number), consistent=True)
        return chunk_of(item) if item else Chunk()

    def several(
        self, campaign: int, numbers: Sequence[int], *, since: int = 0, consistent: bool = False
    ) -> dict[int, Chunk]:
        """[P25] Those of these chunks that were first written `since` (ms) or later, by number."""
        wanted = [keys.chunk(campaign, number) for number in numbers]
        found = self._table.batch_get(wanted, consistent=consistent).values()
        expires = since // 1000 + KEPT_SECONDS  # which is set once
        return {item["number"]: chunk_of(item) for item in found if item["expires_at"] >= expires}

    def every(self, campaign: int, chunks: int) -> Iterator[Item]:
        """[P26] The items of a campaign's chunks, in order; a chunk that was never written has none.

        Consistent: a leg decides by them, and a report that lags behind its campaign would not add up with it.
        """
        for partition in range(-(-chunks // _CHUNKS)):
            yield from self._table.every(keys.chunks_pk(campaign, partition), consistent=True)

    def merge(
        self,
        campaign: int,
        number: int,
        vector: bytes,
        now: int,
        *,
        close: bool = False,
        charges: Charges = UNKNOWN,
        refused: Iterable[int] = (),
        wake: int | None = KEEP_WAKE,
        zones: Sequence[str] | None = None,
    ) -> bytes:
        """[P27] Raise the chunk's vector to at least `vector`, and return it as it then is.

        `charges` are set once, `refused` only grows; `wake` (milliseconds) is set, removed with None, or left; `zones`
        are set, or left with None; a chunk never opens again. Nothing is written when nothing would change. Raises
        Contended.
        """
        for attempt in range(_ATTEMPTS):
            old = self.read(campaign, number)
            new = Chunk(
                statuses.merge(old.vector, vector),
                old.version,
                old.closed or close,
                old.wake if wake == KEEP_WAKE else wake,
                old.charges if old.charges.pairs else charges,
                old.refused.union(refused),
                old.zones if zones is None else tuple(zones),
            )
            if new == old:
                return old.vector
            try:
                self._write(campaign, number, new, now)
            except ConditionFailed:
                time.sleep(random.uniform(0, min(0.4, 0.01 * 2**attempt)))  # noqa: S311  # jitter, no secret
                continue
            return new.vector
        raise Contended(f"chunk {number} of campaign {campaign} kept being written by others")

    def _write(self, campaign: int, number: int, new: Chunk, now: int) -> None:
        """Put `new` in place of the version it was made from. Raises ConditionFailed."""
        names = {"#number": "number", "#vector": "vector", "#version": "version"}
        values: dict[str, Any] = {
            ":number": number,
            ":vector": new.vector,
            ":next": new.version + 1,
            ":expires": now // 1000 + KEPT_SECONDS,
        }
        sets = [
            "#number = :number",
            "#vector = :vector",
            "#version = :next",
            "expires_at = if_not_exists(expires_at, :expires)",
        ]
        for name, value in (
            ("state", "closed" if new.closed else None),
            ("wake", new.wake),
            ("charges", [list(pair) for pair in new.charges.pairs] or None),
            ("each", new.charges.each or None),
            ("refused", sorted(new.refused) or None),
            ("zones", None if new.zones is None else list(new.zones)),
        ):
            if value is not None:
                names[f"#{name}"] = name
                values[f":{name}"] = value
                sets.append(f"#{name} = :{name}")
        expression = "SET " + ", ".join(sets)
        if new.wake is None:
            names["#wake"] = "wake"
            expression += " REMOVE #wake"
        condition = "attribute_not_exists(#version)"
        if new.version:
            condition = "#version = :version"
            values[":version"] = new.version
        key = keys.chunk(campaign, number)
        self._table.update(key, expression, condition=condition, names=names, values=values, returns="NONE")


def chunk_of(item: Item) -> Chunk:
    """A chunk from its item."""
    return Chunk(
        item.get("vector", b""),
        item.get("version", 0),
        item.get("state") == "closed",
        item.get("wake"),
        Charges(tuple(tuple(pair) for pair in item.get("charges", ())), item.get("each", b"")),
        frozenset(item.get("refused", ())),
        tuple(item["zones"]) if "zones" in item else None,
    )

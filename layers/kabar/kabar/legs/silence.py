"""What was sent and got no receipt for 72 hours is expired, and said so [H1] [J5].

By the status vectors: only whoever is still *sent* costs anything. The facts go the way of receipts, so that reports,
callbacks and later receipts know them; written again they are the same.

Of a campaign that isn't over it is only who was sent to so long ago, by its claims, and only while it isn't sending:
many that expire at once say nothing of what it sends now, and would trip its breaker [F8].
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from kabar.domain.campaigns import Life
from kabar.domain.messages import Receipt
from kabar.domain.receipts import Told
from kabar.domain.recipients import Row
from kabar.domain.statuses import Status, status_of
from kabar.storage import keys, silence
from kabar.storage.blocks import Blocks
from kabar.storage.chunks import Chunks
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Item, Table
from kabar.storage.people import keep_receipts
from kabar.storage.plans import Plans
from kabar.storage.requests import Requests

CODE = "no receipt within 72 hours"


@dataclass(frozen=True)
class Source:
    """Where messages came from: their ids are contiguous, `rows` has the numbers of one chunk."""

    first_id: int
    chunks: int
    chunk_size: int
    slice_size: int
    rows: Callable[[int], Sequence[Row]]


@dataclass(frozen=True)
class Silence:
    """Works off the marks of `kabar.storage.silence`."""

    workspaces: Table
    dispatch: Table
    people: Table
    plans: Plans

    def run(self, now: int, go_on: Callable[[], bool]) -> int:
        """Expire what is due while `go_on` says so; the next run goes on where this one stopped. How many it were."""
        expired = 0
        for mark in silence.due(self.workspaces, now):
            if self._is_sending(mark):
                continue
            for told in self._silent(mark):
                if not go_on():
                    return expired
                keep_receipts(self.people, told)
                expired += len(told)
            silence.forget(self.workspaces, mark)
        return expired

    def _is_sending(self, mark: Item) -> bool:
        """Whether the mark waits until its campaign stops, for the night or for good."""
        if "sent_until" not in mark:
            return False
        head = self.workspaces.get(keys.campaign_head(mark["workspace"], mark["id"])) or {}
        return head.get("status") == Life.SENDING

    def _silent(self, mark: Item) -> Iterator[list[Told]]:
        """Chunk by chunk, who is still *sent*; nobody when the campaign or request is gone."""
        source = self._request(mark) if mark["kind"] == "request" else self._campaign(mark)
        if source is None:
            return
        blocks = Blocks(self.workspaces)
        for item in Chunks(self.dispatch).every(mark["id"], source.chunks):
            vector, number = item.get("vector", b""), item["number"]
            silent = [at for at, byte in enumerate(vector) if status_of(byte) is Status.SENT]
            if silent and "sent_until" in mark:
                slices = self._idle_since(mark, number)
                silent = [at for at in silent if at // source.slice_size in slices]
            rows = source.rows(number) if silent else []
            told = []
            for at in silent:
                message = source.first_id + number * source.chunk_size + at
                block = blocks.holding(message)
                receipt = Receipt(str(message), rows[at].mobile, Status.EXPIRED, mark["due"], CODE)
                told += [Told(message, block, receipt)] if block else []
            yield told

    def _idle_since(self, mark: Item, chunk: int) -> set[int]:
        """The slices of a chunk that nobody has worked on since."""
        claims = ChunkLedger(self.dispatch, mark["id"], chunk).claims()
        return {number for number, claim in claims.items() if claim.lease <= mark["sent_until"]}

    def _campaign(self, mark: Item) -> Source | None:
        head = self.workspaces.get(keys.campaign_head(mark["workspace"], mark["id"])) or {}
        plan = head.get("plan")
        if plan is None:
            return None
        rows = partial(self.plans.read, mark["id"], plan)
        return Source(plan["first_id"], plan["chunks"], plan["chunk_size"], plan["slice"], rows)

    def _request(self, mark: Item) -> Source | None:
        stored = Requests(self.workspaces, self.dispatch)
        head = stored.get(mark["id"])
        if head is None:
            return None
        return Source(head["first_id"], 1, head["size"], head["size"], lambda _: stored.rows(head))

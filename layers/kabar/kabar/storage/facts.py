"""Standing and facts of the recipients of one campaign. Access patterns: docs/data-model.md [P30]–[P32]."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kabar.domain.slices import Fact, Recipient, Seen
from kabar.domain.statuses import Reason, Status
from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.standings import suppressed

KEPT_SECONDS = 400 * 86_400  # 13 months


@dataclass(frozen=True)
class Origin:
    """What every fact of a chunk of a campaign or request has in common; `first_id` is its first message's.

    `ignores_standing`: only the confirmation of an opt-out goes to somebody who opted out [I7].
    """

    workspace: str
    list_id: int | None
    sender: str
    chunk: int
    first_id: int
    chunk_size: int
    campaign: int | None = None
    request: int | None = None
    ignores_standing: bool = False

    def message_id(self, position: int) -> int:
        return self.first_id + self.chunk * self.chunk_size + position


class ChunkPeople:
    """`kabar.domain.slices.People` over the people table."""

    def __init__(self, table: Table, origin: Origin, now: Callable[[], int]) -> None:
        self._table = table
        self._origin = origin
        self._now = now

    def standings(self, mobiles: Sequence[str]) -> Mapping[str, Reason]:
        """[P30] One consistent read per 100 numbers; absent ones may be messaged."""
        if self._origin.ignores_standing:
            return {}
        return suppressed(self._table, self._origin.workspace, self._origin.list_id, mobiles)

    def seen(self, recipients: Sequence[Recipient]) -> Mapping[int, Seen]:
        """[P31] Facts of earlier attempts."""
        wanted = [
            self._key(recipient, status)
            for recipient in recipients
            for status in (Status.SUBMITTED, Status.SUPPRESSED, Status.REJECTED)
        ]
        found = self._table.batch_get(wanted, consistent=True)
        result: dict[int, Seen] = {}
        for recipient in recipients:
            submitted = self._key(recipient, Status.SUBMITTED)
            suppressed = found.get(_pair(self._key(recipient, Status.SUPPRESSED)))
            reason = Reason(suppressed["reason"]) if suppressed else Reason.NONE
            rejected = _pair(self._key(recipient, Status.REJECTED)) in found
            result[recipient.position] = Seen(_pair(submitted) in found, reason, rejected)
        return result

    def write(self, facts: Sequence[Fact]) -> None:
        """[P32] Without condition: writing a fact twice is harmless."""
        self._table.batch_put(self._item(fact) for fact in facts)

    def _key(self, recipient: Recipient, status: Status) -> keys.Key:
        message = self._origin.message_id(recipient.position)
        return keys.fact(self._origin.workspace, recipient.message.mobile, message, status.word)

    def _item(self, fact: Fact) -> dict[str, Any]:
        origin, recipient, at = self._origin, fact.recipient, self._now()
        item: dict[str, Any] = {
            **self._key(recipient, fact.status),
            "at": at,
            **_known(campaign=origin.campaign, request=origin.request, list=origin.list_id),
            "chunk": origin.chunk,
            "pos": recipient.position,
            "expires_at": at // 1000 + KEPT_SECONDS,
        }
        if fact.status is Status.SUBMITTED:
            item |= {
                "sender": origin.sender,
                "text": recipient.message.text,
                "segments": recipient.message.segments,
            }
        elif fact.status is Status.SUPPRESSED:
            item["reason"] = int(fact.reason)
        else:
            item |= {"code": fact.code, "via": "call"}
        return item


def _known(**ids: int | None) -> dict[str, int]:
    return {name: number for name, number in ids.items() if number is not None}


def _pair(key: keys.Key) -> tuple[str, str]:
    return key["pk"], key["sk"]

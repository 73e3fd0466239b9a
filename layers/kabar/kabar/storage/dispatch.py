"""Claims of carrier calls in the dispatch table. Access patterns: docs/data-model.md [P20]–[P22]."""

from collections.abc import Mapping
from typing import Any

from kabar.domain.slices import Claim
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Table

KEPT_SECONDS = 90 * 86_400  # receipts come for 72 hours, disputes for a quarter


class ChunkLedger:
    """The claims of one chunk: `kabar.domain.slices.Ledger`."""

    def __init__(self, table: Table, campaign: int, chunk: int) -> None:
        self._table = table
        self._campaign = campaign
        self._chunk = chunk

    def claims(self) -> dict[int, Claim]:
        """[P20] One query, consistent."""
        items = self._table.every(
            keys.claims_pk(self._campaign, self._chunk), prefix="slice#", consistent=True
        )
        return {int(item["sk"].removeprefix("slice#")): _claim(item) for item in items}

    def claim(self, number: int) -> Claim | None:
        """[P20] One of them, consistent."""
        item = self._table.get(keys.claim(self._campaign, self._chunk, number), consistent=True)
        return _claim(item) if item else None

    def take(self, number: int, claim: Claim, over: Claim | None) -> bool:
        """[P21] Conditional on what was read; when the SDK's own retry meets our own write, it is ours."""
        return self._write(number, claim, over, taking=True)

    def record(self, number: int, claim: Claim, held: Claim) -> bool:
        """[P22] Conditional on owner and attempt."""
        return self._write(number, claim, held)

    def _write(self, number: int, claim: Claim, over: Claim | None, *, taking: bool = False) -> bool:
        key = keys.claim(self._campaign, self._chunk, number)
        condition = "attribute_not_exists(pk)"
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        if over is not None:
            condition = "#owner = :owner AND attempt = :attempt"
            names, values = {"#owner": "owner"}, {":owner": over.owner, ":attempt": over.attempt}
            if taking:  # its owner may have noted a call since it was read
                condition += " AND #calling = :calling"
                names["#calling"], values[":calling"] = "calling", over.calling
        try:
            self._table.put(_item(key, claim), condition=condition, values=values, names=names)
        except ConditionFailed:
            stored = self._table.get(key, consistent=True)
            return stored is not None and _claim(stored) == claim
        return True


def _item(key: keys.Key, claim: Claim) -> dict[str, Any]:
    return {
        **key,
        "owner": claim.owner,
        "attempt": claim.attempt,
        "claimed_at": claim.claimed_at,
        "lease": claim.lease,
        "vector": claim.vector,
        "doubt_since": claim.doubt_since,
        "not_before": claim.not_before,
        "calling": claim.calling,
        "expires_at": claim.claimed_at // 1000 + KEPT_SECONDS,
    }


def _claim(item: Mapping[str, Any]) -> Claim:
    return Claim(
        owner=item["owner"],
        attempt=item["attempt"],
        claimed_at=item["claimed_at"],
        lease=item["lease"],
        vector=item["vector"],
        doubt_since=item["doubt_since"],
        not_before=item["not_before"],
        calling=item["calling"],
    )

"""Ids that a carrier gave to our messages, and receipts for ids that we don't know (yet) [H2]. [P28] [P90]

Either may be there first. Whoever writes one then looks for the other, both consistently, so that at least one of
the two sees both; a receipt that is applied twice does no harm.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kabar.domain.messages import Receipt
from kabar.domain.statuses import FINAL_RECEIPTS, Status
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table

ORPHANS_KEPT_SECONDS = 72 * 3600
KEPT_SECONDS = 90 * 86_400  # as long as the claims


class References:
    """The ids of one workspace's account at one carrier."""

    def __init__(self, dispatch: Table, workspace: str, carrier: str) -> None:
        self._table = dispatch
        self._workspace = workspace
        self._carrier = carrier

    def note(self, carrier_id: str, message: str, mobile: str, now: int) -> bool:
        """[P90] The carrier calls our `message` so; False when that id already belongs to another message [F10]."""
        item = self._key(carrier_id, "message") | {
            "message": message,
            "mobile": mobile,
            "expires_at": now // 1000 + KEPT_SECONDS,
        }
        try:
            self._table.put(
                item, condition="attribute_not_exists(pk) OR message = :message", values={":message": message}
            )
        except ConditionFailed:
            return False
        return True

    def named(self, receipts: Iterable[Receipt]) -> dict[str, tuple[str, str]]:
        """[P90] Our message and its number by the carrier's id, for those of these receipts that we know."""
        found = self._get((receipt.id for receipt in receipts), "message")
        return {each: (item["message"], item["mobile"]) for each, item in found.items()}

    def keep(self, receipts: Iterable[Receipt], now: int) -> None:
        """[P28] Keep receipts that nobody can place yet, for 72 hours.

        No condition: of one status the first receipt stays, and more than one status may come.
        """
        for receipt in receipts:
            self._table.update(
                self._key(receipt.id, "receipts"),
                "SET #status = if_not_exists(#status, :receipt), expires_at = if_not_exists(expires_at, :until)",
                names={"#status": receipt.status.word},
                values={
                    ":receipt": {"at": receipt.at, "code": receipt.code, "mobile": receipt.mobile},
                    ":until": now // 1000 + ORPHANS_KEPT_SECONDS,
                },
                returns="NONE",
            )

    def waiting(self, ids: Iterable[str], now: int) -> list[Receipt]:
        """[P28] The receipts that came before these ids of the carrier were known."""
        return [
            Receipt(each, kept["mobile"], status, kept["at"], kept["code"])
            for each, item in self._get(ids, "receipts").items()
            if item["expires_at"] * 1000 > now
            for status in FINAL_RECEIPTS
            if (kept := _kept(item, status))
        ]

    def _get(self, ids: Iterable[str], kind: str) -> dict[str, Item]:
        wanted = {each: self._key(each, kind) for each in ids}
        found = self._table.batch_get(list(wanted.values()), consistent=True)
        return {
            each: found[key["pk"], key["sk"]]
            for each, key in wanted.items()
            if (key["pk"], key["sk"]) in found
        }

    def _key(self, carrier_id: str, kind: str) -> keys.Key:
        return keys.carrier_id(self._workspace, self._carrier, carrier_id, kind)


def _kept(item: Mapping[str, Any], status: Status) -> dict[str, Any] | None:
    return item.get(status.word)

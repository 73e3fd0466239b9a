"""Plans of large lists in the making: what goes for all shards, and what each of them came to. [P54]"""

from typing import Any

from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table

KEPT_SECONDS = 7 * 86_400  # longer than any leg takes to plan
_TERMS = "terms"


class PlanParts:
    """One attempt's notes in the dispatch table; who writes one first has said it."""

    def __init__(self, dispatch: Table) -> None:
        self._table = dispatch

    def begin(self, campaign: int, attempt: str, terms: dict[str, Any], now: int) -> None:
        """What goes for all shards: {max_digits, prices?}."""
        self._put(campaign, attempt, _TERMS, {"terms": terms}, now)

    def terms(self, campaign: int, attempt: str) -> dict[str, Any]:
        """What was begun with."""
        item = self._table.get(keys.plan_part(campaign, attempt, _TERMS), consistent=True)
        if item is None:
            raise LookupError(f"nobody began the plan {attempt} of campaign {campaign}")
        terms: dict[str, Any] = item["terms"]
        return terms

    def keep(self, campaign: int, attempt: str, shard: int, written: dict[str, Any], now: int) -> None:
        """What a shard came to: {folder, recipients, segments, cost, left_out}."""
        self._put(campaign, attempt, f"shard#{shard:02d}", written, now)

    def shards(self, campaign: int, attempt: str) -> list[Item]:
        """Those that are known, in their order."""
        pk = keys.plan_part(campaign, attempt, "")["pk"]
        return list(self._table.every(pk, prefix="shard#", consistent=True))

    def _put(self, campaign: int, attempt: str, part: str, content: dict[str, Any], now: int) -> None:
        item = keys.plan_part(campaign, attempt, part) | content | {"expires_at": now // 1000 + KEPT_SECONDS}
        try:
            self._table.put(item, condition="attribute_not_exists(pk)")
        except ConditionFailed:
            return

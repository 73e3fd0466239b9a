"""Notes the ids that a carrier gives to a campaign's messages, and applies receipts that came before [H2]."""

from collections.abc import Callable, Sequence
from functools import cached_property

from kabar.domain import receipts
from kabar.domain.messages import Message
from kabar.storage.blocks import Blocks
from kabar.storage.dynamo import Item, Table
from kabar.storage.people import keep_receipts
from kabar.storage.references import References


class CarrierIds:
    """`kabar.legs.handover.Book` of one campaign's carrier."""

    def __init__(
        self,
        workspaces: Table,
        dispatch: Table,
        people: Table,
        head: Item,
        deployment: str,
        now: Callable[[], int],
    ) -> None:
        self._references = References(dispatch, head["workspace"], head["carrier"])
        self._workspaces = workspaces
        self._people = people
        self._workspace = head["workspace"]
        self._deployment = deployment
        self._now = now

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._workspaces)

    def note(self, carrier_id: str, message: Message) -> bool:
        """False when the carrier gave this id to another message."""
        return self._references.note(carrier_id, message.id, message.mobile, self._now())

    def catch_up(self, carrier_ids: Sequence[str]) -> None:
        """Look for receipts after the ids are noted: whoever keeps one later finds the id."""
        early = self._references.waiting(carrier_ids, self._now())
        if early:
            ours = receipts.by_our_id(early, self._references.named(early))
            told = receipts.sort(ours, self._workspace, self._deployment, self._blocks.holding).told
            keep_receipts(self._people, told)

"""A list written to a file, without those who left it [C5]. [P46]"""

from collections.abc import Iterator

from kabar.domain import list_csv
from kabar.storage import keys
from kabar.storage.dynamo import Item, Table
from kabar.storage.exports import Batch


class ListSheet:
    """The members of one list, shard by shard; a place is {shard, after?}."""

    header = list_csv.header()

    def __init__(self, members: Table, list_id: int) -> None:
        self._members = members
        self._list_id = list_id

    def batches(self, place: Item) -> Iterator[Batch]:
        after = place.get("after")
        for shard in range(place.get("shard", 0), keys.MEMBER_SHARDS):
            while True:
                page = self._members.query(keys.member_pk(self._list_id, shard), after=after)
                stay = [each for each in page.items if "deleted" not in each and "opted_out" not in each]
                after = page.items[-1]["sk"] if page.next else None
                behind = {"shard": shard, "after": after} if after else {"shard": shard + 1}
                text = "".join(list_csv.line(member["sk"], member["params"]) for member in stay)
                yield Batch(text, len(stay), behind)
                if after is None:
                    break

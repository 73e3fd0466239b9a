"""Receipts of the messages to a number. Access patterns: docs/data-model.md [P33], [P88]."""

from collections.abc import Sequence

from kabar.domain.receipts import Told
from kabar.domain.statuses import Status
from kabar.storage import keys
from kabar.storage.dynamo import Item, Table

KEPT_SECONDS = 400 * 86_400  # 13 months


def keep_receipts(people: Table, told: list[Told]) -> None:
    """[P33] Put one fact per message and status; again, late or out of order does no harm [H1].

    Unconditional: a fact says the same whoever writes it. Raises Unprocessed.
    """
    facts: dict[str, Item] = {}
    for entry in told:
        receipt, block = entry.receipt, entry.block
        key = keys.fact(block.workspace, receipt.mobile, entry.message, receipt.status.word)
        chunk, pos = block.place(entry.message)
        facts[key["pk"] + key["sk"]] = {
            **key,
            "at": receipt.at,
            "code": receipt.code,
            **{name: value for name, value in block.source.items() if value is not None},
            "chunk": chunk,
            "pos": pos,
            "via": "receipt",
            "expires_at": receipt.at // 1000 + KEPT_SECONDS,
        }
    people.batch_put(facts.values())


def sent_times(people: Table, workspace: str, messages: Sequence[tuple[str, int]]) -> dict[int, int]:
    """[P88] When each of these (mobile, message) was handed over, by message; consistent. Raises Unprocessed."""
    wanted = [keys.fact(workspace, *message, Status.SUBMITTED.word) for message in dict.fromkeys(messages)]
    found = people.batch_get(wanted, consistent=True)
    return {int(sk.split("#")[1]): item["at"] for (_, sk), item in found.items()}

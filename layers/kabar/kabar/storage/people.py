"""Receipts of the messages to a number. Access patterns: docs/data-model.md [P28], [P33]."""

from kabar.domain.messages import Receipt
from kabar.domain.receipts import Told
from kabar.storage import keys
from kabar.storage.dynamo import Item, Table

KEPT_SECONDS = 400 * 86_400  # 13 months
ORPHANS_KEPT_SECONDS = 72 * 3600


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
            "campaign": block.campaign,
            "chunk": chunk,
            "pos": pos,
            "via": "receipt",
            "expires_at": receipt.at // 1000 + KEPT_SECONDS,
        }
    people.batch_put(facts.values())


def keep_orphans(dispatch: Table, workspace: str, carrier: str, receipts: list[Receipt], now: int) -> None:
    """[P28] Keep receipts for ids that we don't know, with their numbers, for 72 hours [H2]. Raises Unprocessed."""
    orphans: dict[str, Item] = {}
    for receipt in receipts:
        key = keys.orphan(workspace, carrier, receipt.id, receipt.status.word)
        orphans[key["pk"] + key["sk"]] = {
            **key,
            "workspace": workspace,
            "mobile": receipt.mobile,
            "at": receipt.at,
            "code": receipt.code,
            "expires_at": now // 1000 + ORPHANS_KEPT_SECONDS,
        }
    dispatch.batch_put(orphans.values())

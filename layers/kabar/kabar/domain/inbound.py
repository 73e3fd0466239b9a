"""Receipts and replies as they travel in our own queues, within what a queue and a table can hold."""

import re
from collections.abc import Mapping
from typing import Any

from kabar.domain.messages import Part, Receipt, Reply
from kabar.domain.statuses import Status

RECEIPTS_TOGETHER = 100
CODE_LENGTH = 100
MAX_PARTS = 255  # what its header can count (3GPP TS 23.040)
TEXT_LENGTH = 10_000  # more than any phone can send
_ID = re.compile(r"[!-~]{1,128}")
_MOBILE = re.compile(r"\+[0-9]{1,20}")


def storable(received: Receipt | Reply) -> bool:
    """Whether its id and number can be part of a key: printable ASCII, `+<digits>`.

    A receipt may lack the number, where the carrier's own id leads to it.
    """
    no_number = isinstance(received, Receipt) and not received.mobile
    return bool(_ID.fullmatch(received.id) and (no_number or _MOBILE.fullmatch(received.mobile)))


def packed_receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "id": receipt.id,
        "mobile": receipt.mobile,
        "status": receipt.status.word,
        "at": receipt.at,
        "code": _storable_text(receipt.code, CODE_LENGTH),
    }


def receipt_of(raw: Mapping[str, Any]) -> Receipt:
    """Raises KeyError, TypeError or ValueError when `raw` was not packed."""
    return Receipt(
        str(raw["id"]), str(raw["mobile"]), Status.of(raw["status"]), int(raw["at"]), str(raw["code"])
    )


def packed_reply(reply: Reply) -> dict[str, Any]:
    return {
        "id": reply.id,
        "mobile": reply.mobile,
        "to": _storable_text(reply.to, CODE_LENGTH),
        "text": _storable_text(reply.text, TEXT_LENGTH),
        "at": reply.at,
        **({"part": [reply.part.of, reply.part.number, reply.part.total]} if reply.part else {}),
    }


def reply_of(raw: Mapping[str, Any]) -> Reply:
    """Raises KeyError, TypeError or ValueError when `raw` was not packed."""
    part = None
    if "part" in raw:
        of, number, total = raw["part"]
        part = Part(str(of), int(number), int(total))
    return Reply(str(raw["id"]), str(raw["mobile"]), str(raw["to"]), str(raw["text"]), int(raw["at"]), part)


def part_of(of: str, number: str, total: str) -> Part | None:
    """The part that a carrier names so; None for a message of one part, or where that makes no sense."""
    if not (_ID.fullmatch(of) and number.isdecimal() and total.isdecimal()):
        return None
    part = Part(of, int(number), int(total))
    return part if 1 <= part.number <= part.total <= MAX_PARTS and part.total > 1 else None


def _storable_text(text: str, length: int) -> str:
    """Cut, and with `?` for half a surrogate pair: JSON can say it, no table takes it."""
    return text[:length].encode("utf-8", "replace").decode()

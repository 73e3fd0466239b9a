"""The text that a request means, and whether the workspace's carrier can send it so [E2] [E5]."""

from typing import Protocol

import wiring
from kabar.carriers import carrier
from kabar.domain.segments import Encoding
from kabar.storage import templates, workspaces
from kabar.storage.dynamo import Table
from problems import invalid


class TextOrTemplate(Protocol):
    """Where a request says its text."""

    text: str | None
    template_id: int | None


def text_of(message: TextOrTemplate, table: Table, workspace: str) -> str:
    """The text, or that of the template. Raises Problem."""
    if message.text is not None and message.template_id is None:
        return message.text
    if message.text is not None or message.template_id is None:
        raise invalid("text", "give either a text or a template_id")
    template = templates.get(table, workspace, message.template_id)
    if template is None:
        raise invalid("template_id", "there is no template with this id")
    return str(template["text"])


def offered(carrier_name: str, workspace: str) -> list[Encoding]:
    """What the carrier of this name offers the workspace, in the order of Encoding."""
    account = workspaces.carrier(wiring.table("workspaces"), workspace, carrier_name) or {}
    known = carrier(carrier_name, account.get("gateway")).encodings
    return [encoding for encoding in Encoding if encoding in known]


def check_encoding(encoding: str | None, carrier_name: str, workspace: str, field: str = "encoding") -> None:
    """Raises Problem when one is named that the carrier doesn't offer; every carrier offers GSM."""
    if encoding in (None, Encoding.GSM):
        return
    known = offered(carrier_name, workspace)
    if encoding not in known:
        raise invalid(field, f"{carrier_name} offers only {', '.join(known)}")

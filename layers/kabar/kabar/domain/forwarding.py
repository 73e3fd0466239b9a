"""A reply as mail to whoever looks after its list [I10]."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from kabar.domain.schedule import zone

LANGUAGES = ("en", "tr", "id")
_MESSAGES = Path(__file__).parent.parent / "messages"


def mail(reply: Mapping[str, Any], params: Sequence[str], language: str, timezone: str) -> tuple[str, str]:
    """(subject, text): what was said, by whom, when on the workspace's clock, and what it belongs to."""
    told = _phrases(language)
    received = datetime.fromtimestamp(reply["at"] / 1000, UTC).astimezone(zone(timezone))
    more = [told["batch"].format(batch=reply["batch"])] if "batch" in reply else []
    more += [told["params"].format(params=", ".join(params))] if any(params) else []
    if "campaign" in reply:
        more.append(told["answers"].format(message=reply["message"], campaign=reply["campaign"]))
    more += [told["keyword"].format(keyword=reply["keyword"])] if "keyword" in reply else []
    more += [told[reply["command"]]] if "command" in reply else []
    said = {
        "content": reply["text"],
        "mobile": reply["mobile"],
        "to": reply["to"],
        "list": reply["list_name"],
        "reply": reply["reply_id"],
        "received": f"{received:%Y-%m-%d %H:%M} ({timezone})",
        "more": "".join(more),
    }
    subject = " ".join(told["subject"].format(**said).split())  # a line end would end the subject
    return subject, told["text"].format(**said)


@cache
def _phrases(language: str) -> dict[str, str]:
    known = language if language in LANGUAGES else "en"
    phrases: dict[str, str] = json.loads((_MESSAGES / f"replies.{known}.json").read_text(encoding="utf-8"))
    return phrases

"""Whether a number may be messaged: opt-outs and the blacklist, as one `standing` per workspace and number."""

from collections.abc import Mapping
from typing import Any

from kabar.domain.statuses import Reason


def suppression(standing: Mapping[str, Any] | None, list_id: int | None) -> Reason:
    """Why nothing may go to this number through this list; NONE when it may [I4] [I6] [I7].

    `standing` is {"blacklisted"?: {"at", "by"}, "everything"?: {…}, "lists"?: {"<list id>": {…}}}, None when
    nothing is known.
    """
    if not standing:
        return Reason.NONE
    if standing.get("blacklisted"):
        return Reason.BLACKLISTED
    if standing.get("everything") or (list_id is not None and str(list_id) in standing.get("lists", {})):
        return Reason.OPTED_OUT
    return Reason.NONE

"""The log of who did what and when [M4], by month, kept 25 months. [P3]"""

import secrets
from collections.abc import Mapping
from typing import Any

from kabar.storage import keys
from kabar.storage.dynamo import Table, put_in

KEPT_SECONDS = 25 * 31 * 86400


def record(
    table: Table, workspace: str, at: int, who: str, what: str, about: str, detail: Mapping[str, Any]
) -> None:
    """Note that `who` did `what` (`blacklist.added`) to `about` at `at` (epoch ms), in the activity table.

    `detail` holds what changed, never texts or secrets.
    """
    # no condition: the key ends in 64 random bits
    table.put(_item(workspace, at, who, what, about, detail))


def entry(
    table: Table, workspace: str, at: int, who: str, what: str, about: str, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """The same for `transact`, so that no change goes unnoted and nothing is noted that didn't happen."""
    return put_in(table, _item(workspace, at, who, what, about, detail))


def _item(
    workspace: str, at: int, who: str, what: str, about: str, detail: Mapping[str, Any]
) -> dict[str, Any]:
    return keys.activity(workspace, at, secrets.token_hex(8)) | {
        "at": at,
        "who": who,
        "what": what,
        "about": about,
        "detail": dict(detail),
        "expires_at": at // 1000 + KEPT_SECONDS,
    }

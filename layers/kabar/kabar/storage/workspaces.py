"""One customer organisation: its settings, carriers, webhooks and prefix map [A1] [A3] [B4]. [P1]

The shapes: settings {name, timezone, email, sender, carrier, max_digits, created_at, masks?, numbers?,
version?, and of replies: commands?, opt_out_scope?, reply_window_hours?, responses_per_hour?, forward_replies?,
reply_response?, opt_out_response?}; carrier {base_url,
rate (segments per second), slice (recipients per call), secret (name in Secrets Manager)}; webhook
{workspace, carrier, secret}. Nothing here is a secret.
"""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, transact, update_in

MAX_DIGITS = 14  # E.164 allows 15; the source stops at 14 [B2]
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,48}")


class UnknownWorkspace(LookupError):
    """There is no workspace of this name."""


class SettingsChanged(Exception):
    """Somebody else changed the settings meanwhile; nothing was changed."""


class WorkspaceExists(Exception):
    """A workspace of this name is already there; nothing was changed."""


def create(
    table: Table,
    name: str,
    *,
    timezone: str,
    email: str,
    sender: str,
    carrier: str,
    now: int,
    max_digits: int = MAX_DIGITS,
) -> None:
    """Create a workspace. `now` is epoch ms, `sender` the default mask or number.

    Raises WorkspaceExists, or ValueError for a name that is no slug or an unknown time zone.
    """
    if not _SLUG.fullmatch(name):
        raise ValueError(f"{name!r} is no workspace name: a-z, 0-9 and '-', at most 49, not '-' at the start")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{timezone!r} is no IANA time zone") from error
    item = {
        "name": name,
        "timezone": timezone,
        "email": email,
        "sender": sender,
        "carrier": carrier,
        "max_digits": max_digits,
        "created_at": now,
    }
    try:
        table.put(keys.settings(name) | item, condition="attribute_not_exists(pk)")
    except ConditionFailed as error:
        raise WorkspaceExists(name) from error


def settings(table: Table, workspace: str, *, consistent: bool = False) -> Item:
    """The workspace's settings. Raises UnknownWorkspace."""
    item = table.get(keys.settings(workspace), consistent=consistent)
    if item is None:
        raise UnknownWorkspace(workspace)
    return item


def change(
    table: Table,
    log: Table,
    seen: Item,
    changes: Mapping[str, Any],
    before: Mapping[str, Any],
    *,
    by: str,
    now: int,
    what: str = "settings changed",
    detail: Mapping[str, Any] | None = None,
) -> Item:
    """Set `changes` in the settings as `seen`, noting in the log what they were `before`, or a `detail` instead.

    Raises SettingsChanged when they are no longer as seen.
    """
    version = seen.get("version", 0)
    new: Item = {**seen, **changes, "version": version + 1}
    names = {f"#{field}": field for field in changes}
    if detail is None:
        detail = {field: {"from": before[field], "to": value} for field, value in changes.items()}
    try:
        transact(
            [
                update_in(
                    table,
                    keys.settings(seen["name"]),
                    "SET version = :next, " + ", ".join(f"#{field} = :{field}" for field in changes),
                    "version = :seen"
                    if version
                    else "attribute_exists(pk) AND attribute_not_exists(version)",
                    names=names,
                    values={f":{field}": value for field, value in changes.items()}
                    | {":next": version + 1}
                    | ({":seen": version} if version else {}),
                ),
                activity.entry(log, seen["name"], now, by, what, "settings", detail),
            ],
            table.dynamo,
        )
    except ConditionFailed as error:
        raise SettingsChanged(seen["name"]) from error
    return new


def save_carrier(
    table: Table, workspace: str, name: str, *, base_url: str, rate: int, slice_size: int, secret: str
) -> None:
    """Store how `workspace` reaches the carrier `name`; replaces what was there."""
    # no condition: the last one who saves settings wins, and saving the same again changes nothing
    table.put(
        keys.carrier(workspace, name)
        | {"base_url": base_url, "rate": rate, "slice": slice_size, "secret": secret}
    )


def carrier(table: Table, workspace: str, name: str) -> Item | None:
    """{base_url, rate, slice, secret}, or None when the workspace doesn't use this carrier."""
    return table.get(keys.carrier(workspace, name))


def add_webhook(table: Table, token: str, *, workspace: str, carrier_name: str, secret: str) -> None:
    """Let a carrier call `/webhooks/<carrier>/<token>/…` for `workspace`.

    `token` is random and unguessable; only its hash is kept. `secret` names the carrier's credentials.
    """
    # no condition: a token leads to one workspace for ever, so the same call again writes the same item
    table.put(keys.webhook(token) | {"workspace": workspace, "carrier": carrier_name, "secret": secret})


def webhook(table: Table, token: str) -> Item | None:
    """{workspace, carrier, secret} of a webhook token; None for a token that was never given out."""
    return table.get(keys.webhook(token))


def save_prefix(table: Table, workspace: str, prefix: str, replacement: str) -> None:
    """Numbers written with `prefix` and no `+` mean `replacement` [B4]; replaces an earlier meaning."""
    # no condition: one item per prefix, the last one who saves wins
    table.put(keys.prefix_map(workspace, prefix) | {"prefix": prefix, "replacement": replacement})


def prefix_map(table: Table, workspace: str) -> dict[str, str]:
    """All of the workspace's prefixes with their replacements [B4]."""
    start = keys.prefix_map(workspace, "")
    found = table.every(start["pk"], prefix=start["sk"])
    return {item["prefix"]: item["replacement"] for item in found}

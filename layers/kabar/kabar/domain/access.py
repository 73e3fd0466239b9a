"""Who may do what [A2]: the closed list of scopes, and what each role of a person stands for.

A key carries scopes of its own; a person has the scopes of one role. Nobody gives away more than they have.
"""

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """What one call may do; every route asks for exactly one."""

    LISTS_READ = "lists:read"
    LISTS_WRITE = "lists:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    CAMPAIGNS_CONTROL = "campaigns:control"
    INBOX_READ = "inbox:read"
    INBOX_WRITE = "inbox:write"
    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"
    BLACKLIST_READ = "blacklist:read"
    BLACKLIST_WRITE = "blacklist:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    ACTIVITY_READ = "activity:read"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    OWNERS_WRITE = "owners:write"  # asked for by no route: what tells an owner from an admin


class Role(StrEnum):
    """What a person is in a workspace."""

    OWNER = "owner"
    ADMIN = "admin"
    SENDER = "sender"
    APPROVER = "approver"
    VIEWER = "viewer"


_LOOK = frozenset(
    {
        Scope.LISTS_READ,
        Scope.CAMPAIGNS_READ,
        Scope.INBOX_READ,
        Scope.MESSAGES_READ,
        Scope.BLACKLIST_READ,
        Scope.SETTINGS_READ,
    }
)
_EVERYTHING = frozenset(Scope)

ROLES: dict[Role, frozenset[Scope]] = {
    Role.OWNER: _EVERYTHING,
    Role.ADMIN: _EVERYTHING - {Scope.OWNERS_WRITE},
    Role.SENDER: _LOOK
    | {
        Scope.LISTS_WRITE,
        Scope.CAMPAIGNS_WRITE,
        Scope.CAMPAIGNS_CONTROL,
        Scope.INBOX_WRITE,
        Scope.MESSAGES_WRITE,
        Scope.BLACKLIST_WRITE,
    },
    # lets a campaign go or holds it, and sees who did what, but makes none
    Role.APPROVER: _LOOK | {Scope.CAMPAIGNS_CONTROL, Scope.ACTIVITY_READ},
    Role.VIEWER: _LOOK,
}


def may_give(giver: Iterable[str], given: Iterable[str]) -> bool:
    """Whether somebody with the scopes `giver` may give away `given`: never more than they have."""
    return set(given) <= set(giver)

"""What each operation asks of its caller: one scope each, by operation id. An operation that isn't here is refused."""

import problems
from kabar.domain.access import Scope
from problems import Problem

NEEDS: dict[str, Scope] = {
    "list_lists": Scope.LISTS_READ,
    "get_list": Scope.LISTS_READ,
    "create_list": Scope.LISTS_WRITE,
    "edit_list": Scope.LISTS_WRITE,
    "delete_list": Scope.LISTS_WRITE,
    "delete_lists": Scope.LISTS_WRITE,
    "list_members": Scope.LISTS_READ,
    "add_member": Scope.LISTS_WRITE,
    "get_member": Scope.LISTS_READ,
    "put_member": Scope.LISTS_WRITE,
    "edit_member": Scope.LISTS_WRITE,
    "delete_member": Scope.LISTS_WRITE,
    "opt_out_member": Scope.LISTS_WRITE,
    "undo_opt_out": Scope.LISTS_WRITE,
    "create_export": Scope.LISTS_READ,
    "get_export": Scope.LISTS_READ,
    "list_imports": Scope.LISTS_READ,
    "create_import": Scope.LISTS_WRITE,
    "decide_import": Scope.LISTS_WRITE,
    "confirm_import": Scope.LISTS_WRITE,
    "import_members": Scope.LISTS_WRITE,
    "get_import": Scope.LISTS_READ,
    "create_campaign": Scope.CAMPAIGNS_WRITE,
    "list_campaigns": Scope.CAMPAIGNS_READ,
    "get_campaign": Scope.CAMPAIGNS_READ,
    "edit_campaign": Scope.CAMPAIGNS_WRITE,
    "delete_campaign": Scope.CAMPAIGNS_WRITE,
    "list_campaign_history": Scope.CAMPAIGNS_READ,
    "set_campaign_speed": Scope.CAMPAIGNS_CONTROL,
    "get_campaign_report": Scope.CAMPAIGNS_READ,
    "pause_campaign": Scope.CAMPAIGNS_CONTROL,
    "resume_campaign": Scope.CAMPAIGNS_CONTROL,
    "cancel_campaign": Scope.CAMPAIGNS_CONTROL,
    "preview_message": Scope.CAMPAIGNS_READ,
    "list_templates": Scope.CAMPAIGNS_READ,
    "create_template": Scope.CAMPAIGNS_WRITE,
    "get_template": Scope.CAMPAIGNS_READ,
    "edit_template": Scope.CAMPAIGNS_WRITE,
    "delete_template": Scope.CAMPAIGNS_WRITE,
    "list_inbox": Scope.INBOX_READ,
    "get_reply": Scope.INBOX_READ,
    "mark_reply": Scope.INBOX_WRITE,
    "opt_out_reply": Scope.INBOX_WRITE,
    "undo_reply_opt_out": Scope.INBOX_WRITE,
    "list_blacklist": Scope.BLACKLIST_READ,
    "add_to_blacklist": Scope.BLACKLIST_WRITE,
    "remove_from_blacklist": Scope.BLACKLIST_WRITE,
    "create_api_key": Scope.KEYS_WRITE,
    "list_api_keys": Scope.KEYS_READ,
    "get_api_key": Scope.KEYS_READ,
    "rotate_api_key": Scope.KEYS_WRITE,
    "revoke_api_key": Scope.KEYS_WRITE,
    "add_user": Scope.USERS_WRITE,
    "list_users": Scope.USERS_READ,
    "get_user": Scope.USERS_READ,
    "change_user": Scope.USERS_WRITE,
    "remove_user": Scope.USERS_WRITE,
    "get_settings": Scope.SETTINGS_READ,
    "change_settings": Scope.SETTINGS_WRITE,
    "get_sending_hours": Scope.SETTINGS_READ,
    "set_sending_hours": Scope.SETTINGS_WRITE,
    "list_commands": Scope.SETTINGS_READ,
    "put_command": Scope.SETTINGS_WRITE,
    "delete_command": Scope.SETTINGS_WRITE,
    "get_reply_settings": Scope.SETTINGS_READ,
    "change_reply_settings": Scope.SETTINGS_WRITE,
    "get_prices": Scope.SETTINGS_READ,
    "set_prices": Scope.SETTINGS_WRITE,
    "list_prefixes": Scope.SETTINGS_READ,
    "put_prefix": Scope.SETTINGS_WRITE,
    "delete_prefix": Scope.SETTINGS_WRITE,
    "try_numbers": Scope.SETTINGS_READ,
    "list_activity": Scope.ACTIVITY_READ,
}

OPEN = frozenset({"get_document"})  # to everybody, without a key


def check(operation: str, scopes: frozenset[str]) -> None:
    """Raises Problem (403) naming the scope that `scopes` lack."""
    needed = NEEDS.get(operation)
    if needed is None or needed not in scopes:
        detail = f"This takes the scope {needed}." if needed else "Nobody may do this yet."
        raise Problem(problems.FORBIDDEN, detail)

"""What the router can't tell of answers: their headers, second ways to succeed, ways to fail, the shape of a problem.

Tests hold headers to what is answered (tests/functions/api_client.py), the fuzzer holds all of it.
"""

from typing import Any

ETAG = {"description": "For `If-Match` of an edit.", "schema": {"type": "string"}, "required": True}
LOCATION = {
    "description": "Where to read it, under the API's address.",
    "schema": {"type": "string"},
    "required": True,
}
RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
# whose answers say where what they made is
LOCATED = frozenset(
    {
        "create_campaign",
        "send_messages",
        "create_list",
        "create_import",
        "create_export",
        "create_api_key",
        "add_user",
        "create_preflight",
        "create_template",
        "create_keyword",
        "create_inbox_export",
        "create_report_export",
        "create_quick_campaign",
        "import_members",
    }
)
# other answers of an operation
ALSO = {
    "add_to_blacklist": ("201", "200", "It was there already"),
    "put_member": ("200", "201", "It is new"),
    "delete_list": ("204", "200", "It had keywords, which are deleted too"),
    "put_callbacks": ("200", "201", "It is new"),
}
# whose answers have an ETag
TAGGED = frozenset(
    [
        "create_list",
        "get_list",
        "edit_list",
        "add_member",
        "get_member",
        "put_member",
        "edit_member",
        "opt_out_member",
        "undo_opt_out",
        "add_user",
        "get_user",
        "change_user",
        "get_settings",
        "get_prefix",
        "put_prefix",
        "get_prices",
        "set_prices",
        "change_settings",
        "get_sending_hours",
        "set_sending_hours",
        "create_template",
        "get_template",
        "edit_template",
        "get_callbacks",
        "put_callbacks",
        "rotate_signing_secret",
        "create_campaign",
        "get_campaign",
        "edit_campaign",
        "create_keyword",
        "get_keyword",
        "edit_keyword",
        "get_reply_settings",
        "change_reply_settings",
        "get_infobip",
        "save_infobip",
        "get_gateway",
        "save_gateway",
    ]
)
# other ways to fail than those that follow from its parameters and body
FAILURES = {
    "create_keyword": ("ALREADY_EXISTS", "KEYWORD_DELETED", "STATUS_CONFLICT"),
    "edit_keyword": ("STATUS_CONFLICT",),
    "delete_keyword": ("PRECONDITION_FAILED",),
    "release_keyword": ("STATUS_CONFLICT", "PRECONDITION_FAILED"),
    "put_command": ("STATUS_CONFLICT",),
    "delete_command": ("STATUS_CONFLICT",),
    "add_member": ("ALREADY_EXISTS", "LIST_LOADING"),
    "put_member": ("LIST_LOADING",),
    "edit_member": ("ALREADY_EXISTS", "LIST_LOADING"),
    "delete_member": ("LIST_LOADING",),
    "create_list": ("ALREADY_EXISTS",),
    "decide_import": ("STATUS_CONFLICT",),
    "confirm_import": ("STATUS_CONFLICT",),
    "create_import": ("ALREADY_EXISTS",),
    "edit_list": ("ALREADY_EXISTS",),
    "create_preflight": ("STATUS_CONFLICT", "LIST_LOADING"),
    "pause_campaign": ("STATUS_CONFLICT",),
    "resume_campaign": ("STATUS_CONFLICT",),
    "cancel_campaign": ("STATUS_CONFLICT",),
    "edit_campaign": ("STATUS_CONFLICT",),
    "delete_campaign": ("STATUS_CONFLICT",),
    "cancel_message": ("STATUS_CONFLICT",),
    "test_infobip": ("NOT_FOUND",),
    "test_gateway": ("NOT_FOUND",),
    "rotate_api_key": ("STATUS_CONFLICT",),
    "revoke_api_key": ("STATUS_CONFLICT",),
    "add_user": ("ALREADY_EXISTS",),
    "change_user": ("STATUS_CONFLICT",),
    "test_callbacks": ("PRECONDITION_FAILED",),
    "delete_callbacks": ("PRECONDITION_FAILED",),
    "rotate_signing_secret": ("PRECONDITION_FAILED",),
    "remove_user": ("STATUS_CONFLICT", "PRECONDITION_FAILED"),
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "Each names a field of the body by its JSON pointer, or a parameter.",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "examples": ["#/list_id"]},
                    "parameter": {"type": "string", "examples": ["limit"]},
                    "detail": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}

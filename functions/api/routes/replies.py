"""How replies are understood and answered: opt-out commands, where opt-outs go, default responses [I3] [I4] [I9]."""

from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import etags
import problems
from etags import IfMatch
from kabar.domain.commands import MAX_LENGTH, MAX_OWN, Command, Means, folded, standard
from kabar.storage import workspaces
from kabar.storage.commands import Commands, Standard, TooMany
from kabar.storage.dynamo import Item
from problems import Problem
from reply_schemas import (
    CommandChange,
    CommandsView,
    CommandView,
    ReplySettingsChange,
    ReplySettingsView,
)
from wiring import Caller, CallerOf, Now, table

router = Router()
_TEXTS = {"reply_response", "opt_out_response"}  # the log holds no texts
Word = Annotated[
    str, Path(max_length=600, description=f"The command, percent-encoded: up to {MAX_LENGTH} characters.")
]


@router.get(
    "/v1/settings/opt-out-commands",
    summary="Show the opt-out commands and START words",
    description="A reply is a command when all of it is one, in any case, with or without accents, punctuation, "
    "emoji and spaces around, once or several times.",
    tags=["Settings"],
    operation_id="list_commands",
)
def list_commands(caller: CallerOf) -> CommandsView:
    return CommandsView(commands=[CommandView.of(command) for command in _commands(caller).all()])


@router.put(
    "/v1/settings/opt-out-commands/<word>",
    summary="Switch a command on or off, or add one",
    description="One word or several. A word counts as the same however it is written: `stop` changes STOP.",
    tags=["Settings"],
    operation_id="put_command",
)
def put_command(word: Word, change: CommandChange, caller: CallerOf, at: Now) -> CommandView:
    written = _written(word)
    known = standard().get(folded(written))
    shown = known.word if known else " ".join(written.split())
    command = Command(shown, Means(change.means), change.enabled, own=known is None)
    try:
        _commands(caller).save(command, by=caller.who, now=at)
    except TooMany as error:
        detail = f"A workspace adds and changes up to {MAX_OWN} commands; delete some first."
        raise Problem(problems.STATUS_CONFLICT, detail) from error
    return CommandView.of(command)


@router.delete(
    "/v1/settings/opt-out-commands/<word>",
    status_code=204,
    summary="Delete a command of your own",
    tags=["Settings"],
    operation_id="delete_command",
)
def delete_command(word: Word, caller: CallerOf, at: Now) -> Response[None]:
    try:
        deleted = _commands(caller).delete(_written(word), by=caller.who, now=at)
    except Standard as error:
        detail = "This is a standard command: switch it off with PUT and enabled false."
        raise Problem(problems.STATUS_CONFLICT, detail) from error
    if not deleted:
        raise Problem(problems.NOT_FOUND, "There is no such command.")
    return Response(204)


@router.get(
    "/v1/settings/replies",
    summary="Show how replies are handled",
    tags=["Settings"],
    operation_id="get_reply_settings",
)
def get_reply_settings(caller: CallerOf) -> Response[ReplySettingsView]:
    return _shown(workspaces.settings(table("workspaces"), caller.workspace))


@router.patch(
    "/v1/settings/replies",
    summary="Change how replies are handled",
    tags=["Settings"],
    operation_id="change_reply_settings",
)
def change_reply_settings(
    change: ReplySettingsChange, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[ReplySettingsView]:
    seen = workspaces.settings(table("workspaces"), caller.workspace, consistent=True)
    view = ReplySettingsView.of(seen)
    etags.require(if_match, etags.etag(view))
    if change.response_encoding:
        from message_texts import check_encoding  # knows all carriers, which few calls need

        check_encoding(change.response_encoding, seen["carrier"], caller.workspace, "response_encoding")
    named = change.model_dump(mode="json", exclude_unset=True)
    before = view.model_dump(mode="json")
    changes = {field: value for field, value in named.items() if value != before[field]}
    if not changes:
        return _shown(seen)
    told: dict[str, Any] = {field: {"from": before[field], "to": value} for field, value in changes.items()}
    told |= {field: "set" if changes[field] else "removed" for field in _TEXTS & changes.keys()}
    try:
        new = workspaces.change(
            table("workspaces"), table("activity"), seen, changes, {}, by=caller.who, now=at, detail=told
        )
    except workspaces.SettingsChanged as error:
        raise etags.stale() from error
    return _shown(new)


def _written(word: str) -> str:
    """The command that an address names. Raises Problem for one that no reply could ever be."""
    written = unquote(word)
    if len(written) > MAX_LENGTH or not folded(written) or "\0" in written:
        detail = f"A command is 1 to {MAX_LENGTH} characters with a letter or digit among them."
        raise Problem(problems.INVALID_REQUEST, detail, errors=[{"parameter": "word", "detail": detail}])
    return written


def _commands(caller: Caller) -> Commands:
    return Commands(table("workspaces"), table("activity"), caller.workspace)


def _shown(item: Item) -> Response[ReplySettingsView]:
    view = ReplySettingsView.of(item)
    return Response(200, "application/json", view, headers={"ETag": etags.etag(view)})

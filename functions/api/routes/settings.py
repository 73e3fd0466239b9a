"""A workspace's settings [A3]."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

import etags
import waiting
from etags import IfMatch
from kabar.storage import workspaces
from kabar.storage.dynamo import Item
from problems import invalid
from settings_schemas import SettingsChange, SettingsView
from wiring import CallerOf, Now, table

router = Router()


@router.get("/v1/settings", summary="Show the settings", tags=["Settings"], operation_id="get_settings")
def get_settings(caller: CallerOf) -> Response[SettingsView]:
    return _shown(workspaces.settings(table("workspaces"), caller.workspace))


@router.patch(
    "/v1/settings", summary="Change the settings", tags=["Settings"], operation_id="change_settings"
)
def change_settings(
    change: SettingsChange, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[SettingsView]:
    seen = workspaces.settings(table("workspaces"), caller.workspace, consistent=True)
    view = SettingsView.of(seen)
    etags.require(if_match, etags.etag(view))
    changes = change.model_dump(exclude_none=True)
    wanted = view.model_copy(update=changes)
    if wanted.sender not in (*wanted.masks, *wanted.numbers):
        raise invalid("sender", "the default sender is one of the masks or numbers")
    changes = {field: value for field, value in changes.items() if value != getattr(view, field)}
    if not changes:
        return _shown(seen)
    before = {field: getattr(view, field) for field in changes}
    try:
        new = workspaces.change(
            table("workspaces"), table("activity"), seen, changes, before, by=caller.who, now=at
        )
    except workspaces.SettingsChanged as error:
        raise etags.stale() from error
    if "timezone" in changes:
        waiting.wake(caller.workspace)  # the sending hours are in it
    return _shown(new)


def _shown(item: Item) -> Response[SettingsView]:
    view = SettingsView.of(item)
    return Response(200, "application/json", view, headers={"ETag": etags.etag(view)})

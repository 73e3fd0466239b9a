"""Sending hours: when campaigns and messages may go out [G1]–[G3]."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

import etags
import waiting
from etags import IfMatch
from hours_schemas import SendingHours, SendingHoursView
from kabar.domain.hours import BadHours, Rules
from kabar.storage import workspaces
from kabar.storage.dynamo import Item
from problems import invalid
from wiring import CallerOf, Now, table

router = Router()


@router.get(
    "/v1/settings/sending-hours",
    summary="Show the sending hours",
    tags=["Settings"],
    operation_id="get_sending_hours",
)
def get_sending_hours(caller: CallerOf) -> Response[SendingHoursView]:
    return _shown(workspaces.settings(table("workspaces"), caller.workspace))


@router.put(
    "/v1/settings/sending-hours",
    summary="Set the sending hours",
    description="What waits for them is waked when the new hours say so. Senders obey within a second.",
    tags=["Settings"],
    operation_id="set_sending_hours",
)
def set_sending_hours(
    new: SendingHours, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[SendingHoursView]:
    seen = workspaces.settings(table("workspaces"), caller.workspace, consistent=True)
    shown = SendingHoursView.of(seen)
    etags.require(if_match, etags.etag(shown))
    stored = new.stored()
    try:
        Rules.of(seen | {"sending_hours": stored | {"enabled": True}})
    except BadHours as error:
        raise invalid("to", str(error)) from error
    before = seen.get("sending_hours")
    if stored == before:
        return _shown(seen)
    try:
        after = workspaces.change(
            table("workspaces"),
            table("activity"),
            seen,
            {"sending_hours": stored},
            {"sending_hours": before},
            by=caller.who,
            now=at,
        )
    except workspaces.SettingsChanged as error:
        raise etags.stale() from error
    waiting.wake(caller.workspace)
    return _shown(after)


def _shown(settings: Item) -> Response[SendingHoursView]:
    view = SendingHoursView.of(settings)
    return Response(200, "application/json", view, headers={"ETag": etags.etag(view)})

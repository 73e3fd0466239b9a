"""Quick campaigns: file or members, list, text and schedule in one call [F2]."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

import wiring
from campaign_schemas import CampaignView
from import_schemas import UploadView
from kabar.storage import executions, lists, workspaces
from kabar.storage.import_heads import WAITING
from kabar.storage.imports import Imports
from message_texts import check_encoding, text_of
from problems import ALREADY_EXISTS, Problem
from quick_campaign_schemas import QuickCampaign, QuickCampaignView
from routes.campaigns import campaigns, due_of
from routes.imports import members_file, name_of
from schemas import moment
from wiring import Caller, CallerOf, NewNumber, Now, RequestId, table

router = Router()


@router.post(
    "/v1/quick-campaigns",
    status_code=201,
    summary="Make a list and a campaign to it in one call",
    description="The campaign is scheduled at once. One that is due before its list is imported waits for it, "
    "without keeping others waiting; a failed import makes it failed. With `split` it becomes the first of several "
    "when the file is in.",
    tags=["Campaigns"],
    operation_id="create_quick_campaign",
)
def create_quick_campaign(
    new: QuickCampaign, caller: CallerOf, at: Now, number: NewNumber, request_id: RequestId
) -> Response[QuickCampaignView]:
    workspace, list_name = caller.workspace, new.list_name or new.name
    if new.split is None and _is_taken(list_name, caller, number):
        raise Problem(ALREADY_EXISTS, f"There is a list called {list_name!r}: choose another list_name.")
    defaults = workspaces.settings(table("workspaces"), workspace)
    check_encoding(new.encoding, defaults["carrier"], workspace)
    check_encoding(new.response_encoding, defaults["carrier"], workspace, "response_encoding")
    import_id = name_of(caller, number)
    head: dict[str, Any] = {
        "id": number,
        "name": new.name,
        "quick": True,
        "import": import_id,
        "text": text_of(new, table("workspaces"), workspace),
        "encoding": new.encoding,
        "smart": new.smart,
        "sender": new.sender or defaults["sender"],
        "carrier": defaults["carrier"],
        "reply_response": new.reply_response,
        "opt_out_response": new.opt_out_response,
        "response_encoding": new.response_encoding,
        "created_at": at,
        "request_id": request_id,
        **due_of(new.schedule, at),
    }
    head = {name: value for name, value in head.items() if value is not None}
    campaigns().create(workspace, head, caller.who)
    upload = _import(new, caller, import_id, list_name, number, at, request_id)
    executions.start_leg(wiring.settings().run_campaign_arn, workspace, number, 1)
    made = campaigns().get(workspace, number, consistent=True) or head
    view = QuickCampaignView(campaign=CampaignView.of(made), import_id=import_id, upload=upload)
    return Response(201, "application/json", view, headers={"Location": f"/v1/campaigns/{number}"})


def _is_taken(list_name: str, caller: Caller, number: int) -> bool:
    """Whether a list of another campaign has this name; the same request again may find its own."""
    there = lists.named(table("workspaces"), caller.workspace, list_name)
    return there is not None and campaigns().get(caller.workspace, number, consistent=True) is None


def _import(
    new: QuickCampaign,
    caller: Caller,
    import_id: str,
    list_name: str,
    number: int,
    at: int,
    request_id: str,
) -> UploadView | None:
    """Announce the import, and bring its members or say how the file is to come."""
    suffix = "xlsx" if new.members is None and new.filename.lower().endswith(".xlsx") else "csv"
    quick = {"campaign": number, "delay": new.split.delay_minutes if new.split else 0}
    quick |= {name: value for name in ("batch", "email") if (value := getattr(new, name))}
    head: dict[str, Any] = {
        "id": import_id,
        "key": f"{caller.workspace}/uploads/{import_id}/file.{suffix}",
        "bucket": wiring.settings().uploads_bucket,
        "purpose": "new_list",
        "list_name": list_name,
        "filename": new.filename,
        "remove_opt_outs": new.remove_opt_outs,
        "strict": new.strict,
        "by": caller.who,
        "quick": quick,
        "created_at": at,
        "request_id": request_id,
    }
    if new.split:
        head["split"] = {"records": new.split.records}
    head = Imports(table("workspaces"), table("activity")).expect(caller.workspace, head, caller.who)
    if new.members is None:
        until = moment(at + wiring.UPLOAD_SECONDS * 1000) or ""
        return UploadView(**wiring.upload_form(head["key"]), max_bytes=wiring.MAX_UPLOAD, expires_at=until)
    if head["state"] == WAITING:
        wiring.upload(head["key"], members_file(new.members))
    return None

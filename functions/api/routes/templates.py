"""Templates: texts with a name, to choose for a message [E5]."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import etags
from etags import IfMatch
from kabar.storage import templates
from problems import not_found
from routes.paging import Cursor, Limit, Listing
from schemas import AddressId, Page
from template_schemas import NewTemplate, TemplateChanges, TemplateView
from wiring import CallerOf, CursorsOf, NewNumber, Now, table

router = Router()
TemplateId = Annotated[AddressId, Path(description="The template's id.")]


@router.get(
    "/v1/templates",
    summary="Show the templates, newest first",
    tags=["Templates"],
    operation_id="list_templates",
)
def list_templates(
    caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[TemplateView]:
    listing = Listing(cursors, (caller.workspace, "templates"))
    found = templates.page(table("workspaces"), caller.workspace, limit, listing.position(cursor))
    return listing.page(*found, TemplateView.of)


@router.post(
    "/v1/templates",
    status_code=201,
    summary="Keep a text as a template",
    tags=["Templates"],
    operation_id="create_template",
)
def create_template(new: NewTemplate, caller: CallerOf, at: Now, number: NewNumber) -> Response[TemplateView]:
    where = (table("workspaces"), table("activity"), caller.workspace)
    return _shown(templates.create(*where, number, new.name, new.text, by=caller.who, now=at), 201)


@router.get(
    "/v1/templates/<template_id>", summary="Show a template", tags=["Templates"], operation_id="get_template"
)
def get_template(template_id: TemplateId, caller: CallerOf) -> Response[TemplateView]:
    return _shown(_existing(template_id, caller.workspace))


@router.patch(
    "/v1/templates/<template_id>",
    summary="Change a template's name or text",
    tags=["Templates"],
    operation_id="edit_template",
)
def edit_template(
    template_id: TemplateId, changes: TemplateChanges, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[TemplateView]:
    seen = _existing(template_id, caller.workspace)
    etags.require(if_match, _tag(seen))
    where = (table("workspaces"), table("activity"), caller.workspace)
    named = changes.model_dump(exclude_none=True)
    try:
        return _shown(templates.edit(*where, seen, named, by=caller.who, now=at))
    except templates.Stale as error:
        raise etags.stale() from error


@router.delete(
    "/v1/templates/<template_id>",
    status_code=204,
    summary="Delete a template",
    tags=["Templates"],
    operation_id="delete_template",
)
def delete_template(template_id: TemplateId, caller: CallerOf, at: Now) -> Response[None]:
    where = (table("workspaces"), table("activity"), caller.workspace)
    if not templates.delete(*where, template_id, by=caller.who, now=at):
        raise not_found("template")
    return Response(204)


def _existing(template: int, workspace: str) -> dict[str, Any]:
    found = templates.get(table("workspaces"), workspace, template)
    if found is None:
        raise not_found("template")
    return found


def _tag(template: Mapping[str, Any]) -> str:
    return etags.etag(template["id"], template["version"])


def _shown(template: Mapping[str, Any], status: int = 200) -> Response[TemplateView]:
    headers = {"ETag": _tag(template)}
    if status == 201:
        headers["Location"] = f"/v1/templates/{template['id']}"
    return Response(status, "application/json", TemplateView.of(template), headers=headers)

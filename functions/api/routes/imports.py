"""Imports: how files and members come in, and what became of each [D1] [D3] [D5] [D6]."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

import wiring
from import_schemas import AnnouncedImportView, EncodingChoice, MembersToImport, NewImport, Row, UploadView
from kabar.domain.imports import MAX_PARAMS
from kabar.storage import browse, executions, lists
from kabar.storage.import_heads import WAITING, execution
from kabar.storage.import_lists import ListBusy
from kabar.storage.import_questions import NoSuchChoice, NotAsked, Questions
from kabar.storage.imports import Imports
from problems import ALREADY_EXISTS, LIST_LOADING, NOT_FOUND, STATUS_CONFLICT, Problem, invalid, not_found
from routes.lists import ListId, existing
from routes.paging import Cursor, Limit, Listing
from schemas import ImportView, Page, moment
from wiring import Caller, CallerOf, CursorsOf, Language, NewNumber, Now, RequestId, download_link, table

router = Router()
ImportId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The import's id.")]
HEADER = ["mobile", *(f"param{n}" for n in range(1, MAX_PARAMS + 1))]  # no first member is taken for one


@router.post(
    "/v1/imports",
    status_code=201,
    summary="Announce a file, and get a form to upload it with",
    description="Post the file to `upload.url` within an hour; the import starts by itself. Its second upload "
    "is an import of its own.",
    tags=["Imports"],
    operation_id="create_import",
)
def create_import(
    new: NewImport, caller: CallerOf, at: Now, number: NewNumber, request_id: RequestId
) -> Response[AnnouncedImportView]:
    name = name_of(caller, number)
    suffix = "xlsx" if new.filename.lower().endswith(".xlsx") else "csv"
    key = f"{caller.workspace}/uploads/{name}/file.{suffix}"
    options = _target(new, caller) | {"purpose": new.purpose, "filename": new.filename}
    options |= {"remove_opt_outs": new.remove_opt_outs, "dry_run": new.dry_run, "strict": new.strict}
    options |= {"request_id": request_id, "by": caller.who}
    if new.split:
        options["split"] = new.split.model_dump()
    head = _expect(caller, name, key, options, at)
    form = wiring.upload_form(key)
    until = moment(at + wiring.UPLOAD_SECONDS * 1000) or ""
    upload = UploadView(**form, max_bytes=wiring.MAX_UPLOAD, expires_at=until)
    return _located(201, AnnouncedImportView.announced(head, upload))


@router.post(
    "/v1/lists/<list_id>/members/import",
    status_code=202,
    summary="Import members from the body into a list",
    description="They go the way of a file: duplicates, opt-outs and bad rows are told in the import, where line 2 "
    "is the first member.",
    tags=["Imports"],
    operation_id="import_members",
)
def import_members(
    list_id: ListId,
    new: MembersToImport,
    caller: CallerOf,
    at: Now,
    number: NewNumber,
    request_id: RequestId,
) -> Response[ImportView]:
    target = existing(list_id, caller)
    name = name_of(caller, number)
    key = f"{caller.workspace}/uploads/{name}/members.csv"
    options = {"target": list_id, "list_name": target["name"], "purpose": "append", "request_id": request_id}
    options |= {"remove_opt_outs": new.remove_opt_outs, "strict": new.strict, "by": caller.who}
    head = _expect(caller, name, key, options, at)
    if head["state"] == WAITING:
        wiring.upload(key, members_file(new.members))
    return _located(202, _view(head))


@router.post(
    "/v1/imports/<import_id>/confirm",
    status_code=202,
    summary="Delete the members that an import has counted",
    description="For an import that needs_decision, once `to_delete` and `missing` are as expected. For good.",
    tags=["Imports"],
    operation_id="confirm_import",
)
def confirm_import(import_id: ImportId, caller: CallerOf, at: Now, request_id: RequestId) -> ImportView:
    questions = _questions()
    head = questions.get(caller.workspace, import_id)
    if head is None:
        raise not_found("import")
    try:
        deletes = head.get("purpose") == "delete_members"
        confirmed = deletes and questions.confirm(caller.workspace, head, caller.who, at)
    except ListBusy as error:
        detail = "Another import is writing the list; confirm once it is done."
        raise Problem(LIST_LOADING, detail) from error
    if not confirmed:
        detail = "Only a deletion that has been counted, of a list that is still there, can be confirmed."
        raise Problem(STATUS_CONFLICT, detail)
    head = questions.get(caller.workspace, import_id) or head
    executions.start(
        wiring.settings().import_list_arn, *execution(caller.workspace, head | {"request_id": request_id})
    )
    return _view(head)


@router.post(
    "/v1/imports/<import_id>/decision",
    status_code=202,
    summary="Say in which encoding a file is",
    description="For an import that needs_decision: one of the encodings of its `preview`.",
    tags=["Imports"],
    operation_id="decide_import",
)
def decide_import(
    import_id: ImportId, chosen: EncodingChoice, caller: CallerOf, at: Now, request_id: RequestId
) -> ImportView:
    questions = _questions()
    if questions.get(caller.workspace, import_id) is None:
        raise not_found("import")
    try:
        head = questions.decide(caller.workspace, import_id, chosen.encoding, caller.who, at)
    except NotAsked as error:
        raise Problem(
            STATUS_CONFLICT, "This import asks for no encoding, or was told another one."
        ) from error
    except NoSuchChoice as error:
        raise invalid("encoding", "choose one of the preview") from error
    executions.start(
        wiring.settings().import_list_arn, *execution(caller.workspace, head | {"request_id": request_id})
    )
    return _view(head)


def _questions() -> Questions:
    return Questions(table("workspaces"), table("activity"))


def members_file(members: Iterable[Row]) -> bytes:
    """Members of a body as the file that they go on as."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)  # ends rows by CRLF, and so quotes every cell with either
    rows.writerow(HEADER)
    rows.writerows([row.mobile, *row.params] for row in members)
    return text.getvalue().encode()


def name_of(caller: Caller, number: int) -> str:
    """The id of the import that a request makes under this number."""
    return hashlib.sha256(f"{caller.workspace}/{number}".encode()).hexdigest()[:32]


def _target(new: NewImport, caller: Caller) -> dict[str, Any]:
    """Where the rows go. Raises Problem: no such list, or there is one already."""
    if new.purpose == "blacklist":
        return {}
    if new.list_id is not None:
        head = browse.list_head(table("workspaces"), caller.workspace, new.list_id)
    else:
        head = lists.named(table("workspaces"), caller.workspace, str(new.list_name))
    if new.purpose == "new_list":
        if head is not None and not new.split:
            raise Problem(ALREADY_EXISTS, f"There is a list called {new.list_name!r}: append to it.")
        return {"list_name": new.list_name}
    if head is None:
        field = "list_name" if new.list_id is None else "list_id"
        raise invalid(field, "there is no such list")
    return {"target": head["id"], "list_name": head["name"]}


def _expect(caller: Caller, name: str, key: str, options: dict[str, Any], at: int) -> dict[str, Any]:
    head = {"id": name, "key": key, "bucket": wiring.settings().uploads_bucket, "created_at": at}
    return Imports(table("workspaces"), table("activity")).expect(
        caller.workspace, head | options, caller.who
    )


def _located(status: int, view: ImportView) -> Response[Any]:
    return Response(status, "application/json", view, headers={"Location": f"/v1/imports/{view.id}"})


@router.get(
    "/v1/imports",
    summary="Show the imports, newest first, or the newest import of one object",
    description="With `key` the answer is that one import, not a page; 404 until the file was noticed.",
    tags=["Imports"],
    operation_id="list_imports",
)
def list_imports(
    caller: CallerOf,
    cursors: CursorsOf,
    key: Annotated[
        str | None,
        Query(min_length=1, max_length=1024, description="The key of an object in the uploads bucket."),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    language: Language = "",
) -> Page[ImportView] | ImportView:
    if key is not None:
        head = browse.newest_import_of(table("workspaces"), caller.workspace, key)
        if head is None:
            raise Problem(NOT_FOUND, "There is no import of this object (yet).")
        return _view(head, language)
    listing = Listing(cursors, (caller.workspace, "imports"))
    found = browse.imports(table("workspaces"), caller.workspace, limit, listing.position(cursor))
    return listing.page(*found, lambda head: _view(head, language))


@router.get(
    "/v1/imports/<import_id>",
    summary="Show an import",
    description="Reasons are told in the language of `Accept-Language` (en, tr, id); without it in English, and why "
    "the import failed in the workspace's.",
    tags=["Imports"],
    operation_id="get_import",
)
def get_import(
    import_id: ImportId,
    caller: CallerOf,
    language: Language = "",
) -> ImportView:
    head = browse.import_head(table("workspaces"), caller.workspace, import_id)
    if head is None:
        raise not_found("import")
    return _view(head, language)


def _view(head: Mapping[str, Any], language: str = "") -> ImportView:
    return ImportView.of(head, download_link, language)

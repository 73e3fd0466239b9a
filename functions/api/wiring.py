"""What the routes work on, built once per process and only when first needed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.request import Request

import intake
import problems
from cursors import Cursors
from kabar.settings import read
from kabar.storage import ids
from kabar.storage.api_keys import Keyring
from kabar.storage.dynamo import Table
from kabar.storage.sign_ins import Pool
from kabar.storage.users import Users
from limits import Limits
from problems import Problem

MAX_UPLOAD = 200 * 1024 * 1024
UPLOAD_SECONDS = 3600


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    people_table: str
    dispatch_table: str
    callbacks_table: str
    activity_table: str
    idempotency_table: str
    uploads_bucket: str
    work_bucket: str
    import_list_arn: str
    run_campaign_arn: str
    export_list_arn: str
    retry_callbacks_arn: str
    callback_secrets: str
    data_key: str
    check_campaign_arn: str
    cursor_key_secret: str
    key_pepper_secret: str
    requests_per_minute: int
    user_pool_id: str
    carrier_secrets: str
    local_addresses: str
    messages_queue_url: str
    open_window_function: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the authorizer said; the only source of the workspace [A1]."""

    workspace: str
    principal: str
    scopes: frozenset[str]

    @property
    def who(self) -> str:
        """As the log names them."""
        return f"api:{self.principal}"


@cache
def settings() -> Settings:
    return read(Settings)


@cache
def table(kind: str) -> Table:
    """The table of one kind, named as its setting without `_table`: `workspaces`, `members` and so on."""
    return Table(getattr(settings(), f"{kind}_table"))


@cache
def cursors() -> Cursors:
    return Cursors(_secret(settings().cursor_key_secret))


@cache
def keyring() -> Keyring:
    return Keyring(table("workspaces"), table("activity"), _secret(settings().key_pepper_secret))


@cache
def users() -> Users:
    return Users(table("workspaces"), table("activity"))


@cache
def pool() -> Pool:
    return Pool(settings().user_pool_id)


@cache
def limits() -> Limits:
    return Limits(table("idempotency"), settings().requests_per_minute)


@cache
def secrets_manager() -> Any:
    import boto3  # 0.3 s that only the first call with a page or a key needs

    return boto3.client("secretsmanager")


@cache
def guard() -> Any:
    """The only way to addresses that customers give (`kabar.guard.Guard`)."""
    from kabar.guard import LOCAL, Guard  # only what saves or tries such an address needs it

    return Guard(local=settings().local_addresses == LOCAL)


def _secret(name: str) -> bytes:
    answer = secrets_manager().get_secret_value(SecretId=name)
    return str(answer["SecretString"]).encode()


@cache
def _s3() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(signature_version="s3v4"))


@cache
def functions() -> Any:
    import boto3

    return boto3.client("lambda")


@cache
def sqs() -> Any:
    import boto3

    return boto3.client("sqs")


def download_link(object_key: str, file_name: str, seconds: int = 3600) -> str:
    """A link to an object of the work bucket that works for so long without credentials."""
    params = {
        "Bucket": settings().work_bucket,
        "Key": object_key,
        "ResponseContentDisposition": f'attachment; filename="{file_name}"',
        "ResponseContentType": "text/csv; charset=utf-8",
    }
    return str(_s3().generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))


def caller_of(event: Mapping[str, Any]) -> Caller:
    """Raises Problem (401) when the gateway let somebody through without naming them."""
    context = (event.get("requestContext") or {}).get("authorizer") or {}
    if not context.get("workspace"):
        raise Problem(problems.UNAUTHORIZED, "Send the header Authorization: Bearer kb_… with a valid key.")
    return Caller(context["workspace"], context["principal"], frozenset(context["scopes"].split()))


def upload_form(object_key: str) -> dict[str, Any]:
    """{url, fields} of a form that puts one object of at most MAX_UPLOAD bytes into the uploads bucket."""
    form: dict[str, Any] = _s3().generate_presigned_post(
        settings().uploads_bucket,
        object_key,
        Conditions=[["content-length-range", 0, MAX_UPLOAD]],
        ExpiresIn=UPLOAD_SECONDS,
    )
    return form


def upload(object_key: str, content: bytes) -> None:
    """Put an object into the uploads bucket, unless it is there already."""
    from botocore.exceptions import ClientError

    try:
        _s3().put_object(
            Bucket=settings().uploads_bucket,
            Key=object_key,
            Body=content,
            ContentType="text/csv; charset=utf-8",
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise


def caller(request: Request) -> Caller:
    return caller_of(request.resolved_event.raw_event)


def request_id(request: Request) -> str:
    """What every log line of this request, and of what it starts, carries."""
    return intake.request_id(request.resolved_event.raw_event)


def language(request: Request) -> str:
    """The language of sentences that the caller asks for by Accept-Language; "" when it doesn't."""
    headers = request.resolved_event.raw_event.get("headers") or {}
    asked = next((value for name, value in headers.items() if name.lower() == "accept-language"), "")
    from kabar.domain.import_codes import language_of

    return language_of(asked) if asked else ""


def api_url(request: Request) -> str:
    """Where this API is reached from outside, stage included."""
    event = request.resolved_event.raw_event
    context = event["requestContext"]
    if "domainName" in context:
        return f"https://{context['domainName']}{context['path'].removesuffix(event['path'])}"
    host = next(value for name, value in event["headers"].items() if name.lower() == "host")
    return f"http://{host}/_aws/execute-api/{context['apiId']}/{context['stage']}"  # the local engine's


def reserve() -> int:
    """An id that nobody else gets."""
    return ids.reserve(table("workspaces"))


def new_number(request: Request) -> int:
    """The id of what this request creates: the one its Idempotency-Key fixed, else a new one."""
    return int(request.resolved_event.raw_event.get("number") or reserve())


def now() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


Now = Annotated[int, Depends(now)]
NewNumber = Annotated[int, Depends(new_number)]
ApiUrl = Annotated[str, Depends(api_url)]
RequestId = Annotated[str, Depends(request_id)]
Language = Annotated[str, Depends(language)]
CallerOf = Annotated[Caller, Depends(caller)]
CursorsOf = Annotated[Cursors, Depends(cursors)]

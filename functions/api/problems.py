"""Every error the API answers with: `application/problem+json` (RFC 9457) from one closed catalogue."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/problem+json"
NAMED_AT_MOST = 100  # a body of 4 MB may have 300,000 mistakes, and AWS takes no answer above 6 MB
POINTER_AT_MOST = 200
# pydantic's words for a program's author, in those of whoever sent the request
_CLEARER = {
    "extra_forbidden": "there is no such field",
    "missing": "this is required",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue; programs go by `code`, people read `title`, the problem's detail, `remedy`."""

    code: str
    status: int
    title: str
    remedy: str


MALFORMED_BODY = Kind(
    "malformed_body",
    400,
    "The request can't be read",
    "Send UTF-8 and valid JSON; `detail` says where it stops being that.",
)
UNAUTHORIZED = Kind(
    "unauthorized",
    401,
    "No valid API key",
    "Send `Authorization: Bearer` with a key or an access token that is neither expired nor revoked.",
)
FORBIDDEN = Kind(
    "forbidden",
    403,
    "Your key or role may not do this",
    "Use a key with the scope that `detail` names, or ask an owner or admin for another role.",
)
NOT_FOUND = Kind(
    "not_found",
    404,
    "There is nothing here",
    "Look at the address and the id. What belongs to another workspace answers the same.",
)
METHOD_NOT_ALLOWED = Kind(
    "method_not_allowed",
    405,
    "This address doesn't take this method",
    "The header `Allow` lists the methods of this address.",
)
ALREADY_EXISTS = Kind(
    "already_exists",
    409,
    "It is there already",
    "Change the one that is there, or choose another name, number or address.",
)
KEYWORD_DELETED = Kind(
    "keyword_deleted",
    409,
    "The word belongs to a deleted keyword",
    "Choose another word, or release the deleted keyword on purpose: `POST /v1/keywords/{id}/release`.",
)
LIST_LOADING = Kind(
    "list_loading",
    409,
    "An import is writing the list",
    "Wait until the import is done (`loading` of the list), then send it again.",
)
STATUS_CONFLICT = Kind(
    "status_conflict",
    409,
    "The status doesn't allow this",
    "Read the resource again: `detail` says which status stands in the way.",
)
REQUEST_IN_FLIGHT = Kind(
    "request_in_flight",
    409,
    "The first request with this Idempotency-Key isn't done",
    "Send the same request again after `Retry-After` seconds: it gets the first one's answer.",
)
PRECONDITION_FAILED = Kind(
    "precondition_failed",
    412,
    "Somebody else changed it meanwhile",
    "Read the resource again, look at what changed, and repeat your change with its new ETag.",
)
BODY_TOO_LARGE = Kind(
    "body_too_large",
    413,
    "The body is too large",
    "Send less at once; long lists come as a file (`POST /v1/imports`).",
)
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported_media_type",
    415,
    "The body must be plain JSON",
    "Send UTF-8 with `Content-Type: application/json`, and no `Content-Encoding`.",
)
INVALID_REQUEST = Kind(
    "invalid_request",
    422,
    "The request is not valid",
    "Each entry of `errors` names a field (`pointer`) or a parameter, and what is wrong with it.",
)
INVALID_CURSOR = Kind(
    "invalid_cursor",
    422,
    "The cursor is not valid here",
    "Use `next_cursor` of the page before, with the same filters, or begin without a cursor.",
)
IDEMPOTENCY_KEY_REUSED = Kind(
    "idempotency_key_reused",
    422,
    "This Idempotency-Key had another body",
    "Take a new Idempotency-Key for a new request; a key is bound to its body for 24 hours.",
)
PRECONDITION_REQUIRED = Kind(
    "precondition_required",
    428,
    "Say which version you change",
    "Read the resource and send its ETag as `If-Match`.",
)
RATE_LIMITED = Kind(
    "rate_limited",
    429,
    "Too many requests",
    "Wait for `Retry-After` seconds; spread the calls, or ask for fewer, larger pages.",
)
INTERNAL_ERROR = Kind(
    "internal_error",
    500,
    "Something went wrong on our side",
    "Send it again, with the same Idempotency-Key if it had one; if it stays, report the `request_id`.",
)

CATALOGUE = (
    MALFORMED_BODY,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    ALREADY_EXISTS,
    KEYWORD_DELETED,
    LIST_LOADING,
    STATUS_CONFLICT,
    REQUEST_IN_FLIGHT,
    PRECONDITION_FAILED,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_REQUEST,
    INVALID_CURSOR,
    IDEMPOTENCY_KEY_REUSED,
    PRECONDITION_REQUIRED,
    RATE_LIMITED,
    INTERNAL_ERROR,
)


class Problem(Exception):
    """Ends a request with a problem. `errors` name fields; `headers` go with the answer."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> str:
        content: dict[str, Any] = {
            "type": f"urn:kabar:problem:{self.kind.code}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
            "errors": list(self.errors),
            "request_id": request_id,
        }
        return json.dumps(content, separators=(",", ":"))


def not_found(what: str) -> Problem:
    """The same answer for an id that is unknown and one of another workspace [A1]."""
    return Problem(NOT_FOUND, f"There is no {what} with this id.")


def invalid(field: str, detail: str) -> Problem:
    """A field of the body that can't be accepted; `field` is its JSON pointer without the leading `/`."""
    return Problem(
        INVALID_REQUEST, f"{field}: {detail}", errors=[{"pointer": f"#/{field}", "detail": detail}]
    )


def of_validation(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """What pydantic found, as one problem that names every field.

    An id in the path that can't be one is an id that isn't there.
    """
    if any(error["loc"][0] == "path" for error in errors):
        return not_found("resource")
    named = [_named(error) for error in errors[:NAMED_AT_MOST]]
    first = next(iter(named[0].values())).removeprefix("#/").replace("#", "The body")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Problem(INVALID_REQUEST, f"{first}: {named[0]['detail']}{more}", errors=named)


def _named(error: Mapping[str, Any]) -> dict[str, str]:
    place, *path = error["loc"]
    detail = _CLEARER.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    if place != "body":
        return {"parameter": "/".join(map(str, path)), "detail": detail}
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    if len(pointer) > POINTER_AT_MOST:
        pointer = pointer[:POINTER_AT_MOST] + "…"
    return {"pointer": f"#{pointer}", "detail": detail}

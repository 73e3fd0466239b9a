"""Every error the API answers with: `application/problem+json` (RFC 9457) from one closed catalogue."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue; programs go by `code`, people read `title` and the problem's detail."""

    code: str
    status: int
    title: str


MALFORMED_BODY = Kind("malformed_body", 400, "The request can't be read")
UNAUTHORIZED = Kind("unauthorized", 401, "No valid API key")
FORBIDDEN = Kind("forbidden", 403, "Your key or role may not do this")
NOT_FOUND = Kind("not_found", 404, "There is nothing here")
METHOD_NOT_ALLOWED = Kind("method_not_allowed", 405, "This address doesn't take this method")
ALREADY_EXISTS = Kind("already_exists", 409, "It is there already")
LIST_LOADING = Kind("list_loading", 409, "An import is writing the list")
STATUS_CONFLICT = Kind("status_conflict", 409, "The status doesn't allow this")
REQUEST_IN_FLIGHT = Kind("request_in_flight", 409, "The first request with this Idempotency-Key isn't done")
PRECONDITION_FAILED = Kind("precondition_failed", 412, "Somebody else changed it meanwhile")
BODY_TOO_LARGE = Kind("body_too_large", 413, "The body is too large")
UNSUPPORTED_MEDIA_TYPE = Kind("unsupported_media_type", 415, "The body must be JSON")
INVALID_REQUEST = Kind("invalid_request", 422, "The request is not valid")
INVALID_CURSOR = Kind("invalid_cursor", 422, "The cursor is not valid here")
IDEMPOTENCY_KEY_REUSED = Kind("idempotency_key_reused", 422, "This Idempotency-Key had another body")
PRECONDITION_REQUIRED = Kind("precondition_required", 428, "Say which version you change")
RATE_LIMITED = Kind("rate_limited", 429, "Too many requests")
INTERNAL_ERROR = Kind("internal_error", 500, "Something went wrong on our side")

CATALOGUE = (
    MALFORMED_BODY,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    ALREADY_EXISTS,
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
    named = [_named(error) for error in errors]
    first = next(iter(named[0].values()))
    more = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
    return Problem(INVALID_REQUEST, f"{first.removeprefix('#/')}: {named[0]['detail']}{more}", errors=named)


def _named(error: Mapping[str, Any]) -> dict[str, str]:
    place, *path = error["loc"]
    detail = str(error["msg"]).removeprefix("Value error, ")
    if place != "body":
        return {"parameter": "/".join(map(str, path)), "detail": detail}
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return {"pointer": f"#{pointer}", "detail": detail}

"""What must hold for a request before any route sees it: size, media type, readable text."""

import base64
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import problems
from problems import Problem

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,128}")
MAX_BODY = 4 * 1024 * 1024  # from about 5 MB on, AWS may answer before our code does


def request_id(event: Mapping[str, Any]) -> str:
    """The caller's own X-Request-Id when it is a plain word, else the gateway's."""
    headers = event.get("headers") or {}
    given = next((value for name, value in headers.items() if name.lower() == "x-request-id"), None)
    if given and _PLAIN.fullmatch(given):
        return str(given)
    return str((event.get("requestContext") or {}).get("requestId", ""))


def checked(event: dict[str, Any]) -> dict[str, Any]:
    """The event with its body as text and no missing maps. Raises Problem (400, 413, 415)."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if event.get("body"):
        _require_plain(headers.get("content-encoding"))
        _require_json(headers.get("content-type"))
    body = _text(event)
    if "\ufffd" in body:  # what gateways put where bytes were no UTF-8; nobody's text may go out so
        raise Problem(problems.MALFORMED_BODY, "The body is not valid UTF-8.")
    headers["content-type"] = "application/json"  # Powertools minds its case, even without a body
    try:
        size = len(body.encode())
        for part in (event["path"], event.get("queryStringParameters"), headers):
            json.dumps(part, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Problem(problems.MALFORMED_BODY, "The request is not valid UTF-8.") from error
    if size > MAX_BODY:
        raise Problem(
            problems.BODY_TOO_LARGE,
            f"A body may have {MAX_BODY} bytes (4 MB); this one has {size}. "
            "Larger lists come as a file: POST /v1/imports answers with a form to upload it.",
        )
    many = {name.lower(): values for name, values in (event.get("multiValueHeaders") or {}).items()}
    return event | {"headers": headers, "multiValueHeaders": many, "body": body, "isBase64Encoded": False}


def parse(body: str) -> Any:
    """JSON, strictly: no NaN or Infinity, half surrogates or names that come twice; nothing that only Python takes."""
    try:
        value = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_once_each)
        if "\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Problem(
            problems.MALFORMED_BODY, "The body holds half of a surrogate pair, which is no text."
        ) from error
    except RecursionError as error:
        raise Problem(problems.MALFORMED_BODY, "The body is nested too deeply.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(problems.MALFORMED_BODY, f"The body is not JSON: {error.msg} at {where}.") from error
    except ValueError as error:  # a number beyond what Python converts, or NaN
        raise Problem(problems.MALFORMED_BODY, "The body holds a number that can't be read.") from error
    return value


def _text(event: dict[str, Any]) -> str:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body)
    if len(body) > MAX_BODY * 2:  # checked exactly once decoded
        raise Problem(problems.BODY_TOO_LARGE, f"A body may have {MAX_BODY} bytes (4 MB).")
    try:
        return base64.b64decode(body, validate=True).decode()
    except ValueError as error:  # no base64, or no UTF-8 in it
        raise Problem(problems.MALFORMED_BODY, "The body is not valid UTF-8.") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ: of two alike, one reader takes the first and another the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise Problem(problems.MALFORMED_BODY, f"The body names {twice[:50]!r} twice in one object.")
    return found


def _require_plain(encoding: str | None) -> None:
    if encoding and encoding.strip().lower() != "identity":
        raise Problem(
            problems.UNSUPPORTED_MEDIA_TYPE,
            "Send the body uncompressed, without the header Content-Encoding.",
        )


def _require_json(content_type: str | None) -> None:
    kind, *parameters = re.sub(r'[\s"]', "", content_type or "application/json").lower().split(";")
    charsets = {parameter for parameter in parameters if parameter.startswith("charset=")}
    if kind != "application/json" or not charsets <= {"charset=utf-8"}:
        raise Problem(
            problems.UNSUPPORTED_MEDIA_TYPE,
            "Send the body in UTF-8 with the header Content-Type: application/json.",
        )


def _no_constant(name: str) -> None:
    raise ValueError(name)

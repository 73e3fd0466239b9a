"""ETag and If-Match: an edit says what it was made from, and a stale one is refused (RFC 9110, RFC 6585)."""

import hashlib
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header
from pydantic import BaseModel

import problems
from problems import Problem

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=255,
        description="Required: the ETag of what the edit was made from, or `*` for whatever is there now.",
    ),
]


def etag(*views: BaseModel | str | int | None) -> str:
    """The tag of what is shown."""
    shown = "\0".join(v.model_dump_json() if isinstance(v, BaseModel) else repr(v) for v in views)
    return f'"{hashlib.sha256(shown.encode()).hexdigest()[:24]}"'


def require(if_match: str | None, current: str) -> None:
    """Raises Problem: 428 without the header, 412 when it names another state."""
    if if_match is None:
        raise Problem(
            problems.PRECONDITION_REQUIRED, "Send the header If-Match with the ETag of what you edit."
        )
    tags = {tag.strip() for tag in if_match.split(",")}
    if tags.isdisjoint({current, "*"}):  # "*": whatever is there now
        raise stale()


def stale() -> Problem:
    return Problem(problems.PRECONDITION_FAILED, "It was changed meanwhile; get it again and edit that.")

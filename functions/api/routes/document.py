"""The API's own description, open to everybody: it says nothing about anyone's data."""

from functools import cache
from pathlib import Path

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

router = Router()
DOCUMENT = Path(__file__).parent.parent / "openapi.json"  # here a link to docs/openapi.json


@router.get("/openapi.json", operation_id="get_document", include_in_schema=False)
def get_document() -> Response[str]:
    return Response(200, "application/json", _text())


@cache
def _text() -> str:
    return DOCUMENT.read_text(encoding="utf-8")

"""JSON over HTTP with the standard library: for the API and the simulator's control routes."""

import functools
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came back: `body` is decoded JSON, or the text when it isn't JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]


def call(
    method: str,
    url: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30,
) -> Answer:
    """Send `body` (JSON, or bytes as they are). Any status is an answer; OSError is raised for none."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _plain().open(request, timeout=timeout) as answer:
            return Answer(answer.status, _decoded(answer.read()), dict(answer.headers))
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, _decoded(refusal.read()), dict(refusal.headers))


@functools.cache
def _plain() -> urllib.request.OpenerDirector:
    """HTTP and nothing else: no proxy stands between processes of one machine, no redirect leads elsewhere."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
    ):
        opener.add_handler(handler())
    return opener


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")

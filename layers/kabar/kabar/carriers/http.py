"""The one place that speaks HTTP to carriers: one call, no retry, a deadline over all of it."""

import ssl
import time
from collections.abc import Iterable
from contextvars import ContextVar
from functools import cache
from typing import Any

import httpcore
import httpx

from kabar.carriers.base import Answer, Request
from kabar.domain.handover import AnswerLost, Refused, Unreachable

CONNECT_SECONDS = 5.0
MAX_ANSWER = 4 * 1024 * 1024  # bytes; 1,000 results are about 400 kB

_end: ContextVar[float] = ContextVar("_end")  # of the call under way, by the monotonic clock


class _Stream(httpcore.NetworkStream):
    """Cuts whatever goes over the wire at the call's end: httpx only limits the wait for each piece."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options))


def _left(timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
    """Seconds that are left, at most `timeout`; raises `error` when there are none."""
    left = _end.get() - time.monotonic()
    if left <= 0:
        raise error("the call's time is over")
    return left if timeout is None else min(left, timeout)


@cache
def _client() -> httpx.Client:
    """Made at the first call: its TLS context takes longer than the rest of the cold start."""
    transport = httpx.HTTPTransport(trust_env=False)
    transport._pool._network_backend = _Backend()  # noqa: SLF001  # httpx has no argument for it
    return httpx.Client(transport=transport, follow_redirects=False, trust_env=False)


def call(request: Request, seconds: float) -> Answer:
    """Make the request once within `seconds`, all in all.

    Raises Unreachable when no connection was made, Refused for a request that can't be made, AnswerLost otherwise.
    """
    _end.set(time.monotonic() + seconds)
    prepared = _prepare(request, seconds)
    try:
        response = _client().send(prepared, stream=True)
        try:
            body = b""
            for part in response.iter_bytes():
                body += part
                if len(body) > MAX_ANSWER:
                    raise AnswerLost("the carrier's answer was too large")
        finally:
            response.close()
    except httpx.UnsupportedProtocol as error:
        raise Refused("the carrier's address is no http or https URL") from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise Unreachable(f"no connection to the carrier ({type(error).__name__})") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise AnswerLost(f"the carrier's answer was lost ({type(error).__name__})") from error
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body)


def _prepare(request: Request, seconds: float) -> httpx.Request:
    """The request, before anything is on the wire. Raises Refused: a typing error in the settings loses no answer."""
    if not all(value.isascii() and value.isprintable() for value in request.headers.values()):
        raise Refused("the carrier's key holds characters that no header can carry")
    try:
        return _client().build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            params=list(request.query) or None,
            json=request.body,
            timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        )
    except httpx.InvalidURL as error:
        raise Refused("the carrier's address is no URL") from error

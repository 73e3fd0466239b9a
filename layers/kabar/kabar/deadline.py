"""One deadline over all of an HTTP call: httpx and httpcore only limit the wait for each piece."""

import ssl
import time
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import httpcore

_end: ContextVar[float] = ContextVar("_end")  # of the call under way, by the monotonic clock


def begin(seconds: float) -> None:
    """The call that this thread makes now ends after `seconds`, all in all."""
    _end.set(time.monotonic() + seconds)


def left(timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
    """Seconds that are left, at most `timeout`; raises `error` when there are none."""
    seconds = _end.get() - time.monotonic()
    if seconds <= 0:
        raise error("the call's time is over")
    return seconds if timeout is None else min(seconds, timeout)


class Stream(httpcore.NetworkStream):
    """Cuts whatever goes over the wire at the call's end."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = left(timeout, httpcore.ConnectTimeout)
        return Stream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Backend(httpcore.SyncBackend):
    """Connections whose every step ends with the call."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = left(timeout, httpcore.ConnectTimeout)
        return Stream(super().connect_tcp(host, port, seconds, local_address, socket_options))

"""Many calls side by side for carriers that take one message per call: a connection a thread, kept between calls.

httpx looks through its whole pool at every request and stalls beyond a few dozen connections, so this is
`http.client`. One call, no retry, no redirect, a deadline over all of it; what was surely not sent says so.
"""

import http.client
import io
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from kabar.carriers.base import Answer, Request
from kabar.domain.handover import AnswerLost, Refused, Unreachable

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 3.0  # a connection unused for longer may be one that the carrier is about to close
MAX_ANSWER = 256 * 1024  # bytes; one message's answer is below 1 kB
MOST = 480  # connections of a process

T = TypeVar("T")
R = TypeVar("R")
_mine = threading.local()


class _Wire:
    """A connection as `http.client` wants a socket, whose every read and write ends by the call's deadline.

    What `http.client` closes stays open: `_Line` decides, since an answer may still be read.
    """

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        self.until = 0.0

    def limit(self) -> socket.socket:
        """The socket, for at most the time that is left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's time is over")
        self.peer.settimeout(left)
        return self.peer

    def sendall(self, data: bytes) -> None:
        self.limit().sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Read(self))

    def close(self) -> None:
        """Nothing; see above."""


class _Read(io.RawIOBase):
    """Reads an answer from a wire."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._wire.limit().recv_into(buffer)


class _Line:
    """This thread's connection to one host."""

    def __init__(self, peer: socket.socket, host: str, port: int) -> None:
        self.wire = _Wire(peer)
        self.used_at = time.monotonic()
        self.connection = http.client.HTTPConnection(host, port)
        self.connection.auto_open = 0  # one of ours or none
        self.connection.sock = self.wire

    def fresh(self) -> bool:
        """Whether it can be used again: not idle for long, nothing waiting on it, not even its end."""
        idle = time.monotonic() - self.used_at
        return idle < IDLE_SECONDS and not select.select([self.wire.peer], [], [], 0)[0]

    def close(self) -> None:
        self.wire.peer.close()


def call(request: Request, seconds: float) -> Answer:
    """Make the request once within `seconds`, all in all, over this thread's own connection.

    Raises Unreachable when no connection was made, Refused for a request that can't be made, AnswerLost otherwise.
    """
    until = time.monotonic() + seconds
    scheme, host, port, target = _address(request)
    headers, body = _prepared(request)
    line = _line(scheme, host, port, until)
    line.wire.until = until
    try:
        line.connection.request(request.method, target, body, headers)
        answer = line.connection.getresponse()
        content = answer.read(MAX_ANSWER + 1)
        if len(content) > MAX_ANSWER:
            raise AnswerLost("the carrier's answer was too large")
    except (OSError, http.client.HTTPException, ValueError) as error:
        _drop(scheme, host, port)
        raise AnswerLost(f"the carrier's answer was lost ({type(error).__name__})") from error
    except AnswerLost:
        _drop(scheme, host, port)
        raise
    line.used_at = time.monotonic()
    if answer.will_close:
        _drop(scheme, host, port)
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)


def each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """`work` on all items side by side, each in a thread that keeps its connection; results in their order."""
    return list(_threads().map(work, items))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, "call")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _address(request: Request) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(request.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refused("the carrier's address is no URL") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused("the carrier's address is no http or https URL")
    query = "&".join(part for part in (parts.query, urlencode(request.query)) if part)
    return parts.scheme, parts.hostname, port, (parts.path or "/") + (f"?{query}" if query else "")


def _prepared(request: Request) -> tuple[dict[str, str], bytes | None]:
    """Headers and body, before anything is on the wire. Raises Refused."""
    if not all(value.isascii() and value.isprintable() for value in request.headers.values()):
        raise Refused("the carrier's key holds characters that no header can carry")
    headers = dict(request.headers)
    if request.form:
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
        return headers, urlencode(request.form).encode()
    if request.body is None:
        return headers, None
    headers.setdefault("content-type", "application/json")
    return headers, json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()


def _line(scheme: str, host: str, port: int, until: float) -> _Line:
    """This thread's connection, made anew when there is none that can be used. Raises Unreachable."""
    lines: dict[tuple[str, str, int], _Line] = _mine.__dict__.setdefault("lines", {})
    line = lines.get((scheme, host, port))
    if line is not None and line.fresh():
        return line
    _drop(scheme, host, port)
    try:
        line = _Line(_connected(scheme, host, port, until), host, port)
    except OSError as error:
        raise Unreachable(f"no connection to the carrier ({type(error).__name__})") from error
    if time.monotonic() >= until:  # names are looked up without a limit
        line.close()
        raise Unreachable("no connection to the carrier in time")
    lines[scheme, host, port] = line
    return line


def _connected(scheme: str, host: str, port: int, until: float) -> socket.socket:
    peer = socket.create_connection((host, port), max(0.001, min(CONNECT_SECONDS, until - time.monotonic())))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if scheme == "http":
        return peer
    try:
        return _tls().wrap_socket(peer, server_hostname=host)
    except BaseException:
        peer.close()
        raise


def _drop(scheme: str, host: str, port: int) -> None:
    line: _Line | None = _mine.__dict__.setdefault("lines", {}).pop((scheme, host, port), None)
    if line is not None:
        line.close()

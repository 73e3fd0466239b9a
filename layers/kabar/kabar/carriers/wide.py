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
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeVar
from urllib.parse import urlencode

from kabar.carriers.base import Answer, Request
from kabar.domain import addresses
from kabar.domain.addresses import Target
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
        self._unsent = b""

    def limit(self) -> socket.socket:
        """The socket, for at most the time that is left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's time is over")
        self.peer.settimeout(left)
        return self.peer

    def sendall(self, data: bytes) -> None:
        """Kept until the answer is asked for: headers and body go in one piece."""
        self._unsent += data

    def makefile(self, _mode: str) -> io.BufferedReader:
        request, self._unsent = self._unsent, b""
        self.limit().sendall(request)
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

    def __init__(self, peer: socket.socket, target: Target) -> None:
        self.wire = _Wire(peer)
        self.used_at = time.monotonic()
        self._said = select.poll()
        self._said.register(peer, select.POLLIN)
        self.connection = http.client.HTTPConnection(target.host, target.port)
        self.connection.default_port = 443 if target.scheme == "https" else 80  # which `Host` leaves out
        self.connection.auto_open = 0  # one of ours or none
        self.connection.sock = self.wire

    def fresh(self) -> bool:
        """Whether it can be used again: not idle for long, nothing waiting on it, not even its end."""
        idle = time.monotonic() - self.used_at
        return idle < IDLE_SECONDS and not self._said.poll(0)

    def close(self) -> None:
        self.wire.peer.close()


@dataclass(frozen=True)
class Wide:
    """Calls gateways whose addresses customers gave: https and the public internet only [J6]; `local` lets 127.0.0.1
    be called too. Each thread keeps its own connection.
    """

    local: bool = False

    def call(self, request: Request, seconds: float) -> Answer:
        """Make the request once within `seconds`, all in all, over this thread's own connection.

        Raises Unreachable when no connection was made, Refused for a request that can't be made, AnswerLost
        otherwise.
        """
        until = time.monotonic() + seconds
        try:
            target = _target(request.url, self.local)
        except addresses.Forbidden as error:
            raise Refused(f"the gateway's address can't be called: {error}") from error
        headers, body = _prepared(request)
        path = target.path
        if request.query:
            path += ("&" if "?" in path else "?") + urlencode(request.query)
        line = _line(target, until)
        line.wire.until = until
        try:
            line.connection.request(request.method, path, body, headers)
            answer = line.connection.getresponse()
            content = answer.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            _drop(target)
            raise AnswerLost(f"the carrier's answer was lost ({type(error).__name__})") from error
        line.used_at = time.monotonic()
        if answer.will_close or not answer.isclosed():
            _drop(target)
        if len(content) > MAX_ANSWER or answer.length:
            raise AnswerLost("the carrier's answer was too large, or ended early")
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)


def each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """`work` on all items side by side, each in a thread that keeps its connection; results in their order."""
    return list(_threads().map(work, items))


@lru_cache
def _target(url: str, local: bool) -> Target:  # what it is remembered by
    return addresses.target(url, local=local)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, "call")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


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


def _line(target: Target, until: float) -> _Line:
    """This thread's connection, made anew when there is none that can be used. Raises Unreachable or Refused."""
    key = (target.scheme, target.host, target.port)
    lines: dict[tuple[str, str, int], _Line] = _mine.__dict__.setdefault("lines", {})
    line = lines.get(key)
    if line is not None and line.fresh():
        return line
    _drop(target)
    try:
        line = _Line(_connected(target, until), target)
    except OSError as error:
        raise Unreachable(f"no connection to the carrier ({type(error).__name__})") from error
    if time.monotonic() >= until:  # names are looked up without a limit
        line.close()
        raise Unreachable("no connection to the carrier in time")
    lines[key] = line
    return line


def _connected(target: Target, until: float) -> socket.socket:
    """To one of the target's addresses, all of which must be public. Raises OSError or Refused."""
    found = [target.host] if addresses.is_address(target.host) else _addresses(target)
    left = max(0.001, min(CONNECT_SECONDS, until - time.monotonic()))
    peer = socket.create_connection((found[0], target.port), left)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if target.scheme == "http":
        return peer
    try:
        return _tls().wrap_socket(peer, server_hostname=target.host)
    except BaseException:
        peer.close()
        raise


def _addresses(target: Target) -> list[str]:
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    names = [str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0])]  # IPv4 first
    if not all(map(addresses.is_public, names)):
        raise Refused("the gateway's name leads to an address that is not on the public internet")
    return names


def _drop(target: Target) -> None:
    key = (target.scheme, target.host, target.port)
    line: _Line | None = _mine.__dict__.setdefault("lines", {}).pop(key, None)
    if line is not None:
        line.close()

"""The only way to an address that a customer gave: https to the public internet, checked at every call [J6].

A name is resolved, every address it has must be public, and the connection goes to one of exactly these; TLS and
`Host` go by the name. No redirect is followed, no proxy used, an answer is cut, and a call ends in its time.
Why it isn't `microsoft-antissrf`: docs/decisions/0006-guard.md.
"""

import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import certifi
import httpcore

from kabar import deadline
from kabar.domain import addresses
from kabar.domain.addresses import Forbidden, Target
from kabar.domain.handover import AnswerLost, Refused, Unreachable

LOCAL = "allowed in 000000000000"  # the setting LOCAL_ADDRESSES on this machine; AWS has no such account
SECONDS = 15.0
MAX_ANSWER = 64 * 1024
TOGETHER = 16  # connections to one host
_TRIED = 4  # addresses of one name
_IDLE_SECONDS = 30
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

Resolve = Callable[[str], list[str]]
"""All addresses of a name. Raises OSError."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names in lower case, `cut` when the body had more than MAX_ANSWER bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


def addresses_of(name: str) -> list[str]:
    """What the resolver says, IPv4 first: functions reach no IPv6. Raises OSError."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0])))


class Guard:
    """Calls addresses that customers gave, from any number of threads.

    `local` (the setting LOCAL_ADDRESSES is LOCAL) also lets 127.0.0.1 be called.
    """

    def __init__(
        self, *, local: bool = False, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._local = local
        self._resolve = resolve or addresses_of
        self._tls = tls
        self._lines: dict[tuple[str, str, int], _Line] = {}
        self._lock = threading.Lock()

    def check(self, url: str, seconds: float = 5.0) -> None:
        """Whether this URL may be saved. Raises Forbidden, or Unreachable when the name resolves to nothing."""
        self._public(addresses.target(url, local=self._local), time.monotonic() + seconds)

    def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        seconds: float = SECONDS,
    ) -> Answer:
        """One request, within so many seconds in all, never tried again.

        Raises Forbidden, Refused (a header that can't be sent), Unreachable (nothing was sent) or AnswerLost.
        """
        until = time.monotonic() + seconds
        target = addresses.target(url, local=self._local)
        sent = _headers(headers, target, body)
        found = self._public(target, until)
        deadline.begin(until - time.monotonic())
        try:
            with self._line(target, found) as pool:
                return _read(pool, method, target, sent, body)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise Unreachable(_why("no connection", error)) from error
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise AnswerLost(_why("no answer", error)) from error

    def _public(self, target: Target, until: float) -> list[str]:
        """Every address of the target, now. Raises Forbidden when one of them isn't public, or Unreachable."""
        if addresses.is_address(target.host):
            return [target.host]  # checked as it was taken apart
        found = _in_time(lambda: self._resolve(target.host), until)
        if not found:
            raise Unreachable("the name has no address")
        if not all(map(addresses.is_public, found)):
            raise Forbidden("the name leads to an address that is not on the public internet")
        return found

    @contextmanager
    def _line(self, target: Target, found: list[str]) -> Iterator[httpcore.ConnectionPool]:
        """The connections to this host, none of them to an address that it no longer has."""
        key = (target.scheme, target.host, target.port)
        with self._lock:
            line = self._lines.get(key)
            if line is None or line.backend.used - set(found):
                if line:
                    line.retire()
                line = self._lines[key] = _Line(self._tls or _default_tls())
            line.backend.addresses = found[:_TRIED]
            line.users += 1
        try:
            yield line.pool
        finally:
            with self._lock:
                line.users -= 1
                line.close_if_retired()

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            for line in self._lines.values():
                line.retire()
            self._lines.clear()


class _Pinned(deadline.Backend):
    """Connects to the checked addresses, whatever name the request has."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.used: set[str] = set()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # the name; where it leads was checked
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        tried = list(self.addresses)
        for number, address in enumerate(tried, 1):
            try:
                stream = super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                if number == len(tried):
                    raise
                continue
            self.used.add(address)
            return stream
        raise httpcore.ConnectError("no address")


class _Line:
    """Connections to one host, and how many calls use them."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.backend = _Pinned()
        self.pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=TOGETHER,
            max_keepalive_connections=TOGETHER,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=self.backend,
        )
        self.users = 0
        self._retired = False

    def retire(self) -> None:
        """Calls under way may end; there are no new ones."""
        self._retired = True
        self.close_if_retired()

    def close_if_retired(self) -> None:
        if self._retired and not self.users:
            self.pool.close()


@cache
def _default_tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def _headers(headers: Mapping[str, str], target: Target, body: bytes) -> list[tuple[str, str]]:
    if not all(_HEADER.fullmatch(n) and v.isascii() and v.isprintable() for n, v in headers.items()):
        raise Refused("a header holds characters that no header can carry")
    ours = {"Host": target.authority, "Accept-Encoding": "identity", "User-Agent": "kabar"}
    if body:
        ours["Content-Length"] = str(len(body))
    taken = {name.lower() for name in headers}
    return [(n, v) for n, v in ours.items() if n.lower() not in taken] + list(headers.items())


def _read(
    pool: httpcore.ConnectionPool, method: str, target: Target, headers: list[tuple[str, str]], body: bytes
) -> Answer:
    origin = httpcore.URL(
        scheme=target.scheme, host=target.host, port=target.port, target=target.path.encode()
    )
    timeouts = {name: deadline.left(None, httpcore.PoolTimeout) for name in ("pool", "connect", "read")}
    with pool.stream(method, origin, headers=headers, content=body, extensions={"timeout": timeouts}) as read:
        taken = b""
        for part in read.iter_stream():
            taken += part
            if len(taken) > MAX_ANSWER:
                break
    found = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in read.headers}
    return Answer(read.status, found, taken[:MAX_ANSWER], len(taken) > MAX_ANSWER)


def _in_time(resolve: Callable[[], list[str]], until: float) -> list[str]:
    """The resolver's answer, or Unreachable: it knows no time-out, so it is left behind when time is up."""
    answered: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answered.put(resolve())
        except (OSError, UnicodeError):
            answered.put([])

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answered.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        raise Unreachable("the name was not resolved in time") from None


def _why(what: str, error: Exception) -> str:
    if isinstance(error.__cause__, ssl.SSLError) or "certificate" in str(error).lower():
        return f"{what}: the certificate or the encryption was not accepted"
    return f"{what} ({type(error).__name__})"

"""Calls to addresses that customers gave [J6]: where they go, how long they take, how much is read."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kabar.domain import addresses
from kabar.domain.addresses import Forbidden
from kabar.domain.handover import AnswerLost, Refused, Unreachable
from kabar.guard import MAX_ANSWER, Guard

NAME = "hooks.example.com"
Conversation = Callable[[ssl.SSLSocket], None]


class Server:
    """TLS on 127.0.0.1 with a certificate for NAME; remembers requests and the names asked for (SNI)."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.connections = 0
        self.talk: Conversation = lambda wire: wire.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        certificate, key = _certificate(folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.trust = ssl.create_default_context(cafile=str(certificate))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self, path: str = "/hook") -> str:
        return f"https://{NAME}:{self.port}{path}"

    def stop(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(raw,), daemon=True).start()

    def _one(self, raw: socket.socket) -> None:
        try:
            with self.context.wrap_socket(raw, server_side=True) as wire:
                while request := _request(wire):
                    self.requests.append(request)
                    self.talk(wire)
        except OSError:
            pass


def _request(wire: ssl.SSLSocket) -> bytes:
    """Head and body; all of these have `{}` for one."""
    taken = wire.recv(65536)
    while taken and not taken.endswith(b"{}"):
        taken += wire.recv(65536)
    return taken


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    running = Server(folder)
    yield running
    running.stop()


@pytest.fixture
def as_if_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server on this machine stands for one on the public internet."""
    real = addresses.is_public
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1" or real(address))


GUARDS: list[Guard] = []


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    yield
    while GUARDS:
        GUARDS.pop().close()


def guard_of(server: Server, *answers: list[str]) -> tuple[Guard, list[str]]:
    """A guard whose resolver gives one answer after the other, the last for ever; and what it was asked."""
    asked: list[str] = []
    left = list(answers) or [["127.0.0.1"]]

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return left.pop(0) if len(left) > 1 else left[0]

    GUARDS.append(Guard(resolve=resolve, tls=server.trust))
    return GUARDS[-1], asked


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    if not certificate.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return certificate, secret


@pytest.mark.usefixtures("as_if_public")
def test_a_call_goes_to_the_checked_address_under_the_name(server: Server) -> None:
    guard, asked = guard_of(server)
    answer = guard.call("POST", server.url("/a?b=c"), {"Content-Type": "application/json"}, b"{}")
    assert (answer.status, answer.body, answer.cut) == (204, b"", False)
    request = server.requests[0].decode()
    assert request.startswith("POST /a?b=c HTTP/1.1\r\n")
    assert f"\r\nHost: {NAME}:{server.port}\r\n" in request
    assert request.endswith("\r\n\r\n{}")
    assert server.names == [NAME]
    assert asked == [NAME]


@pytest.mark.parametrize(
    "answers",
    [
        ["169.254.169.254"],
        ["10.0.0.7"],
        ["1.1.1.1", "127.0.0.1"],
        ["2606:4700:4700::1111", "::ffff:10.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["2002:a9fe:a9fe::1"],
        ["::7f00:1"],
        ["fd00:ec2::254"],
        ["no address"],
    ],
)
def test_a_name_with_any_address_of_our_own_network_is_not_called(server: Server, answers: list[str]) -> None:
    guard, _ = guard_of(server, answers)
    with pytest.raises(Forbidden):
        guard.check(server.url())
    with pytest.raises(Forbidden):
        guard.call("POST", server.url(), {}, b"{}")
    assert server.connections == 0


def test_f64_a_name_that_is_pointed_elsewhere_after_saving_is_blocked_when_it_is_called(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = addresses.is_public
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1" or real(address))
    guard, asked = guard_of(server, ["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"])
    guard.check(server.url())
    assert guard.call("POST", server.url(), {}, b"{}").status == 204
    with pytest.raises(Forbidden):  # although the connection to the old address is still open
        guard.call("POST", server.url(), {}, b"{}")
    assert len(asked) == 3
    assert len(server.requests) == 1


@pytest.mark.usefixtures("as_if_public")
def test_the_address_that_was_checked_is_the_one_that_is_called(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver that answers well when we check can't answer again when the connection is made."""
    guard, asked = guard_of(server, ["127.0.0.1"], ["169.254.169.254"])
    monkeypatch.setattr(socket, "getaddrinfo", _only_addresses(socket.getaddrinfo))
    assert guard.call("POST", server.url(), {}, b"{}").status == 204
    assert asked == [NAME]


def _only_addresses(real: Callable[..., object]) -> Callable[..., object]:
    def resolve(host: str, *arguments: object, **more: object) -> object:
        assert host == "127.0.0.1", "a name was resolved a second time"
        return real(host, *arguments, **more)

    return resolve


@pytest.mark.usefixtures("as_if_public")
def test_connections_are_kept_while_the_name_has_the_address_and_left_when_not(server: Server) -> None:
    guard, _ = guard_of(server, *[["127.0.0.1"]] * 3, ["1.1.1.1", "127.0.0.1"])
    for _ in range(3):
        guard.call("POST", server.url(), {}, b"{}")
    assert server.connections == 1
    assert len(server.requests) == 3


@pytest.mark.usefixtures("as_if_public")
def test_a_certificate_of_another_name_is_not_accepted(server: Server) -> None:
    guard, _ = guard_of(server)
    with pytest.raises(Unreachable, match="certificate"):
        guard.call("POST", f"https://other.example.com:{server.port}/", {}, b"{}")
    assert server.requests == []


@pytest.mark.usefixtures("as_if_public")
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(server: Server) -> None:
    with pytest.raises(Unreachable, match="certificate"):
        Guard(resolve=lambda _: ["127.0.0.1"]).call("POST", server.url(), {}, b"{}")


@pytest.mark.usefixtures("as_if_public")
def test_f60_a_redirect_is_an_answer_and_is_not_followed(server: Server) -> None:
    server.talk = lambda wire: wire.sendall(
        b"HTTP/1.1 307 Moved\r\nLocation: http://169.254.169.254/latest/meta-data\r\nContent-Length: 0\r\n\r\n"
    )
    guard, _ = guard_of(server)
    assert guard.call("POST", server.url(), {}, b"{}").status == 307
    assert len(server.requests) == 1


@pytest.mark.usefixtures("as_if_public")
def test_an_answer_is_cut(server: Server) -> None:
    server.talk = lambda wire: wire.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (MAX_ANSWER + 20_000)
    )
    guard, _ = guard_of(server)
    answer = guard.call("POST", server.url(), {}, b"{}", 2.0)
    assert (answer.status, len(answer.body), answer.cut) == (200, MAX_ANSWER, True)


@pytest.mark.usefixtures("as_if_public")
def test_a_compressed_answer_is_not_unpacked(server: Server) -> None:
    packed = b"\x1f\x8b\x08" + b"\x00" * 40
    server.talk = lambda wire: wire.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 43\r\n\r\n" + packed
    )
    guard, _ = guard_of(server)
    assert guard.call("POST", server.url(), {}, b"{}").body == packed


def _drip(wire: ssl.SSLSocket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000:
        wire.sendall(bytes([byte]))
        time.sleep(0.05)


def _reset(wire: ssl.SSLSocket) -> None:
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    wire.close()


@pytest.mark.usefixtures("as_if_public")
@pytest.mark.parametrize(
    "talk",
    [
        _drip,
        _reset,
        lambda _: time.sleep(5),
        lambda wire: wire.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        lambda wire: wire.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000),
    ],
    ids=["drips", "resets", "is silent", "speaks something else", "sends endless headers"],
)
def test_an_answer_that_does_not_come_is_lost_within_the_time(server: Server, talk: Conversation) -> None:
    server.talk = talk
    guard, _ = guard_of(server)
    began = time.monotonic()
    with pytest.raises(AnswerLost):
        guard.call("POST", server.url(), {}, b"{}", 0.5)
    assert time.monotonic() - began < 1.5


def test_a_resolver_that_does_not_answer_costs_no_more_than_the_calls_time() -> None:
    def slow(_: str) -> list[str]:
        time.sleep(3)
        return ["1.1.1.1"]

    guard = Guard(resolve=slow)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        guard.call("POST", f"https://{NAME}/", {}, b"{}", 0.3)
    assert time.monotonic() - began < 1


def _unknown(_: str) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "unknown")


@pytest.mark.parametrize("resolve", [_unknown, lambda _: []])
def test_a_name_without_an_address_can_not_be_saved(resolve: Callable[[str], list[str]]) -> None:
    with pytest.raises(Unreachable):
        Guard(resolve=resolve).check(f"https://{NAME}/")


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nHost: b"}, {"X\r\nY": "a"}, {"X": "ü"}, {"": "a"}, {"X:": "a"}, {"X": "\x00"}]
)
def test_a_header_can_not_smuggle_another(headers: dict[str, str]) -> None:
    with pytest.raises(Refused):
        Guard(local=True).call("POST", "http://127.0.0.1:1/", headers, b"{}")


def test_nothing_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable):
        Guard(local=True).call("POST", f"http://127.0.0.1:{port}/", {}, b"{}")

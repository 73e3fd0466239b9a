"""One message per call: how near 48 connections in one process come to what 50 ms of latency allow.

The HTTP client part alone (`kabar.carriers.wide`, with the connector that builds and reads): a server of a few lines,
in a process of its own, answers every request after 50 ms. The ceiling is connections ÷ latency.
"""

import asyncio
import sys
import time
from subprocess import PIPE, Popen

from kabar.carriers import carrier, wide
from kabar.carriers.base import Account
from kabar.carriers.wide import Wide
from kabar.domain.messages import Message
from local.trouble import Trouble, run

CONNECTIONS = 48
LATENCY = 0.05
MESSAGES = 2_400
ROUNDS = 4  # the best counts: the ceiling is a time, and other processes only ever take some of it
GATEWAY = {
    "headers": {"X-Api-Key": "{secret}"},
    "fields": {"to": "{to}", "from": "{from}", "text": "{text}", "ref": "{id}"},
    "promise": "echoes",
    "answer": {"path": "status", "accepted": ["accepted"], "id_path": "id"},
}
ANSWER = b'{"status":"accepted","id":"817790313235066447"}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)


def measure() -> dict[str, float]:
    """`single_send_vs_ceiling` and `single_send_cpu_us`. Raises Trouble."""
    server = Popen([sys.executable, "-m", "local.bench.single"], stdout=PIPE, text=True)
    try:
        if server.stdout is None or not (port := server.stdout.readline().strip()):
            raise Trouble("The server of the bench doesn't start.")
        return _figures(f"http://127.0.0.1:{port}/send")
    finally:
        server.terminate()
        server.wait()


def _figures(url: str) -> dict[str, float]:
    account, call = Account(url, "bench"), Wide(local=True).call
    connector = carrier("http", GATEWAY)
    messages = [
        Message(f"0000be4c-{n}", f"+90532{n:07d}", "Your order is ready.", 1) for n in range(MESSAGES)
    ]

    def send(message: Message) -> int:
        return len(connector.send(account, call, "3774", [message], 10))

    def beside(part: list[Message]) -> int:
        """What one connection does: one message after the other."""
        return sum(map(send, part))

    parts = [messages[at::CONNECTIONS] for at in range(CONNECTIONS)]
    wide.each(beside, [part[:1] for part in parts])  # connects
    rounds = []
    for _ in range(ROUNDS):
        began, before = time.monotonic(), time.process_time()
        sent = sum(wide.each(beside, parts))
        seconds, cpu = time.monotonic() - began, time.process_time() - before
        if sent != MESSAGES:
            raise Trouble(f"{sent} of {MESSAGES} messages were answered.")
        rounds.append((sent / seconds / (CONNECTIONS / LATENCY), cpu / sent * 1e6))
    best, cpu = max(rounds)
    return {"single_send_vs_ceiling": best, "single_send_cpu_us": cpu}


class Answers(asyncio.Protocol):
    """Answers each request of a connection after LATENCY."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        head, found, body = self._waiting.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if found and len(body) >= length:
            self._waiting = b""
            asyncio.get_running_loop().call_later(LATENCY, self._answer)

    def _answer(self) -> None:
        self._transport.write(HEAD + ANSWER)  # type: ignore[attr-defined]  # it is one that writes


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> int:
    """Be the server."""
    asyncio.run(_serve())
    return 0


if __name__ == "__main__":
    run(main)

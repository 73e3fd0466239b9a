"""The carrier simulator on a free port, with a webhook that remembers, for tests."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from local.carrier.server import start
from local.carrier.simulator import Simulator

KEY = "a-key"
Json = dict[str, Any]


class Webhook(ThreadingHTTPServer):
    """Remembers every post; answers the codes in `answers` first, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keep)
        self.bodies: list[Json] = []
        self.credentials: list[str] = []
        self.answers: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_port}/hook"

    @property
    def results(self) -> list[Json]:
        return [result for body in self.bodies for result in body["results"]]


class _Keep(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code = self.server.answers.pop(0) if self.server.answers else 200
        self.server.credentials.append(self.headers.get("Authorization", ""))
        if code == 200:
            self.server.bodies.append(body)
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


class Carrier:
    """A client of the simulator at `url`, with the right key unless told otherwise."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=5, headers={"Authorization": f"App {KEY}"})

    def account(self, **settings: object) -> None:
        self.http.post("/_account", json={"api_key": KEY} | settings).raise_for_status()

    def faults(self, **plan: object) -> None:
        self.http.post("/_faults", json=plan).raise_for_status()

    def send(self, *messages: Json, **options: object) -> httpx.Response:
        return self.http.post("/sms/3/messages", json={"messages": list(messages), "options": options})

    def get(self, path: str, **query: object) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()  # type: ignore[arg-type]


def message(*ids: str, to: str = "905321234567", text: str = "Merhaba", **more: object) -> Json:
    """A message to one recipient per id."""
    destinations = [{"to": to, "messageId": each} for each in ids]
    return {"sender": "KABAR", "destinations": destinations, "content": {"text": text}} | more


def ids(count: int) -> list[str]:
    return [f"id-{number}" for number in range(count)]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def eventually(check: Callable[[], object], seconds: float = 5) -> None:
    """Wait until `check` holds."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@contextmanager
def running_carrier(max_recipients: int = 1000) -> Iterator[Carrier]:
    """The simulator in a thread of its own, its account open."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner, url = asyncio.run_coroutine_threadsafe(start(Simulator(max_recipients), 0), loop).result()
    client = Carrier(url)
    try:
        client.account()
        yield client
    finally:
        client.http.close()
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

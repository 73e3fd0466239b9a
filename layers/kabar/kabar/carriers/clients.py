"""How carriers are called over HTTP: each client is imported at its first call, as that takes longer than the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kabar.carriers.base import Answer, Request

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Clients:
    """`local_addresses` is the setting that, on a laptop, lets gateways on 127.0.0.1 be called."""

    local_addresses: str

    def call(self, request: Request, seconds: float) -> Answer:
        """One request to a carrier that takes many messages in a call."""
        from kabar.carriers import http

        return http.call(request, seconds)

    def wide(self, request: Request, seconds: float) -> Answer:
        """One of many requests side by side."""
        from kabar.carriers.wide import Wide
        from kabar.guard import LOCAL

        return Wide(local=self.local_addresses == LOCAL).call(request, seconds)

    def each(self, work: Callable[[T], R], messages: Sequence[T]) -> list[R]:
        """`work` on all messages side by side, each in a thread that keeps its connection."""
        from kabar.carriers import wide

        return wide.each(work, messages)

"""What the callback routes work on, built once per process."""

from dataclasses import fields
from functools import cache

import wiring
from kabar.delivery import repair
from kabar.delivery import wiring as delivery
from kabar.delivery.desk import wake as wake_run
from kabar.delivery.send import Sender
from kabar.domain.addresses import Forbidden
from kabar.domain.handover import Unreachable
from kabar.storage.callback_settings import Endpoints, Vault
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Item
from problems import invalid
from wiring import table

TEST_SECONDS = 5.0  # of each call of a test: at most four of them go with the gateway's 29


@cache
def endpoints() -> Endpoints:
    return Endpoints(table("workspaces"))


@cache
def book() -> Book:
    return Book(table("callbacks"))


@cache
def vault() -> Vault:
    return delivery.vault(_environment())


@cache
def sender() -> Sender:
    return delivery.sender(_environment(), TEST_SECONDS)


@cache
def _environment() -> delivery.Environment:
    known = wiring.settings()
    names = [field.name for field in fields(delivery.Environment) if field.name != "mail_sender"]
    return delivery.Environment(**{name: getattr(known, name) for name in names}, mail_sender="")


def check(field: str, url: str) -> None:
    """Raises Problem when we may not call there, or when the name has no address [J6]."""
    try:
        wiring.guard().check(url)
    except (Forbidden, Unreachable) as error:
        raise invalid(field, error.args[0]) from error


def wake(item: Item) -> None:
    """See to it that somebody works on what waits right now."""
    wake_run(book(), lambda each, run: repair.start(wiring.settings().retry_callbacks_arn, each, run), item)


def doing(item: Item) -> tuple[Item, int | None]:
    """How an endpoint is doing, and when something that waits is tried next; None when nothing waits."""
    state, oldest = book().state(item["id"]), book().oldest(item["id"], 1)
    return state, max(oldest[0].due, state.get("next_at", 0)) if oldest else None

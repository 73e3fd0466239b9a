"""The real things behind delivering, made once per process."""

import random
import time
from dataclasses import dataclass

from kabar import guard
from kabar.delivery.desk import Desk
from kabar.delivery.notice import Notices
from kabar.delivery.repair import start
from kabar.delivery.send import Sender
from kabar.delivery.tokens import Tokens
from kabar.storage.callback_settings import Endpoints, Vault
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Table


@dataclass(frozen=True)
class Environment:
    workspaces_table: str
    callbacks_table: str
    callback_secrets: str
    data_key: str
    retry_callbacks_arn: str
    local_addresses: str
    mail_sender: str


def now() -> int:
    """Epoch ms."""
    return time.time_ns() // 1_000_000


def vault(env: Environment) -> Vault:
    return Vault(env.callback_secrets, env.data_key)


def sender(env: Environment, seconds: float = guard.SECONDS) -> Sender:
    """Attempts through one guard, whose connections are kept between calls."""
    guarded = guard.Guard(local=env.local_addresses == guard.LOCAL)
    tokens = Tokens(Table(env.callbacks_table), vault(env), guarded, clock=now, seconds=seconds)
    return Sender(guarded, vault(env), tokens, now, seconds)


def desk(env: Environment) -> Desk:
    workspaces, book = Table(env.workspaces_table), Book(Table(env.callbacks_table))
    notices = Notices(workspaces, book, env.mail_sender, now)
    return Desk(
        book=book,
        endpoints=Endpoints(workspaces),
        send=sender(env).send,
        start=lambda endpoint, run: start(env.retry_callbacks_arn, endpoint, run),
        given_up=notices.given_up,
        switched_off=notices.switched_off,
        clock=now,
        chance=random.random,
    )

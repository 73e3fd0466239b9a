"""Mail to the workspace, in its language: callbacks were given up, at most once a day and endpoint, or the endpoint
is switched off since it says that it is gone [J5].
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from botocore.exceptions import ClientError

from kabar.domain.callbacks import HOUR
from kabar.log import logger
from kabar.storage import workspaces
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Item, Table

EVERY = 24 * HOUR
LANGUAGES = ("en", "tr", "id")
_MESSAGES = Path(__file__).parent.parent / "messages"


class Notices:
    """Mail that fails is only logged: the API shows the same."""

    def __init__(self, table: Table, book: Book, sender: str, clock: Callable[[], int]) -> None:
        self._table = table
        self._book = book
        self._sender = sender
        self._clock = clock

    def given_up(self, endpoint: Item, many: int) -> None:
        """So many callbacks were given up just now."""
        settings = self._settings(endpoint)
        if settings and self._book.mail_due(endpoint["id"], self._clock(), EVERY):
            self._mail("given_up", settings, endpoint, many)

    def switched_off(self, endpoint: Item) -> None:
        """The endpoint says that it is gone."""
        settings = self._settings(endpoint)
        if settings:
            self._mail("switched_off", settings, endpoint)

    def _settings(self, endpoint: Item) -> Item | None:
        """The workspace's; None where no mail is sent."""
        settings = workspaces.settings(self._table, endpoint["workspace"]) if self._sender else {}
        return settings if settings.get("email") else None

    def _mail(self, what: str, settings: Item, endpoint: Item, many: int = 0) -> None:
        from kabar.storage import mail  # hardly ever

        phrases = _phrases(settings.get("language", "en"))
        said = {name: endpoint[name] for name in ("kind", "workspace", "url")} | {"many": many}
        subject, text = (
            phrases[f"{what}_{part}"].format(told=phrases[endpoint["kind"]], **said)
            for part in ("subject", "text")
        )
        try:
            mail.send(self._sender, settings["email"], subject, text)
        except ClientError as error:
            logger.error("mail refused", endpoint=endpoint["id"], why=error.response["Error"]["Code"])


@cache
def _phrases(language: str) -> dict[str, str]:
    known = language if language in LANGUAGES else "en"
    phrases: dict[str, str] = json.loads((_MESSAGES / f"callbacks.{known}.json").read_text(encoding="utf-8"))
    return phrases

"""Mail to the workspace when callbacks were given up, at most once a day and endpoint [J5]."""

from collections.abc import Callable

from botocore.exceptions import ClientError

from kabar.domain.callbacks import HOUR
from kabar.log import logger
from kabar.storage import workspaces
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Item, Table

EVERY = 24 * HOUR
SUBJECT = "Kabar gave up telling your system about {kind}"
TEXT = """Callbacks for {kind} of the workspace {workspace} could not be delivered and were given up, {many} just now.
The endpoint is {url}

Why, and which ones: GET /v1/callbacks/{kind}/dead
To have them sent again, under the same ids, once the endpoint works: POST /v1/callbacks/{kind}/replay
They are kept for 30 days. This mail comes at most once a day.
"""


class Notices:
    """Called with (endpoint, how many). Mail that fails is only logged: the API shows the same."""

    def __init__(self, table: Table, book: Book, sender: str, clock: Callable[[], int]) -> None:
        self._table = table
        self._book = book
        self._sender = sender
        self._clock = clock

    def __call__(self, endpoint: Item, many: int) -> None:
        from kabar.storage import mail  # hardly ever

        to = workspaces.settings(self._table, endpoint["workspace"]).get("email")
        if not (self._sender and to and self._book.mail_due(endpoint["id"], self._clock(), EVERY)):
            return
        said = {"kind": endpoint["kind"], "workspace": endpoint["workspace"], "url": endpoint["url"]}
        try:
            mail.send(self._sender, to, SUBJECT.format(**said), TEXT.format(**said, many=many))
        except ClientError as error:
            logger.error("mail refused", endpoint=endpoint["id"], why=error.response["Error"]["Code"])

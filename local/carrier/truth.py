"""What really happened: every message that was accepted or refused, in one increasing sequence."""

from dataclasses import dataclass
from datetime import UTC, datetime

from local.carrier.registry import ACCEPTED, NO_ERROR, Json
from local.carrier.wire import Terms

PAGE = 200_000
NETWORK = "28601"


@dataclass(slots=True)
class Message:
    """One recipient's message. `at` and `due` are epoch milliseconds; `to` is without a plus."""

    n: int
    at: int
    to: str
    id: str
    bulk_id: str
    segments: int
    request: int
    terms: Terms
    why: str | None = None  # why it was refused; None when accepted
    status: Json | None = None  # how it ends; None while only accepted
    error: Json | None = None
    due: int = 0  # when it ends

    def entry(self) -> Json:
        """The truth about it, as `/_truth` gives it."""
        if self.why is not None:
            return {"n": self.n, "at": self.at, "to": f"+{self.to}", "id": self.id, "why": self.why}
        return {
            "n": self.n,
            "at": self.at,
            "to": f"+{self.to}",
            "sender": self.terms.sender,
            "id": self.id,
            "text": self.terms.text,
            "segments": self.segments,
            "request": self.request,
        }

    def log_line(self, now: int) -> Json:
        """Its state at `now`, as `GET /sms/3/logs` gives it."""
        ended = now >= self.due and self.status is not None
        line: Json = {
            "destination": self.to,
            "bulkId": self.bulk_id,
            "messageId": self.id,
            "sentAt": stamp(self.at),
            "messageCount": self.segments,
            "price": {"pricePerMessage": 0.01, "currency": "EUR"},
            "status": self.status if ended else ACCEPTED,
            "error": self.error if ended else NO_ERROR,
            "content": {"text": self.terms.text},
            "mccMnc": NETWORK,
        }
        if ended:
            line["doneAt"] = stamp(self.due)
        if self.terms.platform is not None:
            line["platform"] = self.terms.platform
        return line


class Log:
    """Everything seen. A message id belongs to the first message that used it, accepted or refused."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._by_id: dict[str, Message] = {}
        self.accepted = 0
        self.refused = 0

    def next_n(self) -> int:
        return len(self) + 1

    def knows(self, message_id: str) -> bool:
        return message_id in self._by_id

    def add(self, message: Message) -> None:
        self._messages.append(message)
        self._by_id.setdefault(message.id, message)
        if message.why is None:
            self.accepted += 1
        else:
            self.refused += 1

    def page(self, after: int) -> list[Message]:
        """At most `PAGE` entries with n > after, in order."""
        return self._messages[after : after + PAGE]

    def __len__(self) -> int:
        return len(self._messages)

    def find(self, message_ids: list[str], bulk_ids: list[str]) -> list[Message]:
        """Those that match every kind of filter given, newest first when only bulks or nothing are named."""
        if message_ids:
            found = [self._by_id[each] for each in dict.fromkeys(message_ids) if each in self._by_id]
        else:
            found = self._messages[::-1]
        wanted = set(bulk_ids)
        return [message for message in found if not wanted or message.bulk_id in wanted]


def stamp(at: int) -> str:
    """Epoch milliseconds as `2019-11-09T16:00:00.000+0000`."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}+0000"

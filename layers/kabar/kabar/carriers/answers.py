"""What reading carriers' answers and posts has in common."""

from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from kabar.carriers.base import Read, T
from kabar.carriers.errors import BadWebhook

DEFAULT_RETRY_AFTER = 5.0  # seconds, when a 429 names none
MAX_RETRY_AFTER = 3600.0  # seconds; a longer one is a mistake, and asking once an hour does no harm


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds of a Retry-After header, a date counting from the answer's own; without either the pace adapts anyway."""
    value = headers.get("retry-after", "")
    if value.isdecimal():
        return min(float(value), MAX_RETRY_AFTER) if len(value) < 6 else MAX_RETRY_AFTER
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return DEFAULT_RETRY_AFTER
    return min(max(wait.total_seconds(), DEFAULT_RETRY_AFTER), MAX_RETRY_AFTER)


def each_readable(entries: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], T]) -> Read[T]:
    """Every entry that can be read: an odd one must not cost us the others. Raises BadWebhook when all are odd."""
    found: list[T] = []
    odd: list[BadWebhook] = []
    for entry in entries:
        try:
            found.append(read(entry))
        except BadWebhook as error:
            odd.append(error)
    if odd and not found:
        raise odd[0]
    return Read(found, len(odd))

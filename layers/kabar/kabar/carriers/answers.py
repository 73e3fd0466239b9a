"""What reading carriers' answers and posts has in common."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from kabar.carriers.base import Read, T
from kabar.carriers.errors import BadWebhook
from kabar.domain.handover import CallRefused, Refused

DEFAULT_RETRY_AFTER = 5.0  # seconds, when a 429 names none that can be read; the pace adapts anyway
MAX_RETRY_AFTER = 86_400.0  # seconds; a longer one is taken for a mistake, and asking once a day does no harm
_SECONDS = re.compile("[0-9]+([.][0-9]+)?")


OF_THE_CALL = frozenset({400, 413, 422})  # statuses that say what a call holds is wrong, whoever makes it


def refusal(who: str, status: int, why: str | None = "") -> Refused:
    """What a 4xx means for the whole call. `why` without values that we sent; None for an answer that can't be read,
    which need not be the carrier's.
    """
    if why is None:
        return Refused(f"{who} refused the call with {status}: no readable reason")
    sentence = f"{who} refused the call with {status}" + (f": {why}" if why else "")
    return CallRefused(sentence, f"{status} {why}".strip()) if status in OF_THE_CALL else Refused(sentence)


def retry_after(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> float:
    """Seconds that a Retry-After header asks for, as such or until a date: that counts from the answer's own, else
    from our `clock`.
    """
    value = headers.get("retry-after", "")
    if _SECONDS.fullmatch(value):
        return min(float(value), MAX_RETRY_AFTER)
    until = _date(value)
    if until is None:
        return DEFAULT_RETRY_AFTER
    since = _date(headers.get("date", "")) or datetime.fromtimestamp(clock(), UTC)
    return min(max((until - since).total_seconds(), DEFAULT_RETRY_AFTER), MAX_RETRY_AFTER)


def _date(value: str) -> datetime | None:
    """An HTTP date, of which one of the three forms names no zone: they are all UTC (RFC 9110, 5.6.7)."""
    try:
        read = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


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

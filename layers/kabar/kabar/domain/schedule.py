"""When a campaign is due: a local wall-clock time in a zone, rounded up to a slot [F3]."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SLOT = timedelta(minutes=10)
MISSED_AFTER_HOURS = 5  # unless the workspace says otherwise


class BadSchedule(ValueError):
    """A time that can't be scheduled; `args[0]` says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class Due:
    """`at` is the instant (UTC) of `local`, the slot on the wall clock; `rounded` says that the time was moved up."""

    at: datetime
    local: datetime
    rounded: bool


def zone(name: str) -> ZoneInfo:
    """The IANA time zone called `name`. Raises BadSchedule."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadSchedule(f"{name!r} is no IANA time zone, such as Pacific/Auckland") from error


def due(wanted: datetime, where: ZoneInfo, now: datetime) -> Due:
    """The slot at or after `wanted`, a time on the wall clock of `where` without an offset [F3].

    A time in a daylight-saving gap means the first instant that exists after it; one that exists twice means the
    first. Raises BadSchedule for a `wanted` whose minute has passed, whatever its slot: the minute that runs is now.
    """
    if instant(wanted, where) < now.replace(second=0, microsecond=0):
        raise BadSchedule(f"{wanted:%Y-%m-%dT%H:%M} in {where.key} has passed: choose a later time, or now")
    local = _slot(wanted)
    return Due(instant(local, where), local, rounded=local != wanted)


def is_missed(due_at: int, now: int, hours: int) -> bool:
    """Whether a first start (epoch ms) is more than so many `hours` late, too late to send without asking [F5]."""
    return now - due_at > hours * 3_600_000


def _slot(local: datetime) -> datetime:
    over = timedelta(minutes=local.minute % 10, seconds=local.second, microseconds=local.microsecond)
    return local if not over else local - over + SLOT


def instant(local: datetime, where: ZoneInfo) -> datetime:
    """The first instant at which the wall clock of `where` reads `local` or later."""
    first = local.replace(tzinfo=where, fold=0).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None) == local:
        return first
    return _gap_end(local, where)


def _gap_end(local: datetime, where: ZoneInfo) -> datetime:
    """The first existing instant after a gap: where the offset changes, found by halving."""
    before = local.replace(tzinfo=where, fold=1).astimezone(UTC)
    after = local.replace(tzinfo=where, fold=0).astimezone(UTC)
    offset = after.astimezone(where).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(where).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)

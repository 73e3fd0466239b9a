"""When a campaign must stop by itself: shares of what became known since the lane began [F8]."""

import pytest

from kabar.domain.breaker import SAMPLE, Limits, verdict
from kabar.domain.statuses import REPLIED_OPT_OUT, Status, cell

LIMITS = Limits(failed=0.5, opted_out=0.1)
SENT, GOT, FAILED, EXPIRED = (cell(Status.of(word)) for word in ("sent", "received", "failed", "expired"))


def of(*parts: tuple[int, int]) -> bytes:
    """A vector of so many of each byte."""
    return b"".join(bytes([byte]) * count for byte, count in parts)


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (of((GOT, 300), (FAILED, 200)), None),
        (of((GOT, 200), (FAILED, 300)), "60 % of the last 500 messages failed"),
        (of((SENT, 400), (EXPIRED, 100)), "100 % of the last 100 messages failed"),
        (of((SENT, 401), (EXPIRED, SAMPLE - 1)), None),
        (of((GOT | REPLIED_OPT_OUT, 60), (GOT, 440)), "12 % of the last 500 recipients opted out"),
        (of((SENT | REPLIED_OPT_OUT, 50), (SENT, 450)), None),
        (of((SENT | REPLIED_OPT_OUT, 50)), None),
        (of((cell(Status.SUPPRESSED), 500)), None),
        (of((cell(Status.CANCELLED), 500)), None),
        (of((SENT | REPLIED_OPT_OUT, 60), (SENT, 40), (cell(Status.CANCELLED), 900)), "60 % of the last 100"),
        (b"", None),
    ],
)
def test_what_stops_a_campaign(now: bytes, why: str | None) -> None:
    told = verdict([(b"", now)], LIMITS)
    assert (told is None) if why is None else (told or "").startswith(why)


def test_what_was_known_before_counts_no_more() -> None:
    before = of((SENT, 500))
    failed = of((FAILED, 500))
    assert verdict([(failed, failed)], LIMITS) is None
    assert verdict([(before, failed)], LIMITS) is not None
    assert verdict([(failed, failed), (b"", of((GOT, 200)))], LIMITS) is None
    left = of((FAILED | REPLIED_OPT_OUT, 500))
    assert verdict([(left, left)], LIMITS) is None
    assert verdict([(left, of((GOT | REPLIED_OPT_OUT, 500))), (b"", of((SENT, 200)))], LIMITS) is None


@pytest.mark.parametrize(("leave", "pauses"), [(50, False), (51, True)])
def test_who_opts_out_now_is_a_share_of_all_that_were_handed_over_whenever(
    leave: int,
    pauses: bool,
) -> None:
    before = of((GOT, 500))
    now = of((GOT | REPLIED_OPT_OUT, leave), (GOT, 500 - leave))
    assert (verdict([(before, now)], LIMITS) is not None) is pauses
    assert (verdict([(b"", now)], LIMITS) is not None) is pauses


def test_chunks_count_together() -> None:
    part = of((FAILED, SAMPLE // 2))
    assert verdict([(b"", part)], LIMITS) is None
    assert verdict([(b"", part), (b"", part)], LIMITS) is not None

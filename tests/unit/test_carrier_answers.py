"""F2: a carrier's 429 is tried again, but not before the time that its Retry-After names."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.carriers.answers import DEFAULT_RETRY_AFTER, MAX_RETRY_AFTER, retry_after

NOW = 1_772_445_600  # 2026-03-02T10:00:00Z
HALF_PAST = "Mon, 02 Mar 2026 10:30:00 GMT"
LATER = "Mon, 02 Mar 2026 10:20:00 GMT"  # the carrier's clock may be another than ours
DAY = 86_400


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("17", None, 17),
        ("0", None, 0),
        ("7200", None, 7200),
        ("007200", None, 7200),
        ("1.5", None, 1.5),
        ("90.5", None, 90.5),
        (str(DAY), None, DAY),
        (str(DAY + 1), None, DAY),  # a mistake
        ("9" * 400, None, DAY),
        (HALF_PAST, None, 1800),  # by our own clock
        (HALF_PAST, LATER, 600),
        (HALF_PAST, "today", 1800),
        (HALF_PAST, HALF_PAST, DEFAULT_RETRY_AFTER),
        (LATER, HALF_PAST, DEFAULT_RETRY_AFTER),  # over already
        ("Monday, 02-Mar-26 10:30:00 GMT", None, 1800),  # the older forms of RFC 9110, 5.6.7
        ("Mon Mar  2 10:30:00 2026", None, 1800),
        ("Mon, 02 Mar 2026 12:30:00 +0200", None, 1800),
        ("Sun, 01 Mar 2026 09:00:00 GMT", None, DEFAULT_RETRY_AFTER),
        ("Wed, 01 Apr 2026 10:00:00 GMT", None, DAY),
        *(
            (unreadable, None, DEFAULT_RETRY_AFTER)
            for unreadable in ("", "soon", "-5", "1e3", "٣", "5 s", "nan")
        ),
        ("Mon, 02 Mar 99999999999999999999 10:30:00 GMT", None, DEFAULT_RETRY_AFTER),
        ("Mon, 32 Mar 2026 10:30:00 GMT", None, DEFAULT_RETRY_AFTER),
    ],
)
def test_f2_not_before_what_retry_after_says(value: str, date: str | None, seconds: float) -> None:
    headers = {"retry-after": value} | ({} if date is None else {"date": date})
    assert retry_after(headers, lambda: NOW) == seconds


def test_f2_without_one_the_wait_is_short() -> None:
    assert retry_after({}, lambda: NOW) == DEFAULT_RETRY_AFTER


@given(st.text(max_size=40), st.text(max_size=40))
def test_f2_no_header_makes_us_fail(value: str, date: str) -> None:
    seconds = retry_after({"retry-after": value, "date": date}, lambda: NOW)
    assert math.isfinite(seconds)
    assert 0 <= seconds <= MAX_RETRY_AFTER

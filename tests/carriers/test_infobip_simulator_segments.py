"""The simulated Infobip counts segments on its own, so that ours can be checked against it."""

import pytest

from local.carrier.segments import measure

SEGMENTS = [
    ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3),
    ("€" + "a" * 158, 1), ("€" + "a" * 159, 2), ("a" * 152 + "€" * 77, 3), ("a" * 152 + "€" * 76, 2),
    ("Á" * 70, 1), ("Á" * 71, 2), ("ğ" * 134, 2), ("ğ" * 135, 3),
    ("😜" + "a" * 68, 1), ("😜" + "a" * 69, 2), ("😜" + "a" * 133, 3), ("😀" + "]" * 68, 1),
    ("🇮🇹" + "a" * 66, 1), ("🇮🇹" + "a" * 67, 2), ("a" * 66 + "😜" * 34, 3),
]  # fmt: skip


@pytest.mark.parametrize(("text", "segments"), SEGMENTS)
def test_segments_are_counted_as_the_phones_do(text: str, segments: int) -> None:
    assert measure(text).segments == segments

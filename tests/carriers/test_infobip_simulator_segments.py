"""The simulated Infobip counts segments on its own, so that ours can be checked against it."""

import pytest

from local.carrier.segments import Language, measure

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


SINGLE, LOCKING, BOTH = Language(True, False), Language(False, True), Language(True, True)
TURKISH = [
    (SINGLE, "a" * 155, 1), (SINGLE, "a" * 156, 2), (SINGLE, "a" * 298, 2), (SINGLE, "a" * 299, 3),
    (SINGLE, "ş" * 77, 1), (SINGLE, "ş" * 78, 2), (SINGLE, "ş" * 148, 2), (SINGLE, "ş" * 149, 3),
    (SINGLE, "ö" * 155, 1), (SINGLE, "ğ" + "€" + "a" * 151, 1), (SINGLE, "ğ" + "€" + "a" * 152, 2),
    (SINGLE, "è" * 155, 1), (SINGLE, "â" * 70, 1), (SINGLE, "â" * 71, 2),
    (LOCKING, "ş" * 155, 1), (LOCKING, "ş" * 156, 2), (LOCKING, "ş" * 298, 2), (LOCKING, "ş" * 299, 3),
    (LOCKING, "ş" * 447, 3), (LOCKING, "ş" * 448, 4), (LOCKING, "ş" * 1043, 7), (LOCKING, "ş" * 1044, 8),
    (LOCKING, "€" * 155, 1), (LOCKING, "[" * 77, 1), (LOCKING, "[" * 78, 2),
    (LOCKING, "è" * 70, 1), (LOCKING, "è" * 71, 2),
    (BOTH, "ş" * 152, 1), (BOTH, "ş" * 153, 2), (BOTH, "ş" * 292, 2), (BOTH, "ş" * 293, 3), (BOTH, "[" * 76, 1),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "segments"), TURKISH)
def test_national_tables_take_their_room_from_every_part(
    language: Language, text: str, segments: int
) -> None:
    assert measure(text, language).segments == segments

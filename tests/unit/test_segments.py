"""How many segments a text takes on the air [E2].

Vectors of Twilio's segment calculator, and the tables of 3GPP TS 23.038 in an independent slow count.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.segments import COUNTERS, Encoding, count, outside
from local.carrier import segments as carrier

# 3GPP TS 23.038 §6.2.1 as it is printed there: a row for each low nibble, a column for each high one.
BASIC_TABLE = (
    "@Δ 0¡P¿p",
    "£_!1AQaq",
    '$Φ"2BRbr',
    "¥Γ#3CScs",
    "èΛ¤4DTdt",
    "éΩ%5EUeu",
    "ùΠ&6FVfv",
    "ìΨ'7GWgw",
    "òΣ(8HXhx",
    "ÇΘ)9IYiy",
    "\nΞ*:JZjz",
    "Ø +;KÄkä",  # column 1 is the escape to the extension table, not a character
    "øÆ,<LÖlö",
    "\ræ-=MÑmñ",
    "Åß.>NÜnü",
    "åÉ/?O§oà",
)
EXTENSION_TABLE = "\f^{}\\[~]|€"  # §6.2.1.1
BASIC = frozenset("".join(BASIC_TABLE))


def test_the_standard_has_127_basic_characters_and_ten_extensions() -> None:
    assert (len(BASIC), len(EXTENSION_TABLE)) == (127, 10)


def walked(text: str) -> tuple[str, int, int]:
    """Character by character: each goes into the part that is open, or opens the next one."""
    if all(character in BASIC or character in EXTENSION_TABLE for character in text):
        encoding, single, part = "gsm7", 160, 153
        costs = [1 if character in BASIC else 2 for character in text]
    else:
        encoding, single, part = "ucs2", 70, 67
        costs = [2 if ord(character) > 0xFFFF else 1 for character in text]
    parts, used = 1, 0
    for cost in costs:
        if used + cost > part:
            parts, used = parts + 1, 0
        used += cost
    units = sum(costs)
    return encoding, units, 1 if units <= single else parts


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 307, 3),
        ("😜" + "a" * 68, 1),
        ("😜" + "a" * 69, 2),
        ("😜" + "a" * 133, 3),
        ("🇮🇹" + "a" * 66, 1),
        ("🇮🇹" + "a" * 67, 2),
        ("🏳️‍🌈" + "a" * 64, 1),
        ("🏳️‍🌈" + "a" * 65, 2),
        *((extension + "a" * 158, 1) for extension in EXTENSION_TABLE),
        *((extension + "a" * 159, 2) for extension in EXTENSION_TABLE),
        *((accented * 70, 1) for accented in "ÁÚúçíÍóÓ"),
        *((accented * 71, 2) for accented in "ÁÚúçíÍóÓ"),
        ("😀" + "]" * 68, 1),
        ("😀" + "]" * 69, 2),
    ],
)
def test_the_field_s_vectors(text: str, segments: int) -> None:
    assert count(text).segments == segments


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "gsm7", 0, 1),
        ("a", "gsm7", 1, 1),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 459, "gsm7", 459, 3),
        ("a" * 460, "gsm7", 460, 4),
        ("a" * 1071, "gsm7", 1071, 7),
        ("€" * 80, "gsm7", 160, 1),
        ("€" * 81, "gsm7", 162, 2),
        ("a" * 152 + "€" + "a" * 6, "gsm7", 160, 1),
        ("Ğ", "ucs2", 1, 1),
        ("`", "ucs2", 1, 1),
        ("\x1b", "ucs2", 1, 1),
        ("\t", "ucs2", 1, 1),
        ("\u00a0", "ucs2", 1, 1),
        ("ş" * 70, "ucs2", 70, 1),
        ("ş" * 71, "ucs2", 71, 2),
        ("ş" * 134, "ucs2", 134, 2),
        ("ş" * 135, "ucs2", 135, 3),
        ("ş" * 201, "ucs2", 201, 3),
        ("ş" * 469, "ucs2", 469, 7),
        ("😀" * 35, "ucs2", 70, 1),
        ("😀" * 36, "ucs2", 72, 2),
    ],
)
def test_the_boundaries_of_both_encodings(text: str, encoding: str, units: int, segments: int) -> None:
    assert count(text) == (encoding, units, segments)


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("a" * 151 + "€" + "a" * 153, 306, 2),
        ("a" * 152 + "€" + "a" * 152, 306, 3),  # the escape would end part 1, so part 1 ends short
        ("a" * 152 + "€" + "a" * 151, 305, 2),
        ("€" * 152, 304, 2),  # 76 whole pairs in each part, one septet free
        ("€" * 153, 306, 3),
        ("a" * 152 + "€" + "a" * 150 + "€" + "a" * 152, 458, 4),
        ("a" * 152 + "€" + "a" * 150 + "€" + "a" * 151, 457, 3),
    ],
)
def test_no_segment_splits_an_escape_from_its_character(text: str, units: int, segments: int) -> None:
    assert count(text) == ("gsm7", units, segments)


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("ş" * 65 + "😀" + "ş" * 67, 134, 2),
        ("ş" * 66 + "😀" + "ş" * 66, 134, 3),  # the pair would be split, so part 1 ends short
        ("ş" * 66 + "😀" + "ş" * 65, 133, 2),
        ("😀" * 66, 132, 2),
        ("😀" * 67, 134, 3),
        ("\ud83d" * 70, 70, 1),  # a half of a pair alone is one unit, as it would be sent
        ("\ud83d" * 134, 134, 2),
    ],
)
def test_no_segment_splits_a_surrogate_pair(text: str, units: int, segments: int) -> None:
    assert count(text) == ("ucs2", units, segments)


def test_every_character_of_the_standard_is_gsm7_and_no_other() -> None:
    for code in range(0x10000):
        character = chr(code)
        expected = "gsm7" if character in BASIC or character in EXTENSION_TABLE else "ucs2"
        assert count(character).encoding == expected, hex(code)


PLAIN = st.sampled_from(sorted(BASIC))
ESCAPED = st.sampled_from(EXTENSION_TABLE)
OUTSIDE = st.sampled_from("ğışĞİŞçâ`\u200d\ufe0f😀🇹")


def runs(*kinds: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts in runs, long enough to put any character at the end of a part."""
    run = st.builds(
        str.__mul__, st.one_of(*kinds), st.sampled_from([1, 1, 1, 2, 30, 65, 66, 150, 151, 152, 153])
    )
    return st.lists(run, max_size=12).map("".join)


@given(st.one_of(runs(PLAIN), runs(PLAIN, ESCAPED), runs(PLAIN, ESCAPED, OUTSIDE), st.text()))
def test_the_count_equals_a_walk_over_the_characters(text: str) -> None:
    assert count(text) == walked(text)


@given(runs(PLAIN, ESCAPED, OUTSIDE), PLAIN | ESCAPED | OUTSIDE)
def test_a_longer_text_never_takes_fewer_segments(text: str, more: str) -> None:
    assert count(text).segments <= count(text + more).segments


# 3GPP TS 23.038 A.3.1, as BASIC_TABLE; and A.2.1 beyond EXTENSION_TABLE
TURKISH_TABLE = (
    "@Δ 0İPçp",
    "£_!1AQaq",
    '$Φ"2BRbr',
    "¥Γ#3CScs",
    "€Λ¤4DTdt",
    "éΩ%5EUeu",
    "ùΠ&6FVfv",
    "ıΨ'7GWgw",
    "òΣ(8HXhx",
    "ÇΘ)9IYiy",
    "\nΞ*:JZjz",
    "Ğ +;KÄkä",  # column 1 is the escape
    "ğŞ,<LÖlö",
    "\rş-=MÑmñ",
    "Åß.>NÜnü",
    "åÉ/?O§oà",
)
TURKISH_BASIC = frozenset("".join(TURKISH_TABLE))
TURKISH_ESCAPED = EXTENSION_TABLE + "ĞİŞçğış"
TURKISH = {
    Encoding.TURKISH_SINGLE: (BASIC, TURKISH_ESCAPED, 155, 149),
    Encoding.TURKISH_LOCKING: (TURKISH_BASIC, EXTENSION_TABLE, 155, 149),
    Encoding.TURKISH_BOTH: (TURKISH_BASIC, TURKISH_ESCAPED, 152, 146),
}


def walked_turkish(text: str, encoding: Encoding) -> tuple[str, int, int]:
    """As `walked`: a text that GSM-7 doesn't hold may go by the national tables."""
    basic, escaped, single, part = TURKISH[encoding]
    if walked(text)[0] == "gsm7" or not all(each in basic or each in escaped for each in text):
        return walked(text)
    costs = [1 if character in basic else 2 for character in text]
    parts, used = 1, 0
    for cost in costs:
        if used + cost > part:
            parts, used = parts + 1, 0
        used += cost
    return encoding.value, sum(costs), 1 if sum(costs) <= single else parts


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        (Encoding.TURKISH_SINGLE, "ş" * 77, ("turkish_single", 154, 1)),
        (Encoding.TURKISH_SINGLE, "ş" * 77 + "a", ("turkish_single", 155, 1)),
        (Encoding.TURKISH_SINGLE, "ş" * 78, ("turkish_single", 156, 2)),
        (Encoding.TURKISH_SINGLE, "ş" + "a" * 153, ("turkish_single", 155, 1)),
        (Encoding.TURKISH_SINGLE, "ş" + "a" * 296, ("turkish_single", 298, 2)),
        (Encoding.TURKISH_SINGLE, "ş" + "a" * 297, ("turkish_single", 299, 3)),
        (Encoding.TURKISH_SINGLE, "a" * 148 + "ş" + "a" * 148, ("turkish_single", 298, 3)),
        (Encoding.TURKISH_SINGLE, "a" * 148 + "ş" + "a" * 147, ("turkish_single", 297, 2)),
        (Encoding.TURKISH_SINGLE, "öüÖÜÇ" * 32, ("gsm7", 160, 1)),
        (Encoding.TURKISH_SINGLE, "â" + "ş" * 69, ("ucs2", 70, 1)),
        (Encoding.TURKISH_LOCKING, "ş" * 155, ("turkish_locking", 155, 1)),
        (Encoding.TURKISH_LOCKING, "ş" * 156, ("turkish_locking", 156, 2)),
        *(
            (Encoding.TURKISH_LOCKING, "ğ" * length, ("turkish_locking", length, parts))
            for parts, length in enumerate((155, 298, 447, 596, 745, 894, 1043), 1)  # as Verimor bills
        ),
        (Encoding.TURKISH_LOCKING, "ç€" * 77, ("turkish_locking", 154, 1)),
        (Encoding.TURKISH_LOCKING, "ş" * 148 + "[" + "ş" * 148, ("turkish_locking", 298, 3)),
        (Encoding.TURKISH_LOCKING, "a" * 160, ("gsm7", 160, 1)),
        (Encoding.TURKISH_LOCKING, "şè" * 35, ("ucs2", 70, 1)),
        (Encoding.TURKISH_BOTH, "ş" * 152, ("turkish_both", 152, 1)),
        (Encoding.TURKISH_BOTH, "ş" * 153, ("turkish_both", 153, 2)),
        (Encoding.TURKISH_BOTH, "ş" * 292, ("turkish_both", 292, 2)),
        (Encoding.TURKISH_BOTH, "ş" * 293, ("turkish_both", 293, 3)),
        (Encoding.UCS2, "a" * 70, ("ucs2", 70, 1)),
        (Encoding.UCS2, "a" * 71, ("ucs2", 71, 2)),
        (Encoding.UCS2, "", ("ucs2", 0, 1)),
    ],
)
def test_the_encoding_that_was_chosen_decides(
    encoding: Encoding, text: str, expected: tuple[str, int, int]
) -> None:
    assert COUNTERS[encoding](text) == expected


@given(st.sampled_from(sorted(TURKISH)), runs(PLAIN, ESCAPED, st.sampled_from("ğışĞİŞç"), st.just("è")))
def test_turkish_counts_equal_a_walk_over_the_characters(encoding: Encoding, text: str) -> None:
    assert COUNTERS[encoding](text) == walked_turkish(text, encoding)


LANGUAGES = {
    "turkish_single": carrier.Language(single_shift=True, locking_shift=False),
    "turkish_locking": carrier.Language(single_shift=False, locking_shift=True),
    "turkish_both": carrier.Language(single_shift=True, locking_shift=True),
}


@given(st.sampled_from(sorted({*TURKISH, Encoding.GSM})), runs(PLAIN, ESCAPED, OUTSIDE))
def test_the_simulated_carrier_bills_what_we_count(encoding: Encoding, text: str) -> None:
    counted = COUNTERS[encoding](text)
    assert carrier.measure(text, LANGUAGES.get(counted.encoding)).segments == counted.segments


@pytest.mark.parametrize(
    ("encoding", "text", "to_blame"),
    [
        (Encoding.GSM, "Hello €", []),
        (Encoding.GSM, "ş “ş” 😀", ["ş", "“", "”", "😀"]),
        (Encoding.TURKISH_SINGLE, "ş “ş”", ["“", "”"]),
        (Encoding.TURKISH_LOCKING, "è", []),
        (Encoding.TURKISH_LOCKING, "è ş", ["è"]),
        (Encoding.UCS2, "😀", []),
    ],
)
def test_the_characters_that_cost_the_7_bit_alphabet_are_named(
    encoding: Encoding, text: str, to_blame: list[str]
) -> None:
    assert outside(text, encoding) == to_blame

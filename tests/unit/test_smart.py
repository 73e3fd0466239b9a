"""Smart encoding [E4]."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.segments import COUNTERS, HELD, Encoding
from kabar.domain.smart import plain, replaced

TEXTS = st.one_of(st.text(), st.text("“”’–…ışĞçèé€[\u0301\u0327\u200dâ😀ﬁ½ab\t`Жñ"))
CHOICES = st.sampled_from(list(Encoding))


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        (Encoding.GSM, "“Hi” – it’s 5 € … «now»", '"Hi" - it\'s 5 € ... "now"'),
        (Encoding.GSM, "Ayşe Çelik ığıl İzmir", "Ayse Çelik igil Izmir"),
        (Encoding.TURKISH_SINGLE, "“Ayşe” ığıl", '"Ayşe" ığıl'),
        (Encoding.TURKISH_LOCKING, "“è”", '"è"'),  # GSM-7 holds what is left
        (Encoding.TURKISH_LOCKING, "“è” ş", '"e" ş'),
        (Encoding.GSM, "Crème brûlée, Łódź, Øre, œuf", "Crème brulée, Lódz, Øre, oeuf".replace("ó", "o")),
        (Encoding.GSM, "ﬁne ½ № ™ ｆｕｌｌ", "fine 1/2 No TM full"),
        (Encoding.GSM, "soft\u00adhy\u200bphen a\u00a0b", "softhyphen a b"),
        (Encoding.GSM, "s\u0327 e\u0301", "s é"),
        (Encoding.GSM, "Привет", "Привет"),
        (Encoding.GSM, "😀 “x” ❤️", '😀 "x" ❤️'),
        (Encoding.UCS2, "“x”", "“x”"),
    ],
)
def test_what_has_a_plain_equivalent_gets_it(encoding: Encoding, text: str, expected: str) -> None:
    assert plain(text, encoding) == expected


def test_what_was_replaced_is_listed_with_how_often() -> None:
    assert replaced("“a” – “b” s\u0327", Encoding.GSM) == {
        ("“", '"'): 2,
        ("”", '"'): 2,
        ("–", "-"): 1,
        ("s\u0327", "s"): 1,
    }
    assert not replaced("é € [a]", Encoding.GSM)


@given(TEXTS, CHOICES)
def test_the_list_says_all_that_changed(text: str, encoding: Encoding) -> None:
    steps = replaced(text, encoding)
    assert (plain(text, encoding) == text) == (not steps)
    marks = range(0x300, 0x370)
    if not any(ord(character) in marks for character in text):
        table = str.maketrans(dict(steps.keys()))
        assert text.translate(table) == plain(text, encoding)


@given(TEXTS, CHOICES)
def test_again_changes_nothing(text: str, encoding: Encoding) -> None:
    once = plain(text, encoding)
    assert plain(once, encoding) == once


@given(TEXTS, CHOICES.filter(lambda encoding: encoding is not Encoding.UCS2))
def test_a_text_in_a_7_bit_alphabet_stays_as_it_is(text: str, encoding: Encoding) -> None:
    held = "".join(character for character in text if character in HELD[encoding])
    assert plain(held, encoding) == held
    assert COUNTERS[encoding](held).encoding != "ucs2"


def test_equivalents_are_in_the_alphabet() -> None:
    for encoding in HELD:
        for code in (*range(0x20, 0xD800), *range(0xE000, 0x10000)):
            old = chr(code)
            new = plain(old, encoding)
            assert new == old or COUNTERS[encoding](new).encoding != "ucs2", unicodedata.name(old, hex(code))

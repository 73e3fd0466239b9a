"""What a reply answers [I2], whether it is an opt-out [I3], and what it leaves [I4]."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.replies import (
    OPEN_FOR_REPLIES,
    OPT_OUT_WORDS,
    Sent,
    answered,
    is_opt_out,
    list_to_leave,
)

WIDE = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
AROUND = st.text(st.sampled_from(" \t\r\n\u00a0\u200b.,;:!?¡¿*\"'()[]{}-–—_/\\#…«»👍🛑"), max_size=6)


def in_other_letters(word: str) -> list[str]:
    """The same word as other keyboards, phones and languages write it."""
    turkish_lower = word.replace("I", "ı").replace("İ", "i").lower()
    turkish_upper = word.lower().replace("i", "İ").replace("ı", "I").upper()
    return [
        word,
        word.lower(),
        word.upper(),
        word.capitalize(),
        word.swapcase(),
        turkish_lower,
        turkish_upper,
        "".join(WIDE.get(letter, letter) for letter in word),
        unicodedata.normalize("NFD", word),
        unicodedata.normalize("NFKD", word.lower()),
    ]


@pytest.mark.parametrize("word", OPT_OUT_WORDS)
def test_an_opt_out_word_counts_however_it_is_written(word: str) -> None:
    assert [variant for variant in in_other_letters(word) if not is_opt_out(variant)] == []


@pytest.mark.parametrize(
    "text", ["İPTAL", "iptal", "IPTAL", "ıptal", " Stop.", "STOP!!", "ＳＴＯＰ", "I\u0307PTAL", "i\u0307ptal"]
)
def test_keyword_variants_are_one_match(text: str) -> None:
    """F23"""
    assert is_opt_out(text)


@pytest.mark.parametrize(
    "text", ["ARRÊT", "arrêt", "“Stop”", "stop\u200b", "STOP 🛑", "Opt out", "opt – out", "stop\r\n"]
)
def test_accents_quotes_emoji_and_invisible_characters_do_not_hide_an_opt_out(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    [
        *("don't stop", "we must stop this bill", "stop it", "please stop", "STOP STOP", "nonstop", "stopp"),
        *("", " ", "!!", "s t o p", "0", "yes", "the end", "batal deh", "İptal etmeyin", "stop1", "ST OP"),
    ],
)
def test_a_text_that_merely_contains_the_word_is_no_opt_out(text: str) -> None:
    """F23"""
    assert not is_opt_out(text)


@given(st.sampled_from(OPT_OUT_WORDS), AROUND, AROUND, st.randoms(use_true_random=False))
def test_punctuation_and_spaces_around_and_any_case_never_matter(
    word: str, before: str, after: str, random: Any
) -> None:
    mixed = "".join(random.choice([letter.lower(), letter.upper()]) for letter in word)
    assert is_opt_out(before + mixed + after)


@given(st.sampled_from(OPT_OUT_WORDS), st.text(st.sampled_from("abcçdeğöşüzABC019"), min_size=1, max_size=8))
def test_another_word_beside_it_makes_it_a_sentence(word: str, other: str) -> None:
    assert not is_opt_out(f"{word} {other}")
    assert not is_opt_out(f"{other}, {word}")


@given(st.text(max_size=60))
def test_any_text_can_be_judged_and_its_normal_forms_are_judged_alike(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert len({is_opt_out(form) for form in [text, *forms]}) == 1


def fact(message: int, status: str = "submitted", **attributes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"sk": f"out#{message:016d}#{status}", "at": message, "sender": "3774"}
    return row | {"campaign": message * 10, "list": 7, "chunk": 0, "pos": 1} | attributes


def test_a_reply_answers_the_newest_message_by_the_time_it_was_sent() -> None:
    paused_campaign, later_planned = fact(1, at=900), fact(2, at=800)
    sent = answered([later_planned, paused_campaign], "3774", everything)
    assert sent == Sent(message=1, at=900, campaign=10, list=7, chunk=0, pos=1)


@pytest.mark.parametrize(
    ("sender", "to", "same"),
    [
        ("3774", "3774", True),
        ("+3774", "3774", True),
        ("+642108123", "642108123", True),
        ("642108123", "+642108123", True),
        ("3774", "3775", False),
        ("3774", "64213774", False),
        ("KABAR", "3774", False),
        ("KABAR", "KABAR", False),
        ("Shop24", "24", False),
        ("3774", "", False),
        ("", "", False),
    ],
)
def test_a_reply_answers_only_messages_from_the_number_it_was_sent_to(
    sender: str, to: str, same: bool
) -> None:
    assert (answered([fact(1, sender=sender)], to, everything) is not None) is same


def everything(_: Sent) -> bool:
    return True


def test_a_message_that_was_never_handed_over_is_not_what_is_answered() -> None:
    """A campaign that was stopped after its facts were written; the one before it is answered."""
    sent = answered([fact(1, at=5), fact(2, at=9)], "3774", lambda sent: sent.message != 2)
    assert sent
    assert sent.message == 1


def test_a_refused_message_reached_nobody_and_is_not_what_is_answered() -> None:
    facts = [fact(2), fact(2, "rejected", code="6/0"), fact(1), fact(1, "received", via="receipt")]
    sent = answered(facts, "3774", everything)
    assert sent
    assert sent.message == 1


def test_no_message_from_that_number_is_answered_by_none() -> None:
    assert answered([], "3774", everything) is None
    assert answered([fact(1, "suppressed", reason=1)], "3774", everything) is None


def never(_: int) -> int | None:
    raise AssertionError("a young message needs no look at its campaign")


@pytest.mark.parametrize(
    ("sent_at", "ended_at", "tied"),
    [
        (-OPEN_FOR_REPLIES, never, True),
        (-OPEN_FOR_REPLIES - 1, lambda _: None, True),
        (-OPEN_FOR_REPLIES - 1, lambda _: -OPEN_FOR_REPLIES, True),
        (-OPEN_FOR_REPLIES - 1, lambda _: -OPEN_FOR_REPLIES - 1, False),
        (-OPEN_FOR_REPLIES - 1, lambda _: 0, True),
    ],
)
def test_an_opt_out_leaves_the_list_until_the_campaign_closes_for_replies(
    sent_at: int, ended_at: Callable[[int], int | None], tied: bool
) -> None:
    sent = Sent(message=1, at=sent_at, campaign=10, list=7, chunk=0, pos=1)
    assert list_to_leave(sent, 0, ended_at) == (7 if tied else None)


def test_an_opt_out_that_answers_no_message_of_a_list_leaves_none() -> None:
    assert list_to_leave(None, 0, never) is None
    assert list_to_leave(Sent(1, 0, None, None, None, None), 0, never) is None

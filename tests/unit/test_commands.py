"""Which replies are commands [I3]."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.commands import (
    OFF_WORDS,
    OPT_IN_WORDS,
    OPT_OUT_WORDS,
    Means,
    command_in,
    commands_of,
    folded,
    standard,
)

WIDE = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
AROUND = st.text(st.sampled_from(" \t\r\n\u00a0\u200b.,;:!?¡¿*\"'()[]{}-–—_/\\#…«»👍🛑"), max_size=6)
MANDATED = "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT OPT-OUT REMOVE TD ARRET RET IPTAL BERHENTI"


def means(text: str, settings: dict[str, Any] | None = None) -> str | None:
    command = command_in(text, commands_of(settings or {}))
    return command.means.value if command else None


def is_opt_out(text: str) -> bool:
    return means(text) == "opt_out"


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


@pytest.mark.parametrize("word", [*OPT_OUT_WORDS, *MANDATED.split(), "BATAL", "TIDAK"])
def test_an_opt_out_word_counts_however_it_is_written(word: str) -> None:
    assert [variant for variant in in_other_letters(word) if not is_opt_out(variant)] == []


@pytest.mark.parametrize("word", OPT_IN_WORDS)
def test_a_start_word_counts_however_it_is_written(word: str) -> None:
    assert {means(variant) for variant in in_other_letters(word)} == {"opt_in"}


@pytest.mark.parametrize("word", OFF_WORDS)
def test_a_word_that_answers_questions_starts_nothing_until_it_is_switched_on(word: str) -> None:
    assert means(word) is None
    on = {"commands": {folded(word): {"word": word, "means": "opt_in", "enabled": True}}}
    assert means(word, on) == "opt_in"


@pytest.mark.parametrize(
    "text", ["İPTAL", "iptal", "IPTAL", "ıptal", " Stop.", "STOP!!", "ＳＴＯＰ", "I\u0307PTAL", "i\u0307ptal"]
)
def test_f23_keyword_variants_are_one_match(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "ARRÊT",
            "arrêt",
            "“Stop”",
            "stop\u200b",
            "STOP 🛑",
            "🛑stop🛑",
            "Opt out",
            "opt – out",
            "stop\r\n",
        ),
        *(
            "STOP ALL",
            "stop-all",
            "STOPALL",
            "Stop 🙏🏽",
            "<STOP>",
            "*STOP*",
            "'stop'",
            "¡STOP!",
            "S\u0301TOP",
        ),
        *(
            "𝐒𝐓𝐎𝐏",
            "ⓈⓉⓄⓅ",
            "🆂🆃🅾🅿",
            "🅢🅣🅞🅟",
            "STOP\u3164",
            "St\u00f6p",
            "stop\ufe0f",
            "stop\u00ad",
            "\u202estop\u202c",
            "Désabonner",
            "στοπ",
            "Стоп!",
        ),
        *(
            "退订",
            "退訂。",
            "إيقاف",
            "إيقــاف",
            "تَوَقَّف",
            "הסר.",
            "ยกเลิก",
            "수신거부",
            "(ret)",
            "Ret…",
            "tıdak",
            "BERHENTİ",
        ),
    ],
)
def test_accents_quotes_emoji_and_invisible_characters_do_not_hide_an_opt_out(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize("text", ["STOP STOP", "stop, stop, STOP!!!", "stop all. STOP ALL", "Tidak! Tidak!"])
def test_saying_it_several_times_is_saying_it(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "don't stop",
            "we must stop this bill",
            "stop it",
            "please stop",
            "nonstop",
            "stopp it",
            "unstoppable",
        ),
        *(
            "",
            " ",
            "!!",
            "s t o p",
            "0",
            "yes",
            "the end",
            "batal deh",
            "İptal etmeyin",
            "stop1",
            "ST OP",
            "st",
        ),
        # several of the words that mean something else together
        *("tidak berhenti", "tidak batal", "Tidak, batal", "stop end", "ret iptal etme", "cancel? no, don't"),
        *("Toplantı iptal oldu mu?", "Ret cevabı aldım", "Iptal etmek istemiyorum", "Son durak neresi?"),
        *(
            "Saya tidak bisa datang",
            "Jangan berhenti di sini",
            "Acara batal?",
            "arrête de crier",
            "Arrêt de bus",
        ),
        *(
            "Wann endet das Angebot?",
            "Bitte nicht stoppen",
            "¿Cuándo termina la baja?",
            "La película fue un stop",
        ),
        *(
            "不要退订",
            "اين موقف الحافلة",
            "ไม่ยกเลิก",
            "Не стоп",
            "Cancel my appointment on Monday",
            "remove me from what?",
        ),
        *(
            "Stop by at 5?",
            "Full stop",
            "END OF MONTH",
            "Quit smoking program",
            "to do: TD bank",
            "1. stop 2. go",
        ),
        "STOP" + " " * 5_000 + "this bill",
    ],
)
def test_f23_a_text_that_merely_contains_the_word_is_no_opt_out(text: str) -> None:
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
    assert len({folded(form) for form in [text, *forms]}) == 1


@given(st.text(max_size=60))
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    "text", ["stop " * 2_000, "x" * 10_000, "stop all " * 1_000 + "x", "\u0301" * 10_000]
)
def test_a_long_text_is_no_command(text: str) -> None:
    assert means(text) is None


def test_a_workspace_switches_words_off_and_adds_its_own() -> None:
    off = {"word": "TIDAK", "means": "opt_out", "enabled": False}
    own = {"word": "KABAR RET", "means": "opt_out", "enabled": True}
    settings = {"commands": {"tidak": off, "kabar ret": own}}
    assert means("tidak", settings) is None
    assert means("tidak") == "opt_out"
    assert means("Kabar ret!", settings) == "opt_out"
    assert means("ret", settings) == "opt_out"
    assert means("kabar", settings) is None
    assert commands_of(settings)["kabar ret"].own
    assert not commands_of(settings)["tidak"].own


def test_no_two_standard_words_are_the_same_and_none_means_both() -> None:
    words = [*OPT_OUT_WORDS, *OPT_IN_WORDS, *OFF_WORDS]
    assert len(standard()) == len(words)
    assert {command.means for command in standard().values()} == set(Means)

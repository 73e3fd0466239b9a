"""A file is decoded right, or somebody is asked; never silent mojibake [D2]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.encodings import (
    CANDIDATES,
    EncodingUnsupported,
    FileRefused,
    as_utf8,
    evidence,
    preview,
    recognised,
)

TURKISH = "+905321234567,Ayşe Çağlar,Şükrü,İrem ığdır\n"


def utf8(data: bytes, encoding: str = "", size: int = 0) -> str:
    chunks = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    return b"".join(as_utf8(chunks, encoding)).decode()


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"], ids=lambda each: f"f33 {each}"
)
def test_f33_unicode_is_read_with_and_without_a_mark(encoding: str, size: int) -> None:
    assert utf8(TURKISH.encode(encoding), size=size) == TURKISH


@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\0"), min_size=20), st.integers(1, 9))
def test_any_utf_16_with_a_mark_is_read_whatever_the_chunks(text: str, size: int) -> None:
    assert utf8(("a" + text).encode("utf-16"), size=size) == "a" + text


def test_broken_utf_16_names_its_line() -> None:
    with pytest.raises(EncodingUnsupported) as error:
        utf8("\ufeffa\nb\n".encode("utf-16-le") + b"\x00\xd8a\x00")
    assert error.value.line == 3


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Ayşe Çağlar, Şükrü", "cp1254"),
        ("Ayşe Çağlar, Şükrü", "iso8859_9"),
        ("Ayşe Çağlar, Işık, ÖĞÜN İRİ", "cp857"),
        ("“Müller” – Straße", "cp1252"),
        ("François Bâtard, Noël", "cp1252"),
        ("Muñoz García", "cp1252"),
        ("Guðrún Þórsdóttir", "cp1252"),
        ("Åse Sjöström Ærø", "cp1252"),
    ],
)
def test_f33_an_8_bit_file_in_one_language_is_read_as_it_was_written(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    found = recognised(evidence([data]))
    assert found
    assert data.decode(found) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Ayþe", "cp1252"),  # or Ayşe
        ("Dvořák Jiří", "cp1250"),
        ("Wałęsa", "cp1250"),
        ("Иванов", "cp1251"),
        ("é č", "cp1250"),  # or é è
        ("陳大文", "gbk"),
        ("Göz", "cp857"),  # or G”z
    ],
)
def test_f33_whoever_could_mean_something_else_is_asked(text: str, encoding: str) -> None:
    assert recognised(evidence([text.encode(encoding)])) == ""


def test_f33_a_file_in_two_encodings_is_asked_about() -> None:
    assert recognised(evidence(["Şükrü\n".encode(), "Şükrü\n".encode("cp1254")])) == ""


def test_the_question_shows_the_first_lines_in_question_in_each_encoding() -> None:
    data = b"plain\n" * 9 + "Ayþe\n".encode("cp1252") * 9
    shown = preview(evidence([data]))
    assert shown["cp1254"] == ["Ayşe"] * 5
    assert shown["cp1252"] == ["Ayþe"] * 5
    assert set(shown) <= set(CANDIDATES)


def test_what_a_person_chose_is_taken() -> None:
    assert utf8("Ayşe\n".encode("cp1254"), "cp1254") == "Ayşe\n"
    with pytest.raises(EncodingUnsupported):
        utf8(b"a\n\x81", "cp1252")


@pytest.mark.parametrize(
    "start", [b"PK\x03\x04", b"\x1f\x8b\x08", b"Rar!\x1a", b"7z\xbc\xaf\x27\x1c", b"BZh9"]
)
def test_f37_archives_are_refused(start: bytes) -> None:
    with pytest.raises(FileRefused) as error:
        utf8(start + b"x" * 100)
    assert error.value.code == "file_is_archive"


@pytest.mark.parametrize("start", [b"\xd0\xcf\x11\xe0\xa1\xb1", b"%PDF-1.7", b"\x89PNG\r\n"])
def test_what_is_no_text_is_refused(start: bytes) -> None:
    with pytest.raises(FileRefused) as error:
        utf8(start + b"x" * 100)
    assert error.value.code == "file_no_text"

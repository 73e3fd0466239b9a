"""Placeholders in a message text [E1]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.text import UnknownPlaceholder, parse

SIX = ("Ayşe", "Kadıköy", "19:30", "B043", "€5", "https://kb.example/x")
PARAMS = st.lists(
    st.one_of(st.text(max_size=8), st.sampled_from(["%%1%%", "%%2%%", "%", "%%", ""])), max_size=8
)
# Made of the pieces that could confuse a parser; two digits never meet, so that no placeholder is unknown.
PIECES = st.sampled_from(["%", "%%", "1%", "2%%", "%%1%%", "%%2%%", "%%6%%", "a", " ", "ş"])
TEXTS = st.lists(PIECES).map("".join)


@pytest.mark.parametrize(
    ("text", "params", "merged"),
    [
        ("Hello", SIX, "Hello"),
        ("", SIX, ""),
        ("Hi %%1%%!", SIX, "Hi Ayşe!"),
        ("%%1%%%%2%%", SIX, "AyşeKadıköy"),
        ("%%6%% %%5%% %%4%% %%3%% %%2%% %%1%%", SIX, "https://kb.example/x €5 B043 19:30 Kadıköy Ayşe"),
        ("%%1%%, %%1%%", SIX, "Ayşe, Ayşe"),
        ("%%%1%%", ("20",), "%20"),
        ("%%1%%%", ("20",), "20%"),
        ("%%%1%%%", ("20",), "%20%"),
        ("%%%%1%%%%", ("20",), "%%20%%"),
        ("%%1%%2%%", ("a", "b"), "a2%%"),
        ("%%2%%1%%", ("a", "b"), "b1%%"),
        ("%1%", SIX, "%1%"),
        ("%%1%", SIX, "%%1%"),
        ("%% 1 %%", SIX, "%% 1 %%"),
        ("%%name%%", SIX, "%%name%%"),
        ("%%١%%", SIX, "%%١%%"),
        ("100%%", SIX, "100%%"),
        ("{0} \\1 %s $1 %%1%%", ("x",), "{0} \\1 %s $1 x"),
    ],
)
def test_f42_placeholders_are_filled_and_everything_else_stays(
    text: str, params: tuple[str, ...], merged: str
) -> None:
    assert parse(text).merge(params) == merged


@pytest.mark.parametrize(
    ("params", "merged"),
    [
        (("%%2%%", "b"), "%%2%%b"),
        (("%%1%%", "%%1%%"), "%%1%%%%1%%"),
        (("%", "%1%%"), "%%1%%"),
        (("\\g<2>", "\\2"), "\\g<2>\\2"),
    ],
)
def test_f42_a_param_is_inserted_literally_and_never_expanded(params: tuple[str, ...], merged: str) -> None:
    assert parse("%%1%%%%2%%").merge(params) == merged


@pytest.mark.parametrize(
    ("text", "placeholder", "position"),
    [
        ("%%7%%", "%%7%%", 0),
        ("Hi %%1%%, %%0%%", "%%0%%", 10),
        ("%%%8%%", "%%8%%", 1),
        ("ş %%9%% %%7%%", "%%9%%", 2),
        ("%%10%%", "%%10%%", 0),
        ("%%01%%", "%%01%%", 0),
    ],
)
def test_f42_a_placeholder_that_no_member_has_is_refused_with_its_position(
    text: str, placeholder: str, position: int
) -> None:
    with pytest.raises(UnknownPlaceholder, match=placeholder) as refused:
        parse(text)
    assert (refused.value.placeholder, refused.value.position) == (placeholder, position)


@pytest.mark.parametrize(
    ("params", "missing", "merged"),
    [
        (SIX, (), "Ayşe-19:30-B043-Ayşe"),
        ((), (1, 3, 4), "---"),
        (("Ayşe",), (3, 4), "Ayşe---Ayşe"),
        (("Ayşe", "", "", "x"), (3,), "Ayşe--x-Ayşe"),
        (("", "b", "c"), (1, 4), "-c--"),
        ((" ", "b", "c", "d"), (), " -c-d- "),
    ],
)
def test_a_missing_or_empty_param_is_named_and_merges_as_nothing(
    params: tuple[str, ...], missing: tuple[int, ...], merged: str
) -> None:
    template = parse("%%1%%-%%3%%-%%4%%-%%1%%")
    assert template.missing(params) == missing
    assert template.merge(params) == merged
    assert template.merge(list(params)) == merged


def test_the_placeholders_are_told_once_each_in_order() -> None:
    assert parse("%%4%% %%1%% %%4%% %%6%%").placeholders == (1, 4, 6)
    assert parse("no placeholder").placeholders == ()


def walked(text: str, params: list[str]) -> str:
    """The rule in slow motion: at each character, a placeholder or that character."""
    out, at = "", 0
    while at < len(text):
        if text[at : at + 2] == text[at + 3 : at + 5] == "%%" and text[at + 2] in "123456":
            number = int(text[at + 2])
            out += params[number - 1] if number <= len(params) else ""
            at += 5
        else:
            out += text[at]
            at += 1
    return out


@given(TEXTS, PARAMS)
def test_merging_equals_a_walk_over_the_text(text: str, params: list[str]) -> None:
    assert parse(text).merge(params) == walked(text, params)


@given(TEXTS, PARAMS)
def test_params_that_the_text_does_not_name_change_nothing(text: str, params: list[str]) -> None:
    template = parse(text)
    others = [value if n in template.placeholders else "other" for n, value in enumerate(params, 1)]
    assert template.merge(others) == template.merge(params)
    assert template.missing(others) == template.missing(params)

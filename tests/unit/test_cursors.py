"""Page cursors open where they were signed and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cursors import Cursors
from problems import Problem

KEY = Cursors(b"k" * 64)
TEXT = st.text(max_size=30)
SCOPES = st.lists(TEXT, max_size=3).map(tuple)


@given(scope=SCOPES, position=TEXT)
def test_a_cursor_leads_back_to_its_position(scope: tuple[str, ...], position: str) -> None:
    assert KEY.open(scope, KEY.sign(scope, position)) == position


@given(scope=SCOPES, other=SCOPES, position=TEXT)
def test_a_cursor_opens_in_its_own_listing_only(
    scope: tuple[str, ...], other: tuple[str, ...], position: str
) -> None:
    if scope != other:
        with pytest.raises(Problem):
            KEY.open(other, KEY.sign(scope, position))


@given(cursor=TEXT | st.text(st.characters(), max_size=30))
def test_no_other_text_is_a_cursor(cursor: str) -> None:
    with pytest.raises(Problem):
        KEY.open((), cursor)


@given(position=TEXT, at=st.integers(0, 100), char=st.sampled_from("ABCDwxyz01-_="))
def test_a_cursor_with_one_character_changed_is_none(position: str, at: int, char: str) -> None:
    cursor = KEY.sign(("acme",), position)
    at %= len(cursor)
    if cursor[at] != char:
        with pytest.raises(Problem):
            KEY.open(("acme",), cursor[:at] + char + cursor[at + 1 :])


def test_another_deployment_s_cursor_is_none() -> None:
    with pytest.raises(Problem):
        KEY.open(("acme",), Cursors(b"other" * 16).sign(("acme",), "5"))

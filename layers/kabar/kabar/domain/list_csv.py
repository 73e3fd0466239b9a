"""A list as CSV that no spreadsheet runs as a formula and that an import reads back as it was [C5].

Cells that a spreadsheet would run get an apostrophe in front (OWASP ASVS 1.2.10), and so do those that begin with
one, so that an import takes exactly one off again; the header says that this was done. Numbers stay as they are.
"""

import re
from collections.abc import Sequence

MARK = "kabar_mobile"
"""The first cell of a file whose params were quoted here."""

HEADER = [MARK, *(f"kabar_param{n}" for n in range(1, 7))]
_APOSTROPHE = "'"
# ASVS 1.2.10 names = + - @, tab and NUL; CR, LF and the full-width forms are run too
_RUN = frozenset("=+-@\t\r\n\0＝＋－＠")
_E164 = re.compile(r"\+[0-9]{7,15}")
_NEEDS_QUOTES = re.compile(r'[",;|\t\r\n]')  # of whatever delimiter a spreadsheet believes in


def header() -> str:
    """The first line, behind the byte order mark by which spreadsheets know UTF-8."""
    return "\ufeff" + ",".join(HEADER) + "\r\n"


def line(mobile: str, params: Sequence[str]) -> str:
    """One member, ended by CRLF (RFC 4180); as many cells as it has params."""
    return ",".join([mobile, *(cell(quoted(param)) for param in params)]) + "\r\n"


def quoted(text: str) -> str:
    """What a spreadsheet shows instead of running it; a number in international form as it is."""
    if text[:1] == _APOSTROPHE or (text[:1] in _RUN and text and not _E164.fullmatch(text)):
        return _APOSTROPHE + text
    return text


def unquoted(text: str) -> str:
    """What `quoted` was given."""
    return text[1:] if text[:1] == _APOSTROPHE else text


def cell(text: str) -> str:
    """A cell between commas."""
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text

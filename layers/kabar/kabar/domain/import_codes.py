"""Everything an import can say about a row or a file: a code, a sentence, and what to do about it [D3] [D5].

A row that isn't imported carries one of ROWS, a failed import one of IMPORTS. The sentences are in messages/, a
file a language; `changes` names what was done to a corrected number.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

LANGUAGES = ("en", "tr", "id")
_MESSAGES = Path(__file__).parent.parent / "messages"


class Explanation(NamedTuple):
    """What happened, and what to do about it."""

    sentence: str
    fix: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.fix}"


class Messages(NamedTuple):
    """The sentences of one language. A phrase holds its own names in braces."""

    rows: dict[str, Explanation]
    imports: dict[str, Explanation]
    phrases: dict[str, str]


@cache
def messages(language: str = "en") -> Messages:
    """The sentences in one of LANGUAGES, in English for any other."""
    known = language if language in LANGUAGES else "en"
    told = json.loads((_MESSAGES / f"imports.{known}.json").read_text(encoding="utf-8"))
    rows, imports = (
        {code: Explanation(**each) for code, each in told[which].items()} for which in ("rows", "imports")
    )
    return Messages(rows, imports, told["phrases"])


def failure_notice(language: str, file: str, code: str, import_id: str) -> tuple[str, str]:
    """(subject, text) of the mail about an import that failed [D6]."""
    told = messages(language)
    name = " ".join(file.split())  # a line end would end the subject
    subject = told.phrases["failure_subject"].format(file=name)
    return subject, told.phrases["failure_text"].format(
        subject=subject, reason=told.imports[code], import_id=import_id
    )


def explained(code: str, told: str, language: str = "", line: int = 0) -> Explanation:
    """Why an import failed, as it was `told`, in another `language`; without one, with the fix in that of `told`.

    `line` is where the file can't be read.
    """
    if code not in IMPORTS:
        return Explanation(told, "")
    if not language:
        same = [each for each in LANGUAGES if told.startswith(messages(each).imports[code].sentence)]
        return Explanation(told, messages(same[0] if same else "en").imports[code].fix)
    found = messages(language)
    where = " " + found.phrases["unreadable_line"].format(line=line) if line else ""
    return Explanation(found.imports[code].sentence + where, found.imports[code].fix)


def language_of(accept_language: str) -> str:
    """The language that a header `Accept-Language` likes best of those known, English when it likes none."""
    best, weight = "en", 0.0
    for each in accept_language.split(","):
        tag, _, parameters = each.partition(";")
        language = tag.strip().lower().partition("-")[0]
        try:
            liked = float(parameters.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if language in LANGUAGES and liked > weight:
            best, weight = language, liked
    return best


NUMBER_MISSING = "number_missing"
LETTERS = "letters"
DIGITS_LOST = "digits_lost"
TWO_VALUES = "two_values"
UNEXPECTED_CHARACTER = "unexpected_character"
FIRST_DIGIT_ZERO = "first_digit_zero"
TOO_SHORT = "too_short"
TOO_LONG = "too_long"
IMPLAUSIBLE = "implausible"
TOO_MANY_COLUMNS = "too_many_columns"
PARAM_TOO_LONG = "param_too_long"
NUL_CHARACTER = "nul_character"
NOT_A_NUMBER_CELL = "not_a_number_cell"
UNCLOSED_QUOTE = "unclosed_quote"
BAD_QUOTES = "bad_quotes"
ROW_TOO_LONG = "row_too_long"
DUPLICATE = "duplicate"

ENCODING_UNSUPPORTED = "encoding_unsupported"
FILE_IS_ARCHIVE = "file_is_archive"
FILE_NO_TEXT = "file_no_text"
FILE_TOO_LARGE = "file_too_large"
XLSX_TOO_LARGE = "xlsx_too_large"
XLSX_TOO_LONG = "xlsx_too_long"
XLSX_SUSPICIOUS = "xlsx_suspicious"
XLSX_UNREADABLE = "xlsx_unreadable"
FILE_EMPTY = "file_empty"
NO_ROWS = "no_rows"
NO_VALID_ROWS = "no_valid_rows"
OBJECT_MISSING = "object_missing"
LIST_NAME_INVALID = "list_name_invalid"
LIST_NAME_TAKEN = "list_name_taken"
TOO_MANY_LISTS = "too_many_lists"
LIST_GONE = "list_gone"
NO_SUCH_LIST = "no_such_list"
LIST_BUSY = "list_busy"
NOT_CONFIRMED = "not_confirmed"
NOT_DECIDED = "not_decided"
IMPORT_INTERRUPTED = "import_interrupted"

ROWS = messages().rows
IMPORTS = messages().imports

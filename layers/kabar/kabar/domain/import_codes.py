"""Everything an import can say about a row or a file: a code, a sentence, and what to do about it [D3] [D5].

A row that isn't imported carries one of ROWS, a failed import one of IMPORTS. `changes` names what was done
to a corrected number.
"""

from typing import NamedTuple


class Explanation(NamedTuple):
    """What happened, and what to do about it."""

    sentence: str
    fix: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.fix}"


NUMBER_MISSING = "number_missing"
LETTERS = "letters"
DIGITS_LOST = "digits_lost"
TWO_VALUES = "two_values"
UNEXPECTED_CHARACTER = "unexpected_character"
FIRST_DIGIT_ZERO = "first_digit_zero"
TOO_SHORT = "too_short"
TOO_LONG = "too_long"
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
XLSX_TOO_LARGE = "xlsx_too_large"
XLSX_TOO_LONG = "xlsx_too_long"
XLSX_SUSPICIOUS = "xlsx_suspicious"
XLSX_UNREADABLE = "xlsx_unreadable"
FILE_EMPTY = "file_empty"
NO_ROWS = "no_rows"
NO_VALID_ROWS = "no_valid_rows"
OBJECT_MISSING = "object_missing"
LIST_NAME_INVALID = "list_name_invalid"
LIST_GONE = "list_gone"
IMPORT_INTERRUPTED = "import_interrupted"

ROWS: dict[str, Explanation] = {
    NUMBER_MISSING: Explanation("The first column holds no number.", "Put the mobile number there."),
    LETTERS: Explanation("The number contains letters.", "Write it in digits."),
    DIGITS_LOST: Explanation(
        "A spreadsheet shortened the number, its last digits are lost.",
        "Format the column as text and enter the number again.",
    ),
    TWO_VALUES: Explanation("The cell holds more than one number.", "Give each number a row of its own."),
    UNEXPECTED_CHARACTER: Explanation(
        "The number contains a character that belongs in no number.", "Remove it."
    ),
    FIRST_DIGIT_ZERO: Explanation(
        "In international form the number would begin with 0.",
        "Write it with + and the country code, or add a prefix map.",
    ),
    TOO_SHORT: Explanation("The number has fewer than 7 digits.", "Complete it."),
    TOO_LONG: Explanation("The number has more digits than a number may have.", "Correct it."),
    TOO_MANY_COLUMNS: Explanation(
        "The row has an eighth column; a number and 6 params are the most.",
        "Remove what is too much, or put a text with commas in quotes.",
    ),
    PARAM_TOO_LONG: Explanation("A param is longer than 50 characters.", "Shorten it."),
    NUL_CHARACTER: Explanation("The row contains a NUL character.", "Save the file as CSV UTF-8 again."),
    NOT_A_NUMBER_CELL: Explanation(
        "The cell holds a date, a fraction or a logical value.", "Format it as text and enter the number."
    ),
    UNCLOSED_QUOTE: Explanation("A quote is opened and not closed.", "Close or remove it."),
    BAD_QUOTES: Explanation(
        "Text follows a closing quote.", "Write a quote inside a quoted cell twice, or remove it."
    ),
    ROW_TOO_LONG: Explanation("The row is longer than any row may be.", "Check where it should end."),
    DUPLICATE: Explanation("The same number came before.", "Nothing to do: the first one counts."),
}

IMPORTS: dict[str, Explanation] = {
    ENCODING_UNSUPPORTED: Explanation(
        "The file is not UTF-8 text.", "Save it as CSV UTF-8 and upload it again."
    ),
    FILE_IS_ARCHIVE: Explanation("The file is an archive.", "Upload the CSV or XLSX file that is in it."),
    FILE_NO_TEXT: Explanation(
        "The file is neither text nor XLSX.", "Save it as CSV UTF-8 or XLSX and upload it again."
    ),
    XLSX_TOO_LARGE: Explanation("The workbook has more than 32 MB.", "Save the sheet as CSV UTF-8."),
    XLSX_TOO_LONG: Explanation(
        "The first sheet has more than 200,000 rows.", "Save it as CSV UTF-8 and upload that."
    ),
    XLSX_SUSPICIOUS: Explanation(
        "The workbook unpacks to more than any list, or holds archives.", "Save the sheet as CSV UTF-8."
    ),
    XLSX_UNREADABLE: Explanation(
        "The workbook is damaged or locked with a password.", "Save it again without one, or as CSV UTF-8."
    ),
    FILE_EMPTY: Explanation("The file is empty.", "Upload one with rows."),
    NO_ROWS: Explanation("The file holds no row besides its header.", "Upload one with rows."),
    NO_VALID_ROWS: Explanation(
        "Not one row could be imported.",
        "The file of rejected rows says why; correct it and upload it again.",
    ),
    OBJECT_MISSING: Explanation("The file was gone before it could be read.", "Upload it again."),
    LIST_NAME_INVALID: Explanation(
        "A list's name has 1 to 50 characters.", "Upload the file again under such a name."
    ),
    LIST_GONE: Explanation("The list was deleted while the file was loaded into it.", "Upload it again."),
    IMPORT_INTERRUPTED: Explanation(
        "The import stopped in the middle through no fault of the file.", "Upload it again."
    ),
}

"""One delimiter for the whole file, told from a sample [D2]."""

import pytest

from kabar.domain.delimiters import delimiter_of
from kabar.domain.numbers import Numbers


def delimiter(text: str) -> str:
    return delimiter_of(text.encode(), lambda cell: not Numbers({"021": "6421"}).clean(cell).code)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "row",
    [
        "+64211234567{0}Amy",
        '"+64211234567"{0}"a, b; c"',
        "021 555 666{0}1,5{0}a",
        "Amy{0}+64211234567{0}x{0}",
    ],
)
def test_f34_each_delimiter_is_recognised(mark: str, row: str) -> None:
    assert delimiter(("mobile{0}name\n" + f"{row}\n" * 3).format(mark)) == mark


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+64211234567\n+64211234568",
        "+64211234567,a;b|c\n+64211234568,d;e|f",
        "+64211234567\n+64211234568\n+123456789;1234",
        "12345;6789\n+64211111111,a",
        "+64211234567,Amy\n" * 9 + "+64211234567;Amy\n" * 5,
    ],
)
def test_f34_anything_else_is_commas(text: str) -> None:
    assert delimiter(text) == ","


def test_f35_a_decimal_comma_is_no_delimiter() -> None:
    assert delimiter("+905321234567;12,50\n+905321234568;13,75") == ";"

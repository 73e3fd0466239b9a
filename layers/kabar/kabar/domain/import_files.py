"""An uploaded file of any kind -> its rows in buckets, or the question in which encoding it is [D2]."""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Protocol, TypeVar

from kabar.domain import xlsx_rows
from kabar.domain.encodings import NotUtf8, evidence, preview, recognised
from kabar.domain.imports import Output, Totals, validate, validate_runs
from kabar.domain.numbers import Numbers

_ZIP = b"PK\x03\x04"


class FileOutput(Output, Protocol):
    """Where validation puts what it finds in one reading of a file."""

    def chunks(self) -> Iterable[bytes]:
        """The file, from its beginning."""


class Undecided(Exception):
    """Nobody but a person can tell the encoding; `preview` has a few lines in each that is possible."""

    def __init__(self, lines: dict[str, list[str]]) -> None:
        super().__init__("the encoding is not clear")
        self.preview = lines


Put = TypeVar("Put", bound=FileOutput)


def validate_file(
    output: Callable[[], Put], numbers: Numbers, encoding: str = "", language: str = "en"
) -> tuple[Totals, Put]:
    """Read a file, where need be once more, each time into a new output; what the last one got counts.

    `encoding` is what a person chose; reasons are told in `language`.
    Raises Undecided, EncodingUnsupported, FileRefused.
    """
    put = output()
    source = iter(put.chunks())
    start = next(source, b"")
    chunks = chain((start,), source)
    if start.startswith(_ZIP):
        return validate_runs(xlsx_rows.read(chunks), numbers, put, language), put
    try:
        return validate(chunks, numbers, put, encoding, language), put
    except NotUtf8:
        found = evidence(output().chunks())
        recognised_as = recognised(found)
        shown = preview(found)
        if not recognised_as and shown:
            raise Undecided(shown) from None
        if not recognised_as:
            raise
    put = output()
    return validate(put.chunks(), numbers, put, recognised_as, language), put

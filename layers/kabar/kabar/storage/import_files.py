"""What validation reads and writes in the buckets: one object version in, parts and reports out. [P9]"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO, TextIO

from botocore.exceptions import ClientError

from kabar.domain.imports import Totals
from kabar.storage import work
from kabar.storage.dynamo import Item
from kabar.storage.work import Work

CHUNK = 256 * 1024
IN_MEMORY = 4 * 1024 * 1024  # of a report before it goes to /tmp
GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "PreconditionFailed", "412"})


class ObjectMissing(Exception):
    """The object, or that version of it, is gone [D8]."""


class ImportFiles:
    """Parts straight into the bucket, reports by way of a file; `tell` hears how far it is."""

    def __init__(
        self, bucket: Work, head: Item, stack: ExitStack, tell: Callable[[Totals, int], None]
    ) -> None:
        self.bytes_read = 0
        self._work = bucket
        self._head = head
        self._import = head["id"]
        self._tell = tell
        self._files: dict[str, IO[bytes]] = {
            name: stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115  # the stack closes it
            for name in ("rejected", "duplicates")
        }
        self.rejected: TextIO = io.TextIOWrapper(self._files["rejected"], "utf-8", newline="")
        self.duplicates: TextIO = io.TextIOWrapper(self._files["duplicates"], "utf-8", newline="")

    def chunks(self) -> Iterator[bytes]:
        """The bytes of that very version, in every reading the same, added up. Raises ObjectMissing."""
        names = {"Bucket": "bucket", "Key": "key", "VersionId": "version"}
        source = {argument: self._head[name] for argument, name in names.items()}
        if self._head.get("etag"):
            source["IfMatch"] = f'"{self._head["etag"]}"'
        try:
            answer = work.client().get_object(**source)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                raise ObjectMissing from None
            raise
        for chunk in answer["Body"].iter_chunks(CHUNK):
            self.bytes_read += len(chunk)
            yield chunk

    def part(self, number: int, rows: str) -> None:
        self._work.put_part(work.import_part(self._import, number), rows)

    def progress(self, totals: Totals) -> None:
        self._tell(totals, self.bytes_read)

    def keep_reports(self) -> dict[str, str]:
        """Put what was written into the bucket; where it is, as attributes of the head."""
        kept: dict[str, str] = {}
        for name, text, key in (
            ("rejected", self.rejected, work.rejected_rows(self._import)),
            ("duplicates", self.duplicates, work.duplicate_rows(self._import)),
        ):
            text.flush()
            content = self._files[name]
            if content.tell():
                content.seek(0)
                self._work.put_csv(key, content)
                kept[f"{name}_key"] = key
        return kept

"""What validation reads and writes in the buckets: one object version in, parts and reports out. [P9]"""

from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from kabar.domain.imports import Totals
from kabar.storage import work
from kabar.storage.dynamo import Item
from kabar.storage.report_files import ReportFile
from kabar.storage.work import Work

CHUNK = 256 * 1024
MAX_FILE = 1024 * 1024 * 1024  # bytes; what validation leaves in /tmp meanwhile is at most five times as much
GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "PreconditionFailed", "412"})


class ObjectMissing(Exception):
    """The object, or that version of it, is gone [D8]."""


class ImportFiles:
    """Parts and reports straight into the bucket; `tell` hears how far it is."""

    def __init__(self, bucket: Work, head: Item, tell: Callable[[Totals, int], None]) -> None:
        self.bytes_read = 0
        self.rejected = ReportFile(bucket, work.rejected_rows(head["id"]))
        self.duplicates = ReportFile(bucket, work.duplicate_rows(head["id"]))
        self._work = bucket
        self._head = head
        self._tell = tell

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
        self._work.put_part(work.import_part(self._head["id"], number), rows)

    def progress(self, totals: Totals) -> None:
        self._tell(totals, self.bytes_read)

    def keep_reports(self) -> dict[str, str]:
        """Put what was written into the bucket; where it is, as attributes of the head."""
        kept = {"rejected_key": self.rejected.keep(), "duplicates_key": self.duplicates.keep()}
        return {name: key for name, key in kept.items() if key}

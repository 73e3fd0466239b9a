"""CSV files for people that are written row by row, of any size in little memory, straight into the bucket. [P9]"""

import io
from typing import Any

from kabar.storage.work import LargeFile, Work

PART_BYTES = 6 * 1024 * 1024  # S3 takes 5 MiB or more, and 10,000 parts
_BUFFER = 256 * 1024


class ReportFile(io.TextIOWrapper):
    """A file that appears under its key once it is `kept`, in place of an earlier one; a small one in one piece.

    An upload that is never finished is removed by the bucket after a day.
    """

    def __init__(self, work: Work, key: str) -> None:
        self.key = key
        self._pieces = _Pieces(work, key)
        super().__init__(io.BufferedWriter(self._pieces, _BUFFER), "utf-8", newline="")

    def keep(self) -> str | None:
        """Its key, or None when nothing was written."""
        self.flush()
        return self.key if self._pieces.keep() else None


class _Pieces(io.RawIOBase):
    """Bytes on their way into one object."""

    def __init__(self, work: Work, key: str) -> None:
        self._work = work
        self._key = key
        self._held = bytearray()
        self._upload = ""
        self._tags: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._held += content
        if len(self._held) >= PART_BYTES:
            self._put()
        return len(content)

    def keep(self) -> bool:
        if not self._upload:
            if self._held:
                self._work.put_csv(self._key, bytes(self._held))
            return bool(self._held)
        if self._held:
            self._put()
        self._file().finish(self._upload, self._tags)
        return True

    def _put(self) -> None:
        self._upload = self._upload or self._file().begin()
        self._tags.append(self._file().put(self._upload, len(self._tags) + 1, bytes(self._held)))
        self._held.clear()

    def _file(self) -> LargeFile:
        return LargeFile(self._work.bucket, self._key)

"""Objects of the work bucket: what a run leaves for its next step. Nothing in it starts anything. [P9]"""

from functools import cache
from typing import Any

from botocore.exceptions import ClientError


@cache
def client() -> Any:
    import boto3  # most of a cold start, which the API, asking for names only, can do without
    from botocore.config import Config

    return boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))


def import_part(import_id: str, part: int) -> str:
    """The key of a part as validation left it."""
    return f"imports/{import_id}/parts/{part:05d}.csv"


def checked_part(import_id: str, part: int) -> str:
    """The key of a part without those who opted out."""
    return f"imports/{import_id}/checked/{part:05d}.csv"


def split_part(import_id: str, part: int) -> str:
    """The key of a part that belongs to one list of several."""
    return f"imports/{import_id}/split/{part:05d}.csv"


def missing_part(import_id: str, part: int) -> str:
    """The key of a part's numbers that are to be deleted and aren't on the list."""
    return f"imports/{import_id}/missing/{part:05d}.csv"


def missing_numbers(import_id: str) -> str:
    return f"imports/{import_id}/missing.csv"


def rejected_rows(import_id: str) -> str:
    return f"imports/{import_id}/rejected.csv"


def duplicate_rows(import_id: str) -> str:
    return f"imports/{import_id}/duplicates.csv"


def exported_list(export_id: int) -> str:
    """The key of a list as a file."""
    return f"exports/{export_id}.csv"


class Work:
    """The bucket. Putting the same key again replaces it: a step that is run again leaves the same."""

    def __init__(self, bucket: str, s3: Any = None) -> None:
        self.bucket = bucket
        self._s3 = s3

    def put_part(self, key: str, rows: str) -> None:
        """Keep the rows of a part (domain/imports.py)."""
        self.put_csv(key, rows.encode())

    def get_part(self, key: str) -> str:
        answer = (self._s3 or client()).get_object(Bucket=self.bucket, Key=key)
        rows: str = answer["Body"].read().decode()
        return rows

    def put_csv(self, key: str, content: bytes) -> None:
        """Keep a file."""
        where = {"Bucket": self.bucket, "Key": key}
        (self._s3 or client()).put_object(**where, Body=content, ContentType="text/csv; charset=utf-8")


class UploadGone(Exception):
    """A file written in parts can't be put together: it was already, or one of its parts was replaced."""


class LargeFile:
    """A CSV file of the bucket that is written in parts and appears once it is whole."""

    def __init__(self, bucket: str, key: str, s3: Any = None) -> None:
        self._where = {"Bucket": bucket, "Key": key}
        self._s3 = s3 or client()

    def begin(self) -> str:
        """The id of an upload; one that is never finished is removed by the bucket after a day."""
        answer = self._s3.create_multipart_upload(**self._where, ContentType="text/csv; charset=utf-8")
        return str(answer["UploadId"])

    def put(self, upload: str, part: int, content: bytes) -> str:
        """The tag of a part, counted from 1; all but the last have 5 MiB or more. Raises UploadGone."""
        try:
            answer = self._s3.upload_part(**self._where, UploadId=upload, PartNumber=part, Body=content)
        except ClientError as error:
            raise _gone(error) from error
        return str(answer["ETag"])

    def finish(self, upload: str, tags: list[str]) -> None:
        """Put the parts together. Raises UploadGone."""
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
        try:
            self._s3.complete_multipart_upload(
                **self._where, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            raise _gone(error) from error


def _gone(error: ClientError) -> Exception:
    known = error.response["Error"]["Code"] in {"NoSuchUpload", "InvalidPart", "InvalidPartOrder"}
    return UploadGone(str(error)) if known else error

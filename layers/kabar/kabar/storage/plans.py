"""A campaign's frozen recipients: chunk objects, valid once the head names their attempt."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from kabar.domain.layout import Shard, pieces
from kabar.domain.recipients import Row


@cache
def client() -> Any:
    import boto3  # here, so that a cold start without it stays short
    from botocore.config import Config

    config = Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard", "max_attempts": 5})
    return boto3.client("s3", config=config)


class Plans:
    """Chunk objects under `campaigns/<campaign>/plan-<folder>/`."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def write(self, campaign: int, folder: str, number: int, rows: Sequence[Row]) -> None:
        """Put one chunk object; nobody reads it before the plan is committed."""
        body = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
        client().put_object(Bucket=self._bucket, Key=_key(campaign, folder, number), Body=body)

    def read(self, campaign: int, plan: Mapping[str, Any], number: int) -> list[Row]:
        """The rows of one chunk of a committed plan, in frozen order."""
        if "shards" not in plan:
            return self._rows(campaign, plan["attempt"], number)
        shards = [Shard(**shard) for shard in plan["shards"]]
        found: list[Row] = []
        for piece in pieces(shards, number, plan["chunk_size"]):
            found += self._rows(campaign, piece.folder, piece.number)[piece.first : piece.last]
        return found

    def _rows(self, campaign: int, folder: str, number: int) -> list[Row]:
        answer = client().get_object(Bucket=self._bucket, Key=_key(campaign, folder, number))
        return [Row(*row) for row in json.loads(answer["Body"].read())]


def _key(campaign: int, folder: str, number: int) -> str:
    return f"campaigns/{campaign}/plan-{folder}/chunk-{number:06d}.json"

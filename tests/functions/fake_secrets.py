"""Secrets Manager in memory: contents by name, and what was done to them."""

from types import SimpleNamespace
from typing import Any


class NotFound(Exception):
    """ResourceNotFoundException."""


class FakeSecrets:
    """`contents` are by name."""

    exceptions = SimpleNamespace(ResourceNotFoundException=NotFound)

    def __init__(self, contents: dict[str, str] | None = None) -> None:
        self.contents = dict(contents or {})

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803  # boto3's
        if SecretId not in self.contents:
            raise NotFound(SecretId)
        return {"SecretString": self.contents[SecretId]}

    def create_secret(self, *, Name: str, SecretString: str, **_: Any) -> None:  # noqa: N803  # boto3's
        assert Name not in self.contents
        self.contents[Name] = SecretString

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:  # noqa: N803  # boto3's
        if SecretId not in self.contents:
            raise NotFound(SecretId)
        self.contents[SecretId] = SecretString

    def delete_secret(self, *, SecretId: str, **_: Any) -> None:  # noqa: N803  # boto3's
        self.contents.pop(SecretId, None)

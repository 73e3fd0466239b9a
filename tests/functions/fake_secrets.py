"""Secrets Manager in memory: contents by name, and what was done to them."""

from types import SimpleNamespace
from typing import Any


class NotFound(Exception):
    """ResourceNotFoundException."""


class FakeSecrets:
    """`given` are there from the start; `saved` are those that were made since, by name."""

    exceptions = SimpleNamespace(ResourceNotFoundException=NotFound)

    def __init__(self, given: dict[str, str] | None = None) -> None:
        self._given = given or {}
        self.saved: dict[str, str] = {}

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803  # boto3's
        known = self._given | self.saved
        if SecretId not in known:
            raise NotFound(SecretId)
        return {"SecretString": known[SecretId]}

    def create_secret(self, *, Name: str, SecretString: str, **_: Any) -> None:  # noqa: N803  # boto3's
        assert Name not in self.saved
        self.saved[Name] = SecretString

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:  # noqa: N803  # boto3's
        if SecretId not in self.saved:
            raise NotFound(SecretId)
        self.saved[SecretId] = SecretString

    def delete_secret(self, *, SecretId: str, **_: Any) -> None:  # noqa: N803  # boto3's
        if SecretId not in self.saved:
            raise NotFound(SecretId)
        del self.saved[SecretId]

"""How people sign in: the Cognito user pool, and the access tokens it gives them [A2].

A username is `<workspace>:<e-mail>`: one address may be in several workspaces, with a password each, and nobody
learns from one workspace who is in another [A1].
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

KEYS_KEPT_SECONDS = 3600
ASK_AGAIN_SECONDS = 60  # tokens with made-up key ids must not make us ask for every one
LEEWAY_SECONDS = 5  # between Cognito's clock and ours
_ANSWER_SECONDS = 3


class BadAddress(Exception):
    """Cognito doesn't take this e-mail address."""


@cache
def client() -> Any:
    import boto3  # only calls about users need it
    from botocore.config import Config

    return boto3.client("cognito-idp", config=Config(retries={"mode": "standard", "max_attempts": 5}))


@dataclass(frozen=True, slots=True)
class Pool:
    """The deployment's user pool."""

    pool_id: str

    def invite(self, workspace: str, email: str, name: str) -> str:
        """The id of the person's sign-in; a new one gets an invitation by e-mail. Raises BadAddress."""
        attributes = {"email": email, "email_verified": "true", "name": name}
        username = username_of(workspace, email)
        try:
            made = client().admin_create_user(
                UserPoolId=self.pool_id,
                Username=username,
                UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
                DesiredDeliveryMediums=["EMAIL"],
            )["User"]["Attributes"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "InvalidParameterException":
                raise BadAddress(email) from error
            if code != "UsernameExistsException":
                raise
            # of an earlier attempt, or of a time before they were removed
            found = client().admin_get_user(UserPoolId=self.pool_id, Username=username)
            made = found["UserAttributes"]
        return next(str(attribute["Value"]) for attribute in made if attribute["Name"] == "sub")

    def forget(self, workspace: str, email: str) -> None:
        """Remove the person's sign-in; an absent one is no error."""
        try:
            client().admin_delete_user(UserPoolId=self.pool_id, Username=username_of(workspace, email))
        except ClientError as error:
            if error.response["Error"]["Code"] != "UserNotFoundException":
                raise


def username_of(workspace: str, email: str) -> str:
    return f"{workspace}:{email}"


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a valid token speaks for."""

    workspace: str
    user: str


class Tokens:
    """Checks access tokens of one pool and client; `fetch` gets the pool's public keys (a JWKS)."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        fetch: Callable[[], dict[str, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at: float | None = None

    def verify(self, token: str) -> Person | None:
        """Who signed in; None when the token is forged, expired, of another pool, client or kind."""
        import jwt  # with cryptography: only who brings a token waits for it

        try:
            key = self._key(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "sub"]},
            )
        except jwt.PyJWTError:
            return None
        if claims.get("token_use") != "access" or claims.get("client_id") != self._client_id:
            return None
        return Person(str(claims.get("username", "")).partition(":")[0], claims["sub"])

    def _key(self, key_id: str) -> Any | None:
        now = self._clock()
        age = None if self._fetched_at is None else now - self._fetched_at
        if age is None or age > (KEYS_KEPT_SECONDS if key_id in self._keys else ASK_AGAIN_SECONDS):
            import jwt

            found = jwt.PyJWKSet.from_dict(self._fetch()).keys
            self._keys = {str(key.key_id): key.key for key in found}
            self._fetched_at = now
        return self._keys.get(key_id)


def fetch_keys(url: str) -> dict[str, Any]:
    """A pool's public keys. Raises OSError."""
    from urllib.request import urlopen  # not for a call that brings a key, nor for the API

    with urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310  # nosec B310  # our own template's address
        found: dict[str, Any] = json.load(answer)
        return found

"""Who may come in with an access token: only whom this pool signed in, for this client, now."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from kabar.storage.sign_ins import ASK_AGAIN_SECONDS, KEYS_KEPT_SECONDS, LEEWAY_SECONDS, Person, Tokens

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_pool"
OURS, THEIRS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
SUB = "0b6e1a52-5d0f-4a63-9a53-2f5d0e1c7a11"


class Keys:
    """The pool's published keys; `asked` counts how often."""

    def __init__(self) -> None:
        self.asked = 0
        self.ids = ["k1"]

    def __call__(self) -> dict[str, Any]:
        self.asked += 1
        public = jwt.algorithms.RSAAlgorithm.to_jwk(OURS.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": name, "alg": "RS256", "use": "sig"} for name in self.ids]}


@pytest.fixture
def published() -> Keys:
    return Keys()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "sub": SUB,
        "iss": ISSUER,
        "client_id": "client",
        "token_use": "access",
        "username": "acme:amy@acme.example",
        "iat": now,
        "exp": now + 3600,
    } | changes
    return {name: value for name, value in made.items() if value is not None}


def token(key: Any = OURS, kid: str = "k1", algorithm: str = "RS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid})


def test_who_signed_in_is_known_by_id_and_workspace(published: Keys) -> None:
    assert Tokens(ISSUER, "client", published).verify(token()) == Person("acme", SUB)


@pytest.mark.parametrize(
    "changes",
    [
        {"key": THEIRS},
        {"kid": "k2"},
        {"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_other"},
        {"client_id": "another"},
        {"client_id": None},
        {"token_use": "id"},
        {"token_use": None},
        {"aud": "client"},
        {"exp": int(time.time()) - LEEWAY_SECONDS - 5},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"sub": None},
    ],
)
def test_any_other_token_is_refused(published: Keys, changes: dict[str, Any]) -> None:
    assert Tokens(ISSUER, "client", published).verify(token(**changes)) is None


def test_a_token_signed_with_the_public_key_as_a_password_is_refused(published: Keys) -> None:
    forged = jwt.encode(claims(), "k" * 64, "HS256", headers={"kid": "k1"})
    assert Tokens(ISSUER, "client", published).verify(forged) is None
    unsigned = jwt.encode(claims(), "", "none", headers={"kid": "k1"})
    assert Tokens(ISSUER, "client", published).verify(unsigned) is None


@pytest.mark.parametrize("text", ["..", "a.b.c", "ü.ü.ü", "e30.e30.", token() + "x", token()[:-4] + ".x"])
def test_what_is_no_token_is_refused(published: Keys, text: str) -> None:
    assert Tokens(ISSUER, "client", published).verify(text) is None


def test_the_keys_are_asked_for_once_and_again_when_one_is_new(published: Keys) -> None:
    seconds = 0.0
    tokens = Tokens(ISSUER, "client", published, clock=lambda: seconds)
    for _ in range(5):
        assert tokens.verify(token())
        assert not tokens.verify(token(kid="k2"))
    assert published.asked == 1
    published.ids.append("k2")
    seconds = ASK_AGAIN_SECONDS + 1
    assert tokens.verify(token(kid="k2"))
    assert published.asked == 2
    published.ids.remove("k1")
    seconds += KEYS_KEPT_SECONDS + 1
    assert not tokens.verify(token())

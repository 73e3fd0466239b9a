"""Whether a post to a webhook comes from the carrier: the schemes that carriers use, over the raw body [L4].

Comparisons take the same time whatever is given. A signature with a time is good for five minutes around it.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

TOLERANCE = 300  # seconds between the signed time and ours
ALGORITHMS = ("sha1", "sha256", "sha512")


@dataclass(frozen=True)
class Proof:
    """What every post carries: `basic` user and password, the secret itself in a `header`, or an `hmac` of the body
    in a header, in hex or base64, after a `prefix`; with a `timestamp_header` the HMAC is of `<seconds>.<body>`.
    """

    scheme: str = "basic"
    header: str = ""
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    timestamp_header: str = ""


def proved(proof: Proof, user: str, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """`now` in epoch seconds. Without a secret nothing is proved, except where `basic` has no user: then the token
    in the address is the only proof.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if proof.scheme == "basic":
        return not user or _is_basic(given.get("authorization", ""), user, secret)
    if not secret:
        return False
    value = given.get(proof.header.lower(), "")
    if proof.scheme == "header":
        return _same(value, proof.prefix + secret)
    signed = body
    if proof.timestamp_header:
        at = given.get(proof.timestamp_header.lower(), "")
        if not at.isdecimal() or len(at) > 12 or abs(now - int(at)) > TOLERANCE:
            return False
        signed = at.encode() + b"." + body
    digest = hmac.new(secret.encode(), signed, getattr(hashlib, proof.algorithm)).digest()
    if proof.encoding == "base64":
        return _same(value, proof.prefix + base64.b64encode(digest).decode())
    return _same(value.lower(), proof.prefix.lower() + digest.hex())


def _is_basic(given: str, user: str, password: str) -> bool:
    scheme, _, credentials = given.partition(" ")
    expected = base64.b64encode(f"{user}:{password}".encode())
    matches = hmac.compare_digest(credentials.strip().encode("utf-8", "replace"), expected)
    return matches and scheme.lower() == "basic"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.strip().encode("utf-8", "replace"), expected.encode())

"""Page cursors: a position in a listing, signed, and good only for the workspace, route and filter it is from."""

import base64
import hashlib
import hmac
import json

import problems
from problems import Problem

MAC_BYTES = 16


class Cursors:
    """Signs and opens cursors with `key`, which every process of the deployment shares."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, scope: tuple[str, ...], position: str) -> str:
        """The cursor for `position` in `scope` (workspace, route, filters)."""
        payload = position.encode()
        return base64.urlsafe_b64encode(self._mac(scope, payload) + payload).decode().rstrip("=")

    def open(self, scope: tuple[str, ...], cursor: str) -> str:
        """The position in `cursor`. Raises Problem (422) when it is forged or from another listing."""
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            position = base64.urlsafe_b64decode(padded)[MAC_BYTES:].decode()
        except ValueError:
            position = ""
        # the whole text is compared: base64 has several spellings for the same bytes
        if not hmac.compare_digest(self.sign(scope, position).encode(), cursor.encode(errors="replace")):
            detail = "Use next_cursor of the page before, with the same workspace, address and filters."
            raise Problem(problems.INVALID_CURSOR, detail, errors=[{"parameter": "cursor", "detail": detail}])
        return position

    def _mac(self, scope: tuple[str, ...], payload: bytes) -> bytes:
        context = json.dumps(scope).encode() + b"\0" + payload
        return hmac.new(self._key, context, hashlib.sha256).digest()[:MAC_BYTES]

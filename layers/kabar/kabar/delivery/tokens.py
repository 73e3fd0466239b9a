"""Access tokens of OAuth 2 client credentials (RFC 6749, 4.4): kept until shortly before they end, fetched by one [J1].

The token is in Secrets Manager; who fetches it, which one is the newest and until when it is good is an item of the
callbacks table: {n, secret, good_until, holder, held_until, retry_at, failures}. [P87]
"""

import json
import random
import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

from kabar.domain.addresses import Forbidden
from kabar.domain.callbacks import wait
from kabar.domain.handover import CarrierError
from kabar.guard import SECONDS, Guard
from kabar.storage import keys
from kabar.storage.callback_settings import Vault
from kabar.storage.dynamo import ConditionFailed, Item, Table

MARGIN, HOLD = 60_000, 20_000  # ms: a token is left that long before its end; who fetches has that long
VAIN = 60_000  # ms in which a 401 is no reason for one more token, when the last one met it at once
DEFAULT_LIFE = 300  # s, of a token whose server doesn't say
_POLL = 0.25  # s


class NoToken(Exception):
    """There is none; `args[0]` says why, `retry_at` (ms) when somebody will ask again."""

    def __init__(self, why: str, retry_at: int | None = None) -> None:
        super().__init__(why)
        self.retry_at = retry_at


@dataclass(frozen=True, slots=True)
class Token:
    """`n` numbers the tokens of an endpoint."""

    n: int
    value: str
    good_until: int


class Tokens:
    """The tokens of all endpoints. `clock` is epoch ms; `sleep` takes seconds."""

    def __init__(
        self,
        table: Table,
        vault: Vault,
        guard: Guard,
        *,
        clock: Callable[[], int],
        seconds: float = SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._vault = vault
        self._guard = guard
        self._clock = clock
        self._seconds = seconds
        self._sleep = sleep
        self._known: dict[tuple[int, str], Token] = {}
        self._vain: dict[int, tuple[int, int]] = {}  # by endpoint: a token that was refused when new, until
        self._one = threading.Lock()  # of this process's threads: one asks, the others find it known

    def get(self, endpoint: Mapping[str, Any], client_secret: str) -> Token:
        """The endpoint's token. Raises NoToken."""
        with self._one:
            name = (endpoint["id"], endpoint["secret"])
            known = self._known.get(name)
            if known is None or known.good_until <= self._clock():
                known = self._known[name] = self._shared(endpoint, client_secret)
            return known

    def refused(self, endpoint: Mapping[str, Any], token: Token) -> bool:
        """The endpoint doesn't take this token: the next `get` brings another, fetched once.

        False, and it doesn't, for one that was refused when it was fresh: another would fare no better for a while.
        """
        n, until = self._vain.get(endpoint["id"], (0, 0))
        if n == token.n and self._clock() < until:
            return False
        with self._one:
            name = (endpoint["id"], endpoint["secret"])
            if self._known.get(name) == token:
                del self._known[name]
        try:
            self._update(endpoint["id"], {"good_until": 0}, "#n = :n_", {"n": token.n})
        except ConditionFailed:
            return True  # there is a newer one
        return True

    def in_vain(self, endpoint: Mapping[str, Any], token: Token) -> None:
        """The endpoint doesn't take even this token, which was fetched because it refused one."""
        self._vain[endpoint["id"]] = (token.n, self._clock() + VAIN)

    def _shared(self, endpoint: Mapping[str, Any], client_secret: str) -> Token:
        me = secrets.token_hex(8)
        until = self._clock() + HOLD
        while True:
            now = self._clock()
            item = self._table.get(keys.endpoint_token(endpoint["id"]), consistent=True) or {}
            same = item.get("secret") == endpoint["secret"]
            if same and item.get("good_until", 0) > now:
                value = self._vault.token(endpoint["id"], item["n"])
                if value is not None:
                    return Token(item["n"], value, item["good_until"])
            if same and item.get("retry_at", 0) > now:
                raise NoToken(item["why"], item["retry_at"])
            if item.get("held_until", 0) <= now and self._take(endpoint["id"], item, me, now):
                return self._fetch(endpoint, client_secret, item, me)
            if now > until:
                raise NoToken("somebody else's request for an access token hasn't ended")
            self._sleep(_POLL)

    def _take(self, endpoint: int, seen: Item, me: str, now: int) -> bool:
        held = seen.get("held_until")
        as_seen = "attribute_not_exists(#held_until)" if held is None else "#held_until = :held_until_"
        wanted = {} if held is None else {"held_until": held}
        try:
            self._update(endpoint, {"holder": me, "held_until": now + HOLD}, as_seen, wanted)
        except ConditionFailed:
            return False
        return True

    def _fetch(self, endpoint: Mapping[str, Any], client_secret: str, seen: Item, me: str) -> Token:
        try:
            value, life = self._ask(endpoint["oauth"], client_secret)
        except NoToken as none:
            failures = seen.get("failures", 0) + 1
            retry_at = self._clock() + wait(failures, random.random())  # noqa: S311  # jitter
            told = {
                "retry_at": retry_at,
                "why": none.args[0],
                "failures": failures,
                "secret": endpoint["secret"],
            }
            self._let_go(endpoint["id"], me, told | {"good_until": 0})
            raise NoToken(none.args[0], retry_at) from none
        token = Token(seen.get("n", 0) + 1, value, self._clock() + life * 1000 - min(MARGIN, life * 500))
        self._vault.put_token(endpoint["id"], token.n, value)
        told = {"n": token.n, "good_until": token.good_until, "secret": endpoint["secret"], "failures": 0}
        self._let_go(endpoint["id"], me, told | {"retry_at": 0})
        return token

    def _let_go(self, endpoint: int, me: str, told: dict[str, Any]) -> None:
        try:
            self._update(endpoint, told | {"held_until": 0}, "#holder = :holder_", {"holder": me})
        except ConditionFailed:
            return  # we took too long, and somebody else has asked meanwhile

    def _ask(self, oauth: Mapping[str, Any], client_secret: str) -> tuple[str, int]:
        """A token and its life in seconds. Raises NoToken."""
        form = {"grant_type": "client_credentials"} | ({"scope": oauth["scope"]} if oauth["scope"] else {})
        pair = f"{quote_plus(oauth['client_id'])}:{quote_plus(client_secret)}".encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "Authorization": f"Basic {b64encode(pair).decode()}",
        }
        try:
            body = urlencode(form).encode()
            answer = self._guard.call("POST", oauth["token_url"], headers, body, self._seconds)
        except (Forbidden, CarrierError) as error:
            raise NoToken(f"no access token: {error.args[0]}") from error
        if answer.status != 200:
            raise NoToken(f"no access token: the token server answered {answer.status}")
        try:
            found = json.loads(answer.body)
            value, life = str(found["access_token"]), int(found.get("expires_in") or DEFAULT_LIFE)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NoToken("no access token: the token server's answer can't be read") from error
        if not (value.isascii() and value.isprintable() and value):
            raise NoToken("no access token: the token server's answer can't be read")
        return value, max(1, min(life, 86_400))

    def _update(
        self, endpoint: int, values: Mapping[str, Any], condition: str, wanted: Mapping[str, Any]
    ) -> None:
        self._table.update(
            keys.endpoint_token(endpoint),
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            condition=condition,
            names={f"#{name}": name for name in {*values, *wanted}}
            | ({"#held_until": "held_until"} if "#held_until" in condition else {}),
            values={f":{name}": value for name, value in values.items()}
            | {f":{name}_": value for name, value in wanted.items()},
        )

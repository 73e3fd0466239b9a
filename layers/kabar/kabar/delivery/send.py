"""One attempt to tell an endpoint: signed, with its headers and token, through the guard [J1] [J4] [J5] [J6]."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kabar.delivery.tokens import NoToken, Token, Tokens
from kabar.domain import callbacks
from kabar.domain.addresses import Forbidden
from kabar.domain.callbacks import Callback, Outcome, Verdict
from kabar.domain.handover import AnswerLost, CarrierError
from kabar.guard import SECONDS, Answer, Guard
from kabar.storage.callback_settings import Secrets, Vault
from kabar.storage.dynamo import Item

_KEPT = 100  # endpoints whose secrets a process remembers


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was sent, what came back, and what it means."""

    headers: Mapping[str, str]
    answer: Answer | None
    outcome: Outcome


class Sender:
    """Makes attempts of at most `seconds`. `clock` is the wall's, in epoch ms: receivers check it."""

    def __init__(
        self, guard: Guard, vault: Vault, tokens: Tokens, clock: Callable[[], int], seconds: float = SECONDS
    ) -> None:
        self._guard = guard
        self._vault = vault
        self._tokens = tokens
        self._clock = clock
        self._seconds = seconds
        self._secrets: dict[str, Secrets] = {}

    def send(self, endpoint: Item, callback: Callback) -> Outcome:
        """Tell it once; a 401 gets a fresh token and one more try. Raises Changed."""
        return self.attempt(endpoint, callback).outcome

    def attempt(self, endpoint: Item, callback: Callback) -> Attempt:
        """The same, with all that went over the wire."""
        secrets = self._known(endpoint["secret"])
        try:
            token = self._token(endpoint, secrets)
            made = self._once(endpoint, secrets, callback, token)
            if token and _refused(made) and self._tokens.refused(endpoint, token):
                fresh = self._token(endpoint, secrets)
                made = self._once(endpoint, secrets, callback, fresh)
                if fresh and _refused(made):
                    self._tokens.in_vain(endpoint, fresh)
        except NoToken as none:
            return Attempt(
                {}, None, Outcome(Verdict.AGAIN, none.args[0], ailing=True, not_before=none.retry_at)
            )
        return made

    def _token(self, endpoint: Item, secrets: Secrets) -> Token | None:
        return self._tokens.get(endpoint, secrets.client_secret) if endpoint["oauth"] else None

    def _once(self, endpoint: Item, secrets: Secrets, callback: Callback, token: Token | None) -> Attempt:
        now = self._clock()
        headers = {
            **secrets.headers,
            "Content-Type": "application/json",
            **callbacks.signed_headers(callback, secrets.signing_at(now), now),
            **({"Authorization": f"Bearer {token.value}"} if token else {}),
        }
        try:
            answer = self._guard.call("POST", endpoint["url"], headers, callback.body.encode(), self._seconds)
        except AnswerLost as error:
            return Attempt(headers, None, Outcome(Verdict.AGAIN, error.args[0]))
        except (Forbidden, CarrierError) as error:
            return Attempt(headers, None, Outcome(Verdict.AGAIN, error.args[0], ailing=True))
        return Attempt(headers, answer, callbacks.read(answer.status, answer.headers, now))

    def _known(self, name: str) -> Secrets:
        """A name's content never changes."""
        if name not in self._secrets:
            if len(self._secrets) >= _KEPT:
                self._secrets.clear()
            self._secrets[name] = self._vault.get(name)
        return self._secrets[name]


def _refused(made: Attempt) -> bool:
    return made.answer is not None and made.answer.status == 401

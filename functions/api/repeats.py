"""`Idempotency-Key` for every POST: the same key and body is one effect and gets the same answer for 24 hours."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import problems
from kabar.storage import idempotency
from kabar.storage.dynamo import Table
from problems import Problem

MAX_KEY = 255
# Operations whose answer holds a secret in full, and where: it is kept nowhere, so a repeated answer shows null there.
SHOW_A_SECRET = {"create_api_key": "key", "rotate_api_key": "key", "rotate_signing_secret": "signing_secret"}

Event = dict[str, Any]
Answer = dict[str, Any]


def once(
    event: Event,
    table: Table,
    workspace: str,
    operation: str,
    now: int,
    *,
    reserve: Callable[[], int],
    resolve: Callable[[Event], Answer],
) -> Answer:
    """The answer to `event`: the one already given, or that of `resolve`.

    `resolve` gets the event with the id of what it may create as `number`. A refusal (4xx) frees the key for any
    body; our own failure (5xx) lets the next request try again under the same id. Raises Problem (409, 422).
    """
    key = event["headers"].get("idempotency-key")
    if event["httpMethod"] != "POST" or key is None:
        return resolve(event)
    attempt = _begin(event, table, workspace, key, now, reserve)
    if isinstance(attempt, idempotency.Answered):
        given: Answer = json.loads(attempt.body)
        return given
    try:
        answer = resolve(event | {"number": attempt.resource})
        status = answer["statusCode"]
        if status < 400:
            idempotency.finish(table, attempt, status, json.dumps(_kept(answer, operation)))
        elif status < 500:
            idempotency.forget(table, attempt)
        else:
            idempotency.release(table, attempt)
    except Exception:
        idempotency.release(table, attempt)
        raise
    return answer


def _begin(
    event: Event, table: Table, workspace: str, key: str, now: int, reserve: Callable[[], int]
) -> idempotency.Attempt | idempotency.Answered:
    if not 1 <= len(key) <= MAX_KEY:
        detail = f"A key has 1 to {MAX_KEY} characters."
        raise Problem(
            problems.INVALID_REQUEST, detail, errors=[{"parameter": "Idempotency-Key", "detail": detail}]
        )
    try:
        return idempotency.begin(
            table,
            workspace,
            f"POST {event['path'].rstrip('/')}",
            key,
            body_hash=_body_hash(event["body"]),
            now=now,
            reserve=reserve,
        )
    except idempotency.KeyReused as error:
        raise Problem(
            problems.IDEMPOTENCY_KEY_REUSED, "Another request with another body had this Idempotency-Key."
        ) from error
    except idempotency.InFlight as error:
        raise Problem(
            problems.REQUEST_IN_FLIGHT,
            f"Send it again in {error.retry_after} s to get its answer.",
            headers={"Retry-After": str(error.retry_after)},
        ) from error


def _body_hash(body: str) -> str:
    """Of what the body says: spaces and the order of names don't make another request."""
    with suppress(ValueError, RecursionError):  # the route will refuse it
        body = json.dumps(json.loads(body), sort_keys=True)
    return hashlib.sha256(body.encode(errors="surrogatepass")).hexdigest()


def _kept(answer: Answer, operation: str) -> Answer:
    field = SHOW_A_SECRET.get(operation)
    if field is None:
        return answer
    return answer | {"body": json.dumps(json.loads(answer["body"]) | {field: None})}

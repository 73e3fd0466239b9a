"""The one place that speaks HTTP to carriers: one call, no retry, a deadline over all of it."""

from functools import cache

import httpx

from kabar import deadline
from kabar.carriers.base import Answer, Request
from kabar.domain.handover import AnswerLost, Refused, Unreachable

CONNECT_SECONDS = 5.0
MAX_ANSWER = 4 * 1024 * 1024  # bytes; 1,000 results are about 400 kB


@cache
def _client() -> httpx.Client:
    """Made at the first call: its TLS context takes longer than the rest of the cold start."""
    transport = httpx.HTTPTransport(trust_env=False)
    transport._pool._network_backend = deadline.Backend()  # noqa: SLF001  # httpx has no argument for it
    return httpx.Client(transport=transport, follow_redirects=False, trust_env=False)


def call(request: Request, seconds: float) -> Answer:
    """Make the request once within `seconds`, all in all.

    Raises Unreachable when no connection was made, Refused for a request that can't be made, AnswerLost otherwise.
    """
    deadline.begin(seconds)
    prepared = _prepare(request, seconds)
    try:
        response = _client().send(prepared, stream=True)
        try:
            body = b""
            for part in response.iter_bytes():
                body += part
                if len(body) > MAX_ANSWER:
                    raise AnswerLost("the carrier's answer was too large")
        finally:
            response.close()
    except httpx.UnsupportedProtocol as error:
        raise Refused("the carrier's address is no http or https URL") from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise Unreachable(f"no connection to the carrier ({type(error).__name__})") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise AnswerLost(f"the carrier's answer was lost ({type(error).__name__})") from error
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body)


def _prepare(request: Request, seconds: float) -> httpx.Request:
    """The request, before anything is on the wire. Raises Refused: a typing error in the settings loses no answer."""
    if not all(value.isascii() and value.isprintable() for value in request.headers.values()):
        raise Refused("the carrier's key holds characters that no header can carry")
    try:
        return _client().build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            params=list(request.query) or None,
            json=request.body,
            timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        )
    except httpx.InvalidURL as error:
        raise Refused("the carrier's address is no URL") from error

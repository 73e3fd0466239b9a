"""The one place that speaks HTTP to carriers: one call, no retry, a deadline over all of it."""

import time
from functools import cache

import httpx

from kabar.carriers.base import Answer, Request
from kabar.domain.handover import AnswerLost, Unreachable

CONNECT_SECONDS = 5.0
MAX_ANSWER = 4 * 1024 * 1024  # bytes; 1,000 results are about 400 kB


@cache
def _client() -> httpx.Client:
    """Made at the first call: its TLS context takes longer than the rest of the cold start."""
    return httpx.Client(follow_redirects=False, trust_env=False, timeout=CONNECT_SECONDS)


def call(request: Request, seconds: float) -> Answer:
    """Make the request once within `seconds`. Raises Unreachable when no connection was made, AnswerLost otherwise.

    The deadline also cuts an answer that trickles in: httpx alone only limits the wait for each read.
    """
    deadline = time.monotonic() + seconds
    timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
    try:
        with _client().stream(
            request.method,
            request.url,
            headers=dict(request.headers),
            params=list(request.query) or None,
            json=request.body,
            timeout=timeout,
        ) as response:
            body = b""
            for part in response.iter_bytes():
                body += part
                if time.monotonic() > deadline:
                    raise AnswerLost("the carrier's answer was not complete in time")
                if len(body) > MAX_ANSWER:
                    raise AnswerLost("the carrier's answer was too large")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, body)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise Unreachable(f"no connection to the carrier ({type(error).__name__})") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise AnswerLost(f"the carrier's answer was lost ({type(error).__name__})") from error

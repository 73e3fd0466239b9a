"""`python -m local.webhooks`: our signatures before the reference verifier of Standard Webhooks for JavaScript."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from kabar.domain import callbacks
from kabar.domain.callbacks import Callback
from kabar.storage.callback_settings import Secrets
from local import paths
from local.trouble import Trouble, run

FOLDER = paths.KABAR / "webhooks"  # made by `make webhook-proof`
BODIES = [
    '{"message-id": 1241581207, "source": "+64220297056", "destination": "3774", "content": "TEST"}',
    '{"message-id": 1, "source": "+905321234567", "destination": "3774", "content": "Şeker 👍 \\"tırnak\\" \\n"}',
    '{"MessageId": 9007199254740991, "Status": "dead", "StatusDate": "2020-07-30T01:07:47.481Z"}',
]


def ready() -> bool:
    """Whether the verifier is there."""
    return (FOLDER / "node_modules" / "standardwebhooks").is_dir() and shutil.which("node") is not None


def cases() -> Iterator[dict[str, Any]]:
    """Good and bad ones: plain, while secrets rotate, altered, with another secret, old."""
    now = time.time_ns() // 1_000_000
    first = Secrets().rotated(now, now)
    second = first.rotated(now, now + 1000)
    old, new, other = first.signing[0][0], second.signing[0][0], Secrets().rotated(now, now).signing[0][0]
    for body in BODIES:
        callback = Callback(callbacks.webhook_id("d", "acme", 1, body), body, now)
        plain = callbacks.signed_headers(callback, first.signing_at(now), now)
        both = callbacks.signed_headers(callback, second.signing_at(now), now)
        after = callbacks.signed_headers(callback, second.signing_at(now + 1000), now)
        stale = callbacks.signed_headers(callback, first.signing_at(now), now - 600_000)
        for secret, headers, said, good in (
            (old, plain, body, True),
            (old, both, body, True),
            (new, both, body, True),
            (new, after, body, True),
            (old, after, body, False),
            (other, both, body, False),
            (old, plain, body + " ", False),
            (old, plain | {"webhook-id": "msg_other"}, body, False),
            (old, stale, body, False),
        ):
            yield {"secret": secret, "headers": headers, "body": said, "good": good}


def main() -> int:
    """Raises Trouble when a signature isn't taken as it should be."""
    if not ready():
        raise Trouble("The verifier isn't here: `make webhook-proof` fetches it from npm.")
    wanted = list(cases())
    done = subprocess.run(
        ["node", str(paths.ROOT / "local" / "webhooks.mjs"), str(FOLDER)],  # noqa: S607  # whichever is on the path
        input="".join(json.dumps(case) + "\n" for case in wanted),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or done.stdout.strip() != str(len(wanted)):
        raise Trouble(f"The reference verifier disagrees: {done.stderr or done.stdout}")
    print(f"The reference verifier for JavaScript takes {len(wanted)} signatures as it should.")
    return 0


if __name__ == "__main__":
    run(main)

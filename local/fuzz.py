"""`make fuzz`: requests made up by schemathesis from docs/openapi.json, at the running API; none may break it.

No answer may be a 5xx or differ from the document. The stack is the run's own, with a workspace that has a list, a
member and a campaign, so that addresses lead somewhere.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from local import openapi, paths, stack, trouble

TOOL = paths.KABAR / "fuzz" / "bin" / "schemathesis"
PHASES = ("coverage", "fuzzing")  # the corners of every parameter; anything at all
# what the document promises about every answer; whether a made-up body is refused is our tests' business
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
UNLIMITED = "1000000000"


def main(arguments: list[str]) -> int:
    """Send at least `--requests`; 1 when an answer was wrong or time ran out before. Raises Trouble."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument(
        "--seconds", type=int, default=1800, help="how long it may take; fewer requests by then is a failure"
    )
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    name = f"fuzz-{os.getpid()}"
    began = time.monotonic()
    try:
        running = stack.start(name, parameters={"RequestsPerMinute": UNLIMITED}, owner=os.getpid())
        _fill(running)
        failed, sent = False, 0
        while sent < wanted.requests and not failed:
            left = round(began + wanted.seconds - time.monotonic())
            if left < 1:
                break
            failed, more = _run(running, wanted.requests - sent, left, wanted.seed + sent)
            sent += more
    finally:
        stack.stop(name)
    print(
        f"{sent:,} requests in {time.monotonic() - began:.0f} s, {'with' if failed else 'without'} a wrong answer."
    )
    if sent < wanted.requests and not failed:
        print(f"Fewer than the {wanted.requests:,} asked for: give it more than --seconds {wanted.seconds}.")
    return int(failed or sent < wanted.requests)


def _fill(running: stack.Stack) -> None:
    """Something for requests to meet."""
    created = running.api("POST", "/v1/lists", {"name": "Gym"})
    if created.status != 201:
        raise trouble.Trouble(f"The API made no list: {created.status} {created.body}")
    running.api(
        "POST", f"/v1/lists/{created.body['id']}/members", {"mobile": "+6421555666", "params": ["Amy"]}
    )


def _run(running: stack.Stack, requests: int, seconds: int, seed: int) -> tuple[bool, int]:
    """One run of the tool, of about `requests`; whether an answer was wrong, and how many were sent."""
    operations = sum(len(methods) for methods in json.loads(openapi.DOCUMENT.read_text())["paths"].values())
    command = [
        str(TOOL),
        "run",
        str(openapi.DOCUMENT),
        f"--url={running.api_url}",
        f"--header=Authorization:Bearer {running.api_key}",
        f"--checks={','.join(CHECKS)}",
        f"--max-examples={max(10, requests // operations)}",
        f"--max-time={seconds}",
        f"--seed={seed}",
        "--request-timeout=30",
        "--continue-on-failure",
        "--no-color",
        "--warnings=off",
        "--suppress-health-check=all",
        "--generation-database=none",
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "local.fuzz_hooks",
        "PYTHONPATH": str(paths.ROOT),
        "FUZZ_KEY_ID": running.api_key.split("_")[1],
    }
    # side by side as processes: with threads, Python 3.11's own ast module fails now and then
    runs = [
        subprocess.Popen(
            [*command, f"--phases={phase}", f"--report-ndjson-path={_report(phase)}"],
            cwd=paths.KABAR,  # where it leaves its cache
            env=environment,
        )
        for phase in PHASES
    ]
    failed = [run.wait() != 0 for run in runs]
    return any(failed), sum(_sent(phase) for phase in PHASES)


def _report(phase: str) -> Path:
    return paths.KABAR / f"fuzz-{phase}.ndjson"


def _sent(phase: str) -> int:
    """How many requests the tool's report knows."""
    with _report(phase).open(encoding="utf-8") as lines:
        return sum(_interactions(json.loads(line)) for line in lines)


def _interactions(entry: dict[str, Any]) -> int:
    recorder = entry.get("ScenarioFinished", {}).get("recorder", {})
    return len(recorder.get("interactions", {}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

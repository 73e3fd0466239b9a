"""`python -m local.carrier --port 0 --state-file <path>`: serve until told to stop."""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from local.carrier.server import start
from local.carrier.simulator import Simulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.carrier", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--state-file", type=Path, help='where to write {"url", "pid"}')
    parser.add_argument("--max-recipients", type=int, default=1000, help="recipients per request")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner, url = await start(Simulator(max_recipients=arguments.max_recipients), arguments.port)
    if arguments.state_file:
        _write(arguments.state_file, {"url": url, "pid": os.getpid()})
    print(url, flush=True)
    await stop.wait()
    await runner.cleanup()


def _write(path: Path, state: dict[str, object]) -> None:
    """Replace at once, so that a reader never sees half of it."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(state), encoding="utf-8")
    draft.replace(path)


main()

"""`python -m local.customer --port 0 --state-file <path>`: serve until told to stop."""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from local.customer.server import start


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.customer", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--state-file", type=Path, help='where to write {"url", "pid"}')
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner, url = await start(arguments.port)
    if arguments.state_file:
        draft = arguments.state_file.with_suffix(".draft")
        draft.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
        draft.replace(arguments.state_file)  # at once, so that a reader never sees half of it
    print(url, flush=True)
    await stop.wait()
    await runner.cleanup()


main()

"""`make aws-proof`: the way to AWS is whole, without AWS.

Builds with `sam build` for AWS and for this machine, deploys the latter into a fresh local cloud with `sam deploy`,
permissions enforced, and sends one message from a dropped file to the carrier's receipt through those artefacts.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from local import audit, job, layers, package, paths, sam
from local import stack as stacks
from local.bench.imports import cold_imports
from local.trouble import Trouble, run

T = TypeVar("T")

_FOLDER = paths.KABAR / "proof"
_AWS = _FOLDER / "aws"
_HERE = _FOLDER / "here"
_MOBILE = "+905321234567"
_TEXT = "Merhaba %%1%%. Reply STOP to opt out."


def main() -> int:
    """Raises Trouble at the first thing that isn't as it must be."""
    here = _version()
    aws = _runtime()
    print(f"Building for AWS (python{aws}, arm64)")
    _timed("sam build", lambda: sam.build(_AWS))
    _show(_AWS, aws)
    print(f"Building for this machine (python{here})")
    _timed("sam build", lambda: sam.build(_HERE, {"RUNTIME": here, "PLATFORM": ""}))
    _show(_HERE, here)
    print("Deploying that with sam deploy")
    name = f"proof-{os.getpid()}"
    try:
        stack = _timed(
            "a fresh local cloud",
            lambda: stacks.start(name, owner=os.getpid(), deployer=sam.deployer(_HERE)),
        )
        _timed("one message from file to receipt", lambda: _one_message(stack))
    finally:
        stacks.stop(name)
    print("Importing the handlers from the built layers, in ms (medians; boto3_client for comparison)")
    taken = cold_imports(_handlers(_HERE), [_HERE / layer / "python" for layer in layers.LAYERS])
    print("  " + ", ".join(f"{name} {value:.0f}" for name, value in sorted(taken.items())))
    print("\nThe way to AWS is whole.")
    return 0


def _version() -> str:
    """Of the interpreter that runs the functions here."""
    command = [str(paths.ENGINE / "python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _runtime() -> str:
    """Of the interpreter that runs them on AWS."""
    runtime: str = package.load()["Globals"]["Function"]["Runtime"]
    return runtime.removeprefix("python")


def _show(folder: Path, version: str) -> None:
    for layer in layers.built(folder, version):
        print(f"  {layer}")
        if layer.uncompiled:
            raise Trouble(f"{layer.name} has modules without .pyc, such as {layer.uncompiled[0]}.")


def _one_message(stack: stacks.Stack) -> None:
    imported = job.import_file(stack, "Proof", "one.csv", f"{_MOBILE},Deniz\n".encode(), lambda _: None)
    campaign = job.start_campaign(stack, "Proof", imported["list_id"], _TEXT)
    report = job.follow_campaign(stack, campaign, lambda _: None)
    accepted, _ = job.truth(stack)
    texts = {_MOBILE: _TEXT.replace("%%1%%", "Deniz")}
    wrong = audit.sent("the message", accepted, texts)
    statuses = job.carrier_statuses(stack, [message.id for message in accepted], {})
    wrong += audit.report("the campaign", report, 1, statuses, 1)
    wrong += job.denials(stack)
    if wrong:
        raise Trouble("The deployed build doesn't do its job:\n  " + "\n  ".join(wrong))


def _handlers(folder: Path) -> dict[str, Path]:
    functions = package.resources(package.load(), "AWS::Serverless::Function")
    return {Path(properties["CodeUri"]).name: folder / logical for logical, properties in functions}


def _timed(what: str, do: Callable[[], T]) -> T:
    began = time.monotonic()
    done = do()
    print(f"  {what}: {time.monotonic() - began:.1f} s", flush=True)
    return done


if __name__ == "__main__":
    run(main)

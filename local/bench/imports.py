"""How long each handler takes to import, our part of a cold start, beside the making of one boto3 client.

In fresh processes of the interpreter that runs the functions here, with the layers' paths and all compiled.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from local import package, paths
from local.trouble import Trouble

ROUNDS = 5
_PYTHON = paths.ENGINE / "python"
_COMPILED = paths.KABAR / "bench-pyc"  # bytecode goes here: the checkout stays clean, and it is surely there
_TIMED = "import time; start = time.perf_counter(); {}; print((time.perf_counter() - start) * 1000)"
_BOTO3 = 'import boto3; boto3.client("dynamodb")'
_OF_THE_RUNTIME = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
}


def measure() -> dict[str, float]:
    """`import_ms_<function>` for every folder of functions/, and `import_ms_boto3_client`. Raises Trouble."""
    layers = [paths.ROOT / "layers" / "kabar", paths.DEPENDENCIES]
    folders = sorted(path.parent for path in (paths.ROOT / "functions").glob("*/handler.py"))
    taken = cold_imports({folder.name: folder for folder in folders}, layers, _COMPILED)
    return {f"import_ms_{name}": milliseconds for name, milliseconds in taken.items()}


def cold_imports(
    functions: Mapping[str, Path], layers: Sequence[Path], compiled: Path | None = None
) -> dict[str, float]:
    """Milliseconds to import the handler of each folder, and to make one `boto3_client`; medians.

    Bytecode is taken from `compiled` and put there, or taken from where it lies and put nowhere, as in Lambda.
    """
    if not _PYTHON.exists():
        raise Trouble("The local cloud isn't installed yet: run `make setup`.")
    runs = {
        "boto3_client": (_BOTO3, ""),
        **{name: ("import handler", _search(*layers, folder)) for name, folder in functions.items()},
    }
    writing = {"PYTHONPYCACHEPREFIX": str(compiled)} if compiled else {"PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**_settings(), **_OF_THE_RUNTIME, **writing, "TZ": "UTC"}
    for statement, search in runs.values():
        _milliseconds(statement, search, environment)  # compiles, and warms the disk's cache
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):  # by turns, so that all see the same noise
        for name, (statement, search) in runs.items():
            taken[name].append(_milliseconds(statement, search, environment))
    return {name: median(values) for name, values in taken.items()}


def _search(*folders: Path) -> str:
    return os.pathsep.join(str(folder) for folder in folders)


def _settings() -> dict[str, str]:
    """Every variable that the template sets; what a deployment fills in is a number, which suits any type."""
    template = package.load()
    functions = (properties for _, properties in package.resources(template, "AWS::Serverless::Function"))
    values: dict[str, str] = {}
    for properties in (template["Globals"]["Function"], *functions):
        for name, value in properties.get("Environment", {}).get("Variables", {}).items():
            values[name] = value if isinstance(value, str) else "60"
    return {**values, "DEFAULT_TIMEZONE": "UTC", "POWERTOOLS_LOG_LEVEL": "INFO"}


def _milliseconds(statement: str, search: str, environment: dict[str, str]) -> float:
    done = subprocess.run(
        [str(_PYTHON), "-c", _TIMED.format(statement)],
        env={**environment, "PYTHONPATH": search, "PATH": os.environ.get("PATH", "")},
        cwd=paths.KABAR,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Trouble(f"{search or 'boto3'}: {statement} fails:\n{done.stderr.strip()}")
    return float(done.stdout.split()[-1])

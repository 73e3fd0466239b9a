"""`sam build` and `sam deploy` as a user runs them, the latter also into the local engine."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import deploy, package, paths
from local.engine import CREDENTIALS, Engine
from local.trouble import Trouble

_BIN = paths.KABAR / "sam" / "bin"
_PYODIDE = paths.KABAR / "pyodide" / "node_modules" / "pyodide"
_BUCKET = "kabar-sam"
_NOT_OURS = ("AWS_", "PYTHONPATH")  # a user's account has no part in this; nor has our search path in sam's


def build(folder: Path, variables: Mapping[str, str] | None = None) -> None:
    """Build into `folder`, for AWS or as `variables` of layers/Makefile say. Raises Trouble."""
    _run(["build", "--build-dir", str(folder)], variables or {})


def deployer(folder: Path) -> deploy.Deployer:
    """What deploys the build in `folder` into an engine."""

    def into(engine: Engine, parameters: Mapping[str, str]) -> dict[str, str]:
        template = package.load(folder / "template.yaml")
        package.allow_plain_http(template)
        plain = folder / "plain-http.json"
        plain.write_text(json.dumps(template))
        engine.client("s3").create_bucket(Bucket=_BUCKET)
        overrides = [f"{name}={value}" for name, value in {"Stage": deploy.STAGE, **parameters}.items()]
        _run(
            [
                *("deploy", "--template-file", str(plain), "--stack-name", deploy.STACK),
                *("--s3-bucket", _BUCKET, "--no-confirm-changeset", "--no-progressbar"),
                *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
                *("--parameter-overrides", *overrides),
            ],
            {
                "AWS_ENDPOINT_URL": engine.url,
                "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"],
                "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"],
                "AWS_DEFAULT_REGION": CREDENTIALS["region"],
                "AWS_EC2_METADATA_DISABLED": "true",
            },
        )
        return deploy.finish(engine, package.load(), deploy.outputs(engine))

    return into


def _run(arguments: Sequence[str], variables: Mapping[str, str]) -> None:
    done = subprocess.run(
        [str(_BIN / "sam"), *arguments],
        cwd=paths.ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)},
            "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYODIDE": str(_PYODIDE) if _PYODIDE.exists() else "",
            "SAM_CLI_TELEMETRY": "0",
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Trouble(f"sam {arguments[0]} failed:\n{done.stdout}\n{done.stderr}")

"""The very template.yaml, with its code uploaded: what `sam package` does, in a fraction of a second.

Three things differ from AWS. The engine unpacks every layer for every worker, so each layer is one `.pth` file that
points at this checkout; an edit in layers/kabar counts from the next cold start. And the engine speaks plain HTTP
on 127.0.0.1, so the statements that deny what doesn't come over TLS are left out (tests/unit/test_template.py
proves them on the template). And each function's name is in its calls (`AWS_SDK_UA_APP_ID`).
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from local import paths
from local.trouble import Trouble

Template = dict[str, Any]
Upload = Callable[[str, bytes], str]  # (key, body) -> s3:// address

_LAYERS = {  # logical id -> the folder that locally stands for the unpacked layer
    "DependenciesLayer": paths.DEPENDENCIES,
    "ImportsLayer": paths.IMPORT_DEPENDENCIES,
    "KabarLayer": paths.ROOT / "layers" / "kabar",
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same code gives the same archive


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`)."""


def _short_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(path: Path = paths.TEMPLATE) -> Template:
    """The template as plain data, short forms written out."""
    if not path.exists():
        raise Trouble(f"{path} is missing.")
    loader = _Loader(path.read_text())
    try:
        template: Template = loader.get_single_data()
    finally:
        loader.dispose()
    return template


def resources(template: Template, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(logical id, properties) of every resource of one type."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def package(template: Template, upload: Upload, python: str) -> Template:
    """`template` with functions, layers and state machines uploaded; `python` is such as `3.11`."""
    packaged: Template = json.loads(json.dumps(template))
    for name, function in resources(packaged, "AWS::Serverless::Function"):
        folder = paths.ROOT / function["CodeUri"]
        if not (folder / "handler.py").exists():
            raise Trouble(f"{name}: {folder.relative_to(paths.ROOT)}/handler.py is missing.")
        function["CodeUri"] = _put(upload, "code", "zip", _archive(_sources(folder)))
        # every AWS call says whose it is, so that a test can hold it against what the function may do
        function.setdefault("Environment", {}).setdefault("Variables", {})["AWS_SDK_UA_APP_ID"] = name
    for name, layer in resources(packaged, "AWS::Serverless::LayerVersion"):
        if name not in _LAYERS:
            raise Trouble(f"{name}: say in local/package.py which folder stands for this layer.")
        # A plain path in a .pth file is appended; the import line puts it in front, as a layer is.
        line = f"import sys; sys.path.insert(0, {str(_LAYERS[name])!r})\n"
        pointer = f"python/lib/python{python}/site-packages/{name.lower()}.pth"
        layer["ContentUri"] = _put(upload, "layers", "zip", _archive({pointer: line.encode()}))
    for _, machine in resources(packaged, "AWS::Serverless::StateMachine"):
        definition = (paths.ROOT / machine["DefinitionUri"]).read_bytes()
        machine["DefinitionUri"] = _put(upload, "statemachines", "json", definition)
    allow_plain_http(packaged)
    return packaged


def allow_plain_http(template: Template) -> None:
    """Take out the statements that deny what doesn't come over TLS."""
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for name, policy in list(resources(template, kind)):
            document = policy["PolicyDocument"]
            document["Statement"] = [
                statement
                for statement in document["Statement"]
                if "aws:SecureTransport" not in str(statement)
            ]
            if not document["Statement"]:
                del template["Resources"][name]


def _sources(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, body)
    return buffer.getvalue()


def _put(upload: Upload, prefix: str, suffix: str, body: bytes) -> str:
    return upload(f"{prefix}/{hashlib.sha256(body).hexdigest()[:32]}.{suffix}", body)

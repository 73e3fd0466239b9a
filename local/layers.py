"""`python -m local.layers FOLDER`: what the layers that `sam build` made weigh, and whether they are compiled.

AWS takes at most 250 MB unpacked per function, code and layers together.
"""

import importlib.util
import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.trouble import Trouble, run

LAYERS = ("DependenciesLayer", "ImportsLayer", "KabarLayer")
_UNCHECKED = b"\x01\x00\x00\x00"  # PEP 552: the loader compares neither time nor content
_MAGIC = {  # what a .pyc of that Python begins with
    "3.13": (3571).to_bytes(2, "little") + b"\r\n",
    f"{sys.version_info[0]}.{sys.version_info[1]}": importlib.util.MAGIC_NUMBER,
}


@dataclass(frozen=True)
class Layer:
    """One built layer; sizes in bytes."""

    name: str
    sources: int
    uncompiled: tuple[str, ...]
    unpacked: int
    zipped: int

    def __str__(self) -> str:
        compiled = (
            f"{self.sources} modules, all with .pyc"
            if not self.uncompiled
            else f"{len(self.uncompiled)} of {self.sources} modules WITHOUT .pyc: slow cold starts"
        )
        return f"{self.name:<18} {_mb(self.unpacked)} unpacked, {_mb(self.zipped)} zipped, {compiled}"


def built(folder: Path, runtime: str) -> list[Layer]:
    """The layers under `folder`, compiled for `runtime` such as `3.13` or not. Raises Trouble."""
    return [_weighed(name, folder / name, runtime) for name in LAYERS]


def _weighed(name: str, folder: Path, runtime: str) -> Layer:
    if not folder.is_dir():
        raise Trouble(f"{folder} is missing: run `make build`.")
    files = [path for path in folder.rglob("*") if path.is_file()]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            packed.write(path, path.relative_to(folder))
    sources = [path for path in files if path.suffix == ".py"]
    return Layer(
        name,
        len(sources),
        tuple(_uncompiled(folder, sources, runtime)),
        sum(path.stat().st_size for path in files),
        archive.tell(),
    )


def _uncompiled(folder: Path, sources: list[Path], runtime: str) -> Iterator[str]:
    tag = f"cpython-{runtime.replace('.', '')}"
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        if not compiled.exists() or compiled.read_bytes()[:8] != _MAGIC[runtime] + _UNCHECKED:
            yield str(source.relative_to(folder))


def _mb(size: int) -> str:
    return f"{size / 1e6:6.2f} MB"


def main() -> int:
    """Print a line a layer; a missing .pyc is said, not refused: the product works without."""
    for layer in built(Path(sys.argv[1]), "3.13"):
        print(layer)
    return 0


if __name__ == "__main__":
    run(main)

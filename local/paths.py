"""Where things lie in this checkout. Whatever is made here lies under `.kabar`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KABAR = ROOT / ".kabar"
ENGINE = KABAR / "engine" / "bin"
DEPENDENCIES = KABAR / "deps"  # the dependencies layer, unpacked once for every local Lambda
IMPORT_DEPENDENCIES = KABAR / "deps-imports"  # the same of the imports layer
STACKS = KABAR / "stacks"  # one folder per running stack: state, logs, temporary files
LOCAL_JSON = KABAR / "local.json"
TEMPLATE = ROOT / "template.yaml"

#!/usr/bin/env bash
# compile.sh RUNTIME FOLDER: puts .pyc files into FOLDER/python for exactly that Python, such as 3.13.
# Without them every cold start compiles what it imports and takes two to three times as long.
# Lambda's file times differ from the build's, so the files are checked neither by time nor by content.
set -euo pipefail
runtime=$1
folder=$2

for python in "python$runtime" "$(uv python find --no-config --no-python-downloads "$runtime" 2>/dev/null)"; do
    # a version manager's shim may be on the path without a Python behind it
    if [ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$runtime" ]; then
        exec "$python" -m compileall -q -s "$folder" -p /opt --invalidation-mode unchecked-hash "$folder/python"
    fi
done
# Bytecode is the same on every platform, so CPython compiled to WebAssembly will do.
if [ -n "${PYODIDE:-}" ] && command -v node >/dev/null; then
    exec node "$(dirname "$0")/compile.mjs" "$PYODIDE" "$runtime" "$folder"
fi
echo "No Python $runtime and no Pyodide here: this layer ships without .pyc files, and cold starts take two to" \
    "three times as long. Install Python $runtime or Node.js and build again." >&2

// compile.mjs PYODIDE RUNTIME FOLDER: what compile.sh does, with CPython for WebAssembly.
import { pathToFileURL } from "node:url";

const [pyodide, runtime, folder] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide();
python.mountNodeFS("/opt", folder);
python.globals.set("runtime", runtime);
python.runPython(`
import compileall, py_compile, sys

found = "%d.%d" % sys.version_info[:2]
if found != runtime:
    sys.exit(f"Pyodide is Python {found}, the layer is for {runtime}: see local/requirements/pyodide.")
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
if not compileall.compile_dir("/opt/python", quiet=1, invalidation_mode=unchecked):
    sys.exit("Not everything could be compiled.")
`);

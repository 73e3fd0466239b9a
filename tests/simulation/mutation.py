"""Mutants of the code that sends: every condition and guard found in the source, each removed or turned in one."""

import ast
import copy
import hashlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

MODULES = (
    "kabar.domain.brakes",
    "kabar.domain.calls",
    "kabar.domain.dispatch",
    "kabar.domain.slices",
    "kabar.legs.freeze",
    "kabar.legs.plan",
    "kabar.legs.repair",
    "kabar.legs.send",
    "kabar.legs.settle",
    "kabar.storage.campaigns",
    "kabar.storage.chunks",
    "kabar.storage.dispatch",
    "kabar.storage.turns",
)
_CONDITION_AT = {"put_in": 2, "delete_in": 2, "update_in": 3, "check_in": 2}  # of the positional arguments
_ALWAYS = "_always"


def always(condition: str | None) -> str | None:
    """The condition of a write, made to hold whatever is stored."""
    return condition and f"({condition}) OR attribute_not_exists(never_there)"


@dataclass(frozen=True)
class Mutant:
    """One change: `node` and `part` say where in the module's tree, `what` is for people."""

    module: str
    function: str
    what: str
    line: int
    node: int
    part: int
    kind: str

    @property
    def name(self) -> str:
        """What survives edits elsewhere in the module."""
        return f"{self.module.removeprefix('kabar.')}:{self.function}: {self.what}"


def source(module: str) -> str:
    path = importlib.import_module(module).__file__
    assert path
    return Path(path).read_text()


def fingerprint() -> str:
    """Of everything that decides what becomes of a mutant."""
    digest = hashlib.sha256()
    for module in MODULES:
        digest.update(source(module).encode())
    return digest.hexdigest()


def mutants(module: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source(module))
    found = list(_sites(module, tree))
    names: dict[str, int] = {}
    unique = []
    for each in sorted(found, key=lambda mutant: (mutant.line, mutant.node, mutant.part)):
        times = names[each.name] = names.get(each.name, 0) + 1
        what = f"{each.what} ({times})" if times > 1 else each.what
        unique.append(Mutant(**{**vars(each), "what": what}))
    return unique


def _sites(module: str, tree: ast.Module) -> Iterator[Mutant]:
    functions = _functions(tree)
    for number, node in enumerate(ast.walk(tree)):
        line = getattr(node, "lineno", None) or (
            node.target.lineno if isinstance(node, ast.comprehension) else None
        )
        function = next((name for name, first, last in functions if line and first <= line <= last), None)
        if line is None or function is None:
            continue
        for kind, part, what in _changes(node):
            yield Mutant(module, function, what, line, number, part, kind)


def _functions(tree: ast.Module) -> list[tuple[str, int, int]]:
    """Functions and methods with their lines, without those inside others."""
    found = []
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        found += [
            (prefix + each.name, each.lineno, each.end_lineno or each.lineno)
            for each in inner
            if isinstance(each, ast.FunctionDef)
        ]
    return found


def _changes(node: ast.AST) -> Iterator[tuple[str, int, str]]:
    """(kind, part, what) of every change of one node."""
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield "never", 0, f"never: {ast.unparse(node.test)}"
        if not isinstance(node, ast.While):
            yield "always", 0, f"always: {ast.unparse(node.test)}"
    elif isinstance(node, ast.BoolOp):
        for part, value in enumerate(node.values):
            yield "operand", part, f"without: {ast.unparse(value)}, in: {ast.unparse(node)}"
    elif isinstance(node, ast.comprehension):
        for part, test in enumerate(node.ifs):
            yield "filter", part, f"unfiltered: {ast.unparse(test)}"
    elif isinstance(node, ast.Raise):
        yield "raise", 0, f"not raised: {ast.unparse(node)}"
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Compare | ast.BoolOp):
        yield "true", 0, f"true: {ast.unparse(node.value)}"
        yield "false", 0, f"false: {ast.unparse(node.value)}"
    elif isinstance(node, ast.Call):
        yield from _conditions(node)


def _conditions(call: ast.Call) -> Iterator[tuple[str, int, str]]:
    for part, keyword in enumerate(call.keywords):
        if keyword.arg == "condition":
            yield "keyword", part, f"unconditional: {ast.unparse(keyword.value)}"
    place = _CONDITION_AT.get(call.func.id) if isinstance(call.func, ast.Name) else None
    if place is not None and len(call.args) > place:
        yield "argument", place, f"unconditional: {ast.unparse(call.args[place])}"


def _mutate(node: Any, kind: str, part: int) -> None:
    match kind:
        case "never" | "always":
            node.test = ast.Constant(kind == "always")
        case "operand":
            del node.values[part]
        case "filter":
            del node.ifs[part]
        case "true" | "false":
            node.value = ast.Constant(kind == "true")
        case "keyword":
            node.keywords[part].value = _wrapped(node.keywords[part].value)
        case "argument":
            node.args[part] = _wrapped(node.args[part])


def _wrapped(condition: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(_ALWAYS, ast.Load()), [condition], [])


class _Pass(ast.NodeTransformer):
    def __init__(self, target: ast.AST) -> None:
        self._target = target

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Pass() if node is self._target else node


def apply(mutant: Mutant) -> None:
    """Put the mutant's code in place of the function's, in this process."""
    module = importlib.import_module(mutant.module)
    tree = copy.deepcopy(ast.parse(source(mutant.module)))
    node = next(each for number, each in enumerate(ast.walk(tree)) if number == mutant.node)
    if mutant.kind == "raise":
        tree = _Pass(node).visit(tree)
    else:
        _mutate(node, mutant.kind, mutant.part)
    code = compile(ast.fix_missing_locations(tree), str(module.__file__), "exec")
    vars(module)[_ALWAYS] = always
    _function(module, mutant.function).__code__ = _code(code, mutant.function)


def _function(module: Any, name: str) -> FunctionType:
    holder: Any = module
    *classes, last = name.split(".")
    for each in classes:
        holder = getattr(holder, each)
    found = vars(holder)[last]
    if isinstance(found, property):
        found = found.fget
    found = getattr(found, "__func__", found)  # of static and class methods
    found = getattr(found, "func", found)  # of cached properties
    assert isinstance(found, FunctionType), name
    return found


def _code(code: CodeType, name: str) -> CodeType:
    for part in name.split("."):
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == part)
    return code

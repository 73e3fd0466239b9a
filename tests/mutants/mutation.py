"""Mutants of the code that sends: every condition, guard and step found in the source, each taken out in one.

What is mutated is the syntax tree; the source on disk stays as it is. A mutant's code is put into the functions that
are loaded, and into modules that are loaded later.
"""

import ast
import gc
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.machinery import SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "kabar" / "kabar"
MODULES = {
    "domain": "brakes breaker calls campaigns circuit dispatch slices",
    "legs": "freeze gate handover messages plan repair requests send settle silence tools watch",
    "storage": "campaign_pace campaigns carrier_ids chunks circuits dispatch executions facts held opt_outs pace"
    " plan_parts references requests schedules standings turns",
}
FUNCTIONS = "apply_receipts follow_people open_window send_lane send_messages sweep"
FILES = (
    *(LAYER / folder / f"{name}.py" for folder, names in MODULES.items() for name in names.split()),
    *(ROOT / "functions" / name / "handler.py" for name in FUNCTIONS.split()),
)
_WRITES = {"put_in": 2, "delete_in": 2, "update_in": 3, "check_in": 2}  # where their condition stands
_NEVER_THERE = "attribute_{}exists(never_there)"
_PLACES = "\ue000-\uf8ff"  # stand for what an f-string puts in
_OPERAND = rf"[#:]?[\w.{_PLACES}]+(?:\.#?\w+)*"
_CLAUSE = re.compile(
    rf"attribute_(?:not_)?exists\([^()]*\)|(?:contains|begins_with)\([^()]*\)|{_OPERAND} IN \([^()]*\)"
    rf"|{_OPERAND} (?:=|<>|<=|>=|<|>) {_OPERAND}"
)
_UPDATE = re.compile(r"\s*,?\s*(SET|REMOVE|ADD|DELETE)\s")
_ASIDE = ("logger.", "time.sleep(")  # steps that guard nothing

Put = Callable[[ast.AST], None]
Change = tuple[str, Callable[[], None]]  # what it does, and doing it to the tree at hand


@dataclass(frozen=True, eq=False)
class Mutant:
    """A change of a file; `line` is that of the statement it is in, `what` is for people."""

    file: Path
    function: str
    what: str
    line: int
    tree: ast.Module
    change: Callable[[], None]

    @property
    def name(self) -> str:
        """What survives edits elsewhere in the file."""
        return f"{module_of(self.file)}:{self.function}: {self.what}"

    def apply(self) -> None:
        """Put its code in place, once and for all in this process."""
        self.change()
        replace({self.file: self.tree})


def module_of(file: Path) -> str:
    """`storage.turns`, `send_lane`."""
    if file.is_relative_to(LAYER):
        return ".".join(file.relative_to(LAYER).with_suffix("").parts)
    return file.parent.name


def mutants(file: Path) -> list[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    tree = _tree(file)
    times: Counter[str] = Counter()
    found = []
    for function, line, what, change in list(_changes(tree)):
        times[function + what] += 1
        again = times[function + what]
        found.append(Mutant(file, function, f"{what} ({again})" if again > 1 else what, line, tree, change))
    return found


@cache
def digest(file: Path, function: str) -> str:
    """Of a function's code, without its comments."""
    (node,) = [node for name, node in _functions(_tree(file)) if name == function]
    return hashlib.sha256(ast.unparse(node).encode()).hexdigest()[:16]


@cache
def loaded() -> Mapping[str, list[FunctionType]]:
    """Functions by their files, of modules that are loaded at the first call."""
    found: defaultdict[str, list[FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, FunctionType):
            found[each.__code__.co_filename].append(each)
    return found


def replace(trees: Mapping[Path, ast.Module]) -> None:
    """Put the code of these trees into the functions that are loaded, and into modules that will be."""
    modules = {}
    for file, tree in trees.items():
        module = modules[str(file)] = compile(ast.fix_missing_locations(tree), str(file), "exec")
        codes = {code.co_qualname: code for code in _within(module)}
        for each in loaded()[str(file)]:
            each.__code__ = codes[each.__code__.co_qualname]
    loader: Any = SourceFileLoader
    get_code = loader.get_code
    loader.get_code = lambda self, name: modules.get(self.path) or get_code(self, name)


def _within(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _within(each)


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods; those inside others are part of them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.FunctionDef):
                    yield f"{node.name}.{each.name}", each


def traced(file: Path) -> ast.Module:
    """The file's tree with a call of `passed((file, line))` before every statement of its functions."""
    tree = _tree(file)
    for _, function in _functions(tree):
        for block in list(_blocks(function)):
            start = 1 if ast.get_docstring(function) and block is function.body else 0
            block[start:] = [each for node in block[start:] for each in (_passed(file, node), node)]
    return tree


def _passed(file: Path, node: ast.stmt) -> ast.stmt:
    where = ast.Tuple([ast.Constant(module_of(file)), ast.Constant(node.lineno)], ast.Load())
    return ast.Expr(ast.Call(ast.Name("passed", ast.Load()), [where], []))


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for child in ast.walk(node):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(child, name, None)
            if isinstance(block, list) and block:
                yield block


def _changes(tree: ast.Module) -> Iterator[tuple[str, int, str, Callable[[], None]]]:
    """(function, line of the statement, what, do) of every change."""
    for name, function in _functions(tree):
        for statement in function.body:
            for line, node, parent, put in _slots(statement, function, function.lineno):
                for what, do in _of(node, parent, put):
                    yield name, line, what, do


def _slots(
    statement: ast.AST, parent: ast.AST, line: int, put: Put | None = None
) -> Iterator[tuple[int, ast.AST, ast.AST, Put]]:
    """Every node with its parent, the line of its statement and what puts another in its place."""
    if put is None:
        body: Any = parent
        put = partial(body.body.__setitem__, body.body.index(statement))
    if isinstance(statement, ast.stmt):
        line = statement.lineno
    elif isinstance(statement, ast.ExceptHandler):
        line = statement.body[0].lineno
    if isinstance(statement, ast.Expr) and ast.unparse(statement).startswith(_ASIDE):
        return
    yield line, statement, parent, put
    for field, value in ast.iter_fields(statement):
        if isinstance(value, ast.AST):
            yield from _slots(value, statement, line, partial(setattr, statement, field))
        elif isinstance(value, list):
            for index, child in enumerate(value):
                if isinstance(child, ast.AST):
                    yield from _slots(child, statement, line, partial(value.__setitem__, index))


def _of(node: ast.AST, parent: ast.AST, put: Put) -> Iterator[Change]:
    """Every change of one node."""
    match node:
        case ast.If() | ast.IfExp() | ast.While():
            yield from _test(node)
        case ast.comprehension():
            for part, test in enumerate(node.ifs):
                yield f"unfiltered: {ast.unparse(test)}", partial(node.ifs.__delitem__, part)
        case ast.Raise() | ast.Expr(value=ast.Call()):
            never = ast.If(ast.Constant(False), [node], [])  # keeps the cell of `super()`
            yield f"left out: {ast.unparse(node)}", partial(put, never)
        case ast.ExceptHandler() if not isinstance(node.body[0], ast.Raise):
            caught = ast.unparse(node.type) if node.type else "everything"
            yield f"not caught: {caught}", partial(setattr, node, "body", [ast.Raise()])
        case ast.expr():
            yield from _value(node, parent, put)


def _value(node: ast.expr, parent: ast.AST, put: Put) -> Iterator[Change]:
    match node:
        case ast.BoolOp():
            for part, value in enumerate(node.values):
                rest = node.values[:part] + node.values[part + 1 :]
                less = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
                yield f"without: {ast.unparse(value)}, in: {ast.unparse(node)}", partial(put, less)
        case ast.Compare():
            yield from _compared(node, parent, put)
        case ast.Tuple(ctx=ast.Load()) if isinstance(parent, ast.For | ast.comprehension):
            yield from _less(node, node)
        case ast.UnaryOp(op=ast.Not()) if not _decides(parent):
            yield from _truth(node, put)
        case ast.Call():
            yield from _called(node, parent, put)
        case ast.Constant(value=str()) | ast.JoinedStr() if not isinstance(parent, ast.JoinedStr | ast.List):
            yield from _clauses(node, put)


def _test(node: ast.If | ast.IfExp | ast.While) -> Iterator[Change]:
    test = ast.unparse(node.test)
    yield f"never: {test}", partial(setattr, node, "test", ast.Constant(False))
    if not isinstance(node, ast.While):
        yield f"always: {test}", partial(setattr, node, "test", ast.Constant(True))


def _decides(parent: ast.AST) -> bool:
    """Whether what stands there is changed as part of its parent already."""
    return isinstance(parent, ast.If | ast.IfExp | ast.While | ast.BoolOp | ast.comprehension) or (
        isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    )


def _truth(node: ast.expr, put: Put) -> Iterator[Change]:
    for value in (True, False):
        yield f"{value}: {ast.unparse(node)}", partial(put, ast.Constant(value))


def _compared(node: ast.Compare, parent: ast.AST, put: Put) -> Iterator[Change]:
    """A comparison that stands by itself, and each member of a set that something is looked for in."""
    if not _decides(parent):
        yield from _truth(node, put)
    (last,) = node.comparators[-1:]
    if isinstance(last, ast.Tuple | ast.Set | ast.List) and isinstance(node.ops[-1], ast.In | ast.NotIn):
        yield from _less(last, node)


def _less(several: ast.Tuple | ast.Set | ast.List, shown: ast.expr) -> Iterator[Change]:
    for part, member in enumerate(several.elts):
        less = partial(several.elts.__delitem__, part)
        yield f"without: {ast.unparse(member)}, in: {ast.unparse(shown)}", less


def _called(call: ast.Call, parent: ast.AST, put: Put) -> Iterator[Change]:
    """Conditions of writes, consistent reads, bounds by min and max, and what holds for all or any."""
    name = call.func.id if isinstance(call.func, ast.Name) else None
    if name in ("min", "max") and len(call.args) > 1:
        for part, bound in enumerate(call.args):
            what = f"without: {ast.unparse(bound)}, in: {ast.unparse(call)}"
            rest = call.args[:part] + call.args[part + 1 :]
            less = rest[0] if len(rest) == 1 else ast.Call(call.func, rest, call.keywords)
            yield what, partial(put, less)
    if name in ("all", "any", "isinstance") and not _decides(parent):
        yield from _truth(call, put)
    for keyword in call.keywords:
        instead = partial(setattr, keyword, "value")
        if keyword.arg == "condition":
            yield from _unconditional(keyword.value, instead)
        elif keyword.arg == "consistent" and isinstance(keyword.value, ast.Constant):
            yield f"may lag: {ast.unparse(call)}", partial(instead, ast.Constant(False))
    if name in _WRITES and len(call.args) > _WRITES[name]:
        place = _WRITES[name]
        yield from _unconditional(call.args[place], partial(call.args.__setitem__, place))


def _unconditional(condition: ast.expr, put: Put) -> Iterator[Change]:
    """The condition of a write, made to hold whatever is stored; a single clause is changed as one."""
    if isinstance(condition, ast.Constant) and len(_CLAUSE.findall(str(condition.value))) < 2:
        return
    text = f"(lambda given: given and f'({{given}}) OR {_NEVER_THERE.format('not_')}')"
    held = ast.Call(ast.parse(text, mode="eval").body, [condition], [])
    yield f"unconditional: {ast.unparse(condition)}", partial(put, held)


def _clauses(node: ast.Constant | ast.JoinedStr, put: Put) -> Iterator[Change]:
    """Each clause of a condition in DynamoDB's language: made to hold, or not to where another would do."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(
        str(part.value) if isinstance(part, ast.Constant) else chr(0xE000 + place)
        for place, part in enumerate(parts)
    )
    if _UPDATE.match(text):
        return
    for found in _CLAUSE.finditer(text):
        clause, before, after = found.group(), text[: found.start()], text[found.end() :]
        shown = re.sub(f"[{_PLACES}]", lambda place: _shown(parts, place.group()), clause)
        free = f"{before}({clause} OR {_NEVER_THERE.format('not_')}){after}"
        yield f"holds: {shown}", partial(put, _text(free, parts))
        if before.rstrip(" (").endswith(" OR") or after.startswith(" OR "):
            shut = f"{before}({clause} AND {_NEVER_THERE.format('')}){after}"
            yield f"never holds: {shown}", partial(put, _text(shut, parts))


def _shown(parts: list[Any], place: str) -> str:
    return "{" + ast.unparse(parts[ord(place) - 0xE000].value) + "}"


def _text(text: str, parts: list[Any]) -> ast.expr:
    """A string expression, with the parts back in their places."""
    edges = [0, *(at for found in re.finditer(f"[{_PLACES}]", text) for at in found.span()), len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges) if end > start]
    values = [parts[ord(p) - 0xE000] if re.fullmatch(f"[{_PLACES}]", p) else ast.Constant(p) for p in pieces]
    return ast.JoinedStr(values)

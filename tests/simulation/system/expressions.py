"""DynamoDB's conditions and updates, compiled to Python once per text; what the product doesn't use raises.

In the code, `row` is the item, `n` and `v` are the names and values of the request.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Item = dict[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Test = Callable[[Item, Names, Values], bool]
Change = Callable[[Item, Names, Values], None]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[#:]?[A-Za-z_][\w#]*|[(),.=<>+\-])")
_COMPARISONS = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Invalid(Exception):
    """DynamoDB would refuse this expression, or nobody taught us its meaning."""


class _Absent:
    """An attribute that isn't there: different from everything, and neither smaller nor larger."""

    def _never(self, _other: object) -> bool:
        return False

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _never
    __hash__ = None  # type: ignore[assignment]  # nobody looks it up


ABSENT = _Absent()


@cache
def condition(text: str) -> Test:
    """Whether an item fulfils a condition."""
    reader = _Reader(text)
    test = reader.any()
    reader.end()
    made: Test = _compiled(f"def made(row, n, v):\n    return {test}\n")
    return made


@cache
def update(text: str) -> Change:
    """Changes an item in place; every right side sees it as it was."""
    reader = _Reader(text)
    changes: list[str] = []
    while clause := reader.peek():
        reader.next()
        changes.append(reader.change(clause.upper()))
        while reader.peek() == ",":
            reader.next()
            changes.append(reader.change(clause.upper()))
    body = "\n".join(f"    {change}" for change in changes)
    made: Change = _compiled(f"def made(after, n, v):\n    row = dict(after)\n{body}\n")
    return made


@cache
def used(*texts: str) -> frozenset[str]:
    """Names and values that expressions mention."""
    return frozenset(re.findall(r"[#:]\w+", " ".join(texts)))


def _compiled(source: str) -> Any:
    scope: dict[str, Any] = {"A": ABSENT, "deep": _deep, "there": _there, "old": _old, "holder": _holder}
    scope |= {"add": _add, "delete": _delete, "starts": _starts, "holds": _holds}
    exec(source, scope)  # noqa: S102  # made of the reader's own words, names of attributes are quoted
    return scope["made"]


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        if "".join(self._tokens) != re.sub(r"\s", "", text):
            raise Invalid(text)

    # ---- conditions ----

    def any(self) -> str:
        tests = [self._all()]
        while self.peek().upper() == "OR":
            self.next()
            tests.append(self._all())
        return " or ".join(tests) if len(tests) == 1 else f"({' or '.join(tests)})"

    def _all(self) -> str:
        tests = [self._not()]
        while self.peek().upper() == "AND":
            self.next()
            tests.append(self._not())
        return f"({' and '.join(tests)})"

    def _not(self) -> str:
        if self.peek().upper() == "NOT":
            self.next()
            return f"(not {self._not()})"
        if self.peek() == "(":
            self.next()
            test = self.any()
            self._take(")")
            return test
        return self._test()

    def _test(self) -> str:
        word = self.peek()
        if word in {"attribute_exists", "attribute_not_exists"}:
            self.next()
            self._take("(")
            path = self._operand()
            self._take(")")
            return f"({path} {'is not' if word == 'attribute_exists' else 'is'} A)"
        if word in {"begins_with", "contains"}:
            self.next()
            self._take("(")
            whole = self._operand()
            self._take(",")
            part = self._operand()
            self._take(")")
            return f"starts({whole}, {part})" if word == "begins_with" else f"holds({whole}, {part})"
        return self._comparison()

    def _comparison(self) -> str:
        left, operator = self._operand(), self.next()
        if operator.upper() == "IN":
            self._take("(")
            among = [self._operand()]
            while self.peek() == ",":
                self.next()
                among.append(self._operand())
            self._take(")")
            return f"({left} in ({', '.join(among)},))"
        if operator.upper() == "BETWEEN":
            low = self._operand()
            self._take("AND")
            return f"({low} <= {left} <= {self._operand()})"
        if operator not in _COMPARISONS:
            raise Invalid(f"{left} {operator}")
        return f"({left} {_COMPARISONS[operator]} {self._operand()})"

    # ---- updates ----

    def change(self, clause: str) -> str:
        path = self._path()
        name, target = _quoted(path[-1]), "after" if len(path) == 1 else f"holder(after, {_list(path[:-1])})"
        if clause == "SET":
            self._take("=")
            return f"{target}[{name}] = {self._sum()}"
        if clause == "REMOVE":
            return f"{target}.pop({name}, None)"
        if clause == "ADD":
            return f"add({target}, {name}, {self._operand()})"
        if clause == "DELETE":
            return f"delete({target}, {name}, {self._operand()})"
        raise Invalid(clause)

    def _sum(self) -> str:
        term = self._there()
        while self.peek() in {"+", "-"}:
            term += f" {self.next()} {self._there()}"
        return term

    def _there(self) -> str:
        operand = self._operand()
        return operand if operand.startswith("v[") else f"there({operand})"

    def _operand(self) -> str:
        word = self.peek()
        if word.startswith(":"):
            self.next()
            return f"v[{word!r}]"
        if word == "if_not_exists":
            self.next()
            self._take("(")
            old = self._read(self._path())
            self._take(",")
            new = self._operand()
            self._take(")")
            return f"old({old}, {new})"
        return self._read(self._path())

    @staticmethod
    def _read(path: list[str]) -> str:
        return f"row.get({_quoted(path[0])}, A)" if len(path) == 1 else f"deep(row, {_list(path)})"

    def _path(self) -> list[str]:
        path = [self.next()]
        while self.peek() == ".":
            self.next()
            path.append(self.next())
        return path

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def next(self) -> str:
        self._at += 1
        return str(self._tokens[self._at - 1])

    def end(self) -> None:
        if self.peek():
            raise Invalid(" ".join(self._tokens))

    def _take(self, wanted: str) -> None:
        if (found := self.next()) != wanted:
            raise Invalid(f"{wanted} expected, {found} found")


def _quoted(part: str) -> str:
    return f"n[{part!r}]" if part[0] == "#" else repr(part)


def _list(path: list[str]) -> str:
    return f"({''.join(_quoted(part) + ', ' for part in path)})"


# ---- what the code calls ----


def _deep(row: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        row = row.get(name, ABSENT) if isinstance(row, dict) else ABSENT
    return row


def _there(value: Any) -> Any:
    if value is ABSENT:
        raise Invalid("an attribute on the right side is missing")
    return value


def _old(old: Any, new: Any) -> Any:
    return new if old is ABSENT else old


def _holder(row: Item, path: tuple[str, ...]) -> Item:
    for name in path:
        if not isinstance(row.get(name), dict):
            raise Invalid("the path is invalid for update: " + ".".join(path))
        row[name] = row = dict(row[name])  # the map as it was stays with whoever read it
    return row


def _starts(whole: Any, start: str) -> bool:
    return isinstance(whole, str) and whole.startswith(start)


def _holds(whole: Any, part: Any) -> bool:
    return isinstance(whole, str | set | list) and part in whole


def _delete(holder: Item, name: str, taken: set[str]) -> None:
    left = holder.pop(name, set()) - taken
    if left:  # there is no empty set
        holder[name] = left


def _add(holder: Item, name: str, added: Any) -> None:
    before = holder.get(name, set() if isinstance(added, set) else 0)
    holder[name] = before | added if isinstance(added, set) else before + added

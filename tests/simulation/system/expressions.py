"""DynamoDB's conditions and updates, compiled once per text; what the product doesn't use raises."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Item = dict[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Term = Callable[[Item, Names, Values], Any]
Test = Callable[[Item, Names, Values], bool]
Change = Callable[[Item, Item, Names, Values], None]  # (as it was, as it becomes, …)

ABSENT = object()
_TOKEN = re.compile(r"\s*(<>|<=|>=|[#:]?[A-Za-z_][\w#]*|[(),.=<>+\-])")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


class Invalid(Exception):
    """DynamoDB would refuse this expression, or nobody taught us its meaning."""


@cache
def condition(text: str) -> Test:
    """Whether an item fulfils a condition."""
    reader = _Reader(text)
    test = reader.any()
    reader.end()
    return test


@cache
def update(text: str) -> Callable[[Item, Names, Values], None]:
    """Changes an item in place; every right side sees it as it was."""
    reader = _Reader(text)
    changes: list[Change] = []
    while clause := reader.peek():
        reader.next()
        changes.append(reader.change(clause.upper()))
        while reader.peek() == ",":
            reader.next()
            changes.append(reader.change(clause.upper()))

    def apply(row: Item, names: Names, values: Values) -> None:
        before = dict(row)
        for change in changes:
            change(before, row, names, values)

    return apply


@cache
def used(*texts: str) -> frozenset[str]:
    """Names and values that expressions mention."""
    return frozenset(re.findall(r"[#:]\w+", " ".join(texts)))


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        if "".join(self._tokens) != re.sub(r"\s", "", text):
            raise Invalid(text)

    # ---- conditions ----

    def any(self) -> Test:
        tests = [self._all()]
        while self.peek().upper() == "OR":
            self.next()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda row, n, v: any(test(row, n, v) for test in tests)

    def _all(self) -> Test:
        tests = [self._not()]
        while self.peek().upper() == "AND":
            self.next()
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda row, n, v: all(test(row, n, v) for test in tests)

    def _not(self) -> Test:
        if self.peek().upper() == "NOT":
            self.next()
            inner = self._not()
            return lambda row, n, v: not inner(row, n, v)
        if self.peek() == "(":
            self.next()
            test = self.any()
            self._take(")")
            return test
        return self._test()

    def _test(self) -> Test:
        word = self.peek()
        if word in {"attribute_exists", "attribute_not_exists"}:
            self.next()
            self._take("(")
            path = self._operand()
            self._take(")")
            wanted = word == "attribute_exists"
            return lambda row, n, v: (path(row, n, v) is not ABSENT) == wanted
        if word == "begins_with":
            self.next()
            self._take("(")
            text = self._operand()
            self._take(",")
            start = self._operand()
            self._take(")")
            return lambda row, n, v: str(text(row, n, v)).startswith(start(row, n, v))
        return self._comparison()

    def _comparison(self) -> Test:
        left, operator = self._operand(), self.next()
        if operator.upper() == "IN":
            self._take("(")
            among = [self._operand()]
            while self.peek() == ",":
                self.next()
                among.append(self._operand())
            self._take(")")
            return lambda row, n, v: left(row, n, v) in [each(row, n, v) for each in among]
        if operator.upper() == "BETWEEN":
            low = self._operand()
            self._take("AND")
            high = self._operand()
            return lambda row, n, v: bool(low(row, n, v) <= left(row, n, v) <= high(row, n, v))
        right, compare = self._operand(), _COMPARISONS[operator]

        def test(row: Item, names: Names, values: Values) -> bool:
            one, other = left(row, names, values), right(row, names, values)
            if one is ABSENT or other is ABSENT:
                return operator == "<>" and one is not other
            return compare(one, other)

        return test

    # ---- updates ----

    def change(self, clause: str) -> Change:
        path = self._path()
        if clause == "SET":
            self._take("=")
            return _set(path, self._sum())
        if clause == "REMOVE":
            return _remove(path)
        if clause == "ADD":
            return _add(path, self._operand())
        raise Invalid(clause)

    def _sum(self) -> Term:
        term = self._operand()
        while self.peek() in {"+", "-"}:
            term = _plus(term, 1 if self.next() == "+" else -1, self._operand())
        return term

    def _operand(self) -> Term:
        word = self.peek()
        if word.startswith(":"):
            self.next()
            return lambda _row, _names, values: values[word]
        if word == "if_not_exists":
            self.next()
            self._take("(")
            old = self._read(self._path())
            self._take(",")
            new = self._operand()
            self._take(")")
            return lambda row, n, v: new(row, n, v) if old(row, n, v) is ABSENT else old(row, n, v)
        return self._read(self._path())

    def _read(self, path: list[str]) -> Term:
        if len(path) == 1:
            (name,) = path
            return lambda row, names, _v: row.get(names[name] if name[0] == "#" else name, ABSENT)

        def read(row: Item, names: Names, _values: Values) -> Any:
            value: Any = row
            for part in path:
                value = value.get(_real(part, names), ABSENT) if isinstance(value, dict) else ABSENT
            return value

        return read

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


def _real(part: str, names: Names) -> str:
    return names[part] if part[0] == "#" else part


def _holder(row: Item, path: list[str], names: Names) -> tuple[Item, str]:
    for part in path[:-1]:
        name = _real(part, names)
        if not isinstance(row.get(name), dict):
            raise Invalid("the path is invalid for update: " + ".".join(path))
        row[name] = row = dict(row[name])  # the map as it was stays with whoever read it
    return row, _real(path[-1], names)


def _set(path: list[str], term: Term) -> Change:
    def change(before: Item, after: Item, names: Names, values: Values) -> None:
        value = term(before, names, values)
        if value is ABSENT:
            raise Invalid("an attribute on the right side is missing")
        holder, name = _holder(after, path, names)
        holder[name] = value

    return change


def _remove(path: list[str]) -> Change:
    def change(_before: Item, after: Item, names: Names, _values: Values) -> None:
        holder, name = _holder(after, path, names)
        holder.pop(name, None)

    return change


def _add(path: list[str], term: Term) -> Change:
    def change(before: Item, after: Item, names: Names, values: Values) -> None:
        holder, name = _holder(after, path, names)
        added = term(before, names, values)
        holder[name] = holder.get(name, set() if isinstance(added, set) else 0)
        holder[name] = holder[name] | added if isinstance(added, set) else holder[name] + added

    return change


def _plus(left: Term, sign: int, right: Term) -> Term:
    return lambda row, n, v: left(row, n, v) + sign * right(row, n, v)

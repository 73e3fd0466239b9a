"""DynamoDB in memory behind the client's own methods, strict about conditions, paths and expression names.

Only what the product uses; an expression it doesn't know raises, it never passes by accident.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from itertools import permutations
from typing import Any

from botocore.exceptions import ClientError

from kabar.storage.dynamo import decode_item, encode_item

Item = dict[str, Any]
_TOKEN = re.compile(r"\s*(<>|<=|>=|[#:]?[A-Za-z_][\w#]*|[(),.=<>+\-])")
_ABSENT = object()


def client_error(code: str, **more: Any) -> ClientError:
    """The error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": code}, **more}, "Operation")


class FakeDynamo:
    """`tables[name][pk, sk]` are plain items. `before` holds functions called once before the next write."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[str, str], Item]] = defaultdict(dict)
        self._copy: dict[str, dict[tuple[str, str], Item]] = self.tables
        self._one_by_one = threading.Lock()
        self.calls: list[str] = []
        self.before: list[Callable[[], None]] = []

    def seed(self, table: str, key: Mapping[str, str], **attributes: Any) -> None:
        """Store an item as if it had been there."""
        self.tables[table][_place(key)] = {**key, **attributes}

    def find(self, table: str, key: Mapping[str, str]) -> Item | None:
        return self.tables[table].get(_place(key))

    def lag(self) -> None:
        """Reads that don't ask for ConsistentRead see from now on what there is at this moment."""
        self._copy = deepcopy(self.tables)

    def _seen(self, table: str, request: Mapping[str, Any]) -> dict[tuple[str, str], Item]:
        return (self.tables if request.get("ConsistentRead") else self._copy)[table]

    # ---- the client's methods ----------------------------------------------------------------------------

    def get_item(self, **request: Any) -> dict[str, Any]:
        self.calls.append("get_item")
        found = self._seen(request["TableName"], request).get(_place(decode_item(request["Key"])))
        return {"Item": encode_item(found)} if found else {}

    def query(self, **request: Any) -> dict[str, Any]:
        self.calls.append("query")
        names, values = request["ExpressionAttributeNames"], decode_item(request["ExpressionAttributeValues"])
        pk, sk = names["#pk"], names.get("#sk", "sk")
        expression = Expression(request["KeyConditionExpression"], names, values)
        every = list(self._seen(request["TableName"], request).values())  # others may write meanwhile
        rows = [
            row for row in every if row.get(pk) == values[":pk"] and sk in row
        ]  # a short way to most of it
        rows = sorted((r for r in rows if expression.holds(r)), key=lambda row: str(row[sk]))
        if not request.get("ScanIndexForward", True):
            rows.reverse()
        if start := request.get("ExclusiveStartKey"):
            seen = [_place(row) for row in rows].index(_place(decode_item(start)))
            rows = rows[seen + 1 :]
        limit = request.get("Limit", len(rows))
        more = {"LastEvaluatedKey": encode_item(_key(rows[limit - 1]))} if len(rows) > limit else {}
        return {"Items": [encode_item(row) for row in rows[:limit]], **more}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803  # boto3's name
        self.calls.append("batch_get_item")
        answers: dict[str, list[Any]] = {}
        for table, request in RequestItems.items():
            keys = [decode_item(key) for key in request["Keys"]]
            _distinct(keys, 100)
            found = [row for key in keys if (row := self._seen(table, request).get(_place(key)))]
            names = request.get("ExpressionAttributeNames", {})
            only = {names[alias] for alias in request.get("ProjectionExpression", "").split(", ") if alias}
            answers[table] = [
                encode_item({name: row[name] for name in row if name in only or not only}) for row in found
            ]
        return {"Responses": answers, "UnprocessedKeys": {}}

    def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803  # boto3's name
        self._interfere("batch_write_item")
        for table, requests in RequestItems.items():
            writes = [next(iter(request.values())) for request in requests]
            _distinct([decode_item(write.get("Item") or write["Key"]) for write in writes], 25)
            for write in writes:
                if "Item" in write:
                    row = decode_item(write["Item"])
                    self.tables[table][_place(row)] = row
                else:
                    self.tables[table].pop(_place(decode_item(write["Key"])), None)
        return {"UnprocessedItems": {}}

    def put_item(self, **request: Any) -> dict[str, Any]:
        self._interfere("put_item")
        self._guarded(request)
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._interfere("update_item")
        return {"Attributes": encode_item(self._guarded(request))}

    def delete_item(self, **request: Any) -> dict[str, Any]:
        self._interfere("delete_item")
        self._guarded(request)
        return {}

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # boto3's
        self._interfere("transact_write_items")
        requests = [next(iter(entry.values())) for entry in TransactItems]
        keys = [{**_key(decode_item(r.get("Item") or r["Key"])), "t": r["TableName"]} for r in requests]
        _distinct(keys, 100)
        holds = [self._holds(request) for request in requests]
        if not all(holds):
            reasons = [{"Code": "None" if held else "ConditionalCheckFailed"} for held in holds]
            raise client_error("TransactionCanceledException", CancellationReasons=reasons)
        for entry in TransactItems:
            if "ConditionCheck" not in entry:
                self._write(next(iter(entry.values())))
        return {}

    # ---- how ---------------------------------------------------------------------------------------------

    def _interfere(self, call: str) -> None:
        self.calls.append(call)
        if self.before:
            self.before.pop(0)()

    def _holds(self, request: Mapping[str, Any]) -> bool:
        if "ConditionExpression" not in request:
            return True
        row = self.find(request["TableName"], decode_item(request.get("Item") or request["Key"])) or {}
        return self._expression(request, "ConditionExpression").holds(row)

    def _guarded(self, request: Mapping[str, Any]) -> Item:
        with self._one_by_one:
            if not self._holds(request):
                raise client_error("ConditionalCheckFailedException")
            return self._write(request)

    def _write(self, request: Mapping[str, Any]) -> Item:
        _all_used(request)
        table = self.tables[request["TableName"]]
        if "Item" in request:
            row = decode_item(request["Item"])
        else:
            key = _key(decode_item(request["Key"]))
            if "UpdateExpression" not in request:
                return table.pop(_place(key), {})
            row = self._expression(request, "UpdateExpression").updated(table.get(_place(key), dict(key)))
        table[_place(row)] = row
        return row

    @staticmethod
    def _expression(request: Mapping[str, Any], which: str) -> "Expression":
        return Expression(
            request[which],
            request.get("ExpressionAttributeNames", {}),
            decode_item(request.get("ExpressionAttributeValues", {})),
        )


class Expression:
    """One condition or update expression over plain values."""

    def __init__(self, text: str, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens) != re.sub(r"\s", "", text):
            raise client_error("ValidationException: " + text)
        self._names = names
        self._values = values
        self._at = 0
        self._row: Item = {}

    def holds(self, row: Item) -> bool:
        self._at, self._row = 0, row
        result = self._any()
        if self._peek():
            raise client_error("ValidationException: " + " ".join(self._tokens))
        return result

    def updated(self, row: Item) -> Item:
        """A changed copy; every right-hand side sees the item as it was before."""
        self._at, self._row = 0, row
        changed, paths = deepcopy(row), list[list[str]]()
        while clause := self._peek():
            self._next()
            while True:
                paths.append(self._action(clause.upper(), changed))
                if self._peek() != ",":
                    break
                self._next()
        for one, other in permutations(paths, 2):
            if one == other[: len(one)]:
                raise client_error("ValidationException: two paths overlap: " + ".".join(other))
        return changed

    def _action(self, clause: str, changed: Item) -> list[str]:
        """Do it, and say to what."""
        path = self._path()
        *parents, last = path
        holder = changed
        for name in parents:
            if not isinstance(holder.get(name), dict):
                raise client_error("ValidationException: the path is invalid for update: " + ".".join(path))
            holder = holder[name]
        if clause == "SET":
            self._take("=")
            value = self._sum()
            if value is _ABSENT:
                raise client_error("ValidationException: an attribute on the right side is missing")
            holder[last] = deepcopy(value)
        elif clause == "REMOVE":
            holder.pop(last, None)
        elif clause == "ADD":
            value = self._operand()
            holder[last] = (
                holder.get(last, set()) | value if isinstance(value, set) else holder.get(last, 0) + value
            )
        elif clause == "DELETE":
            rest = holder.get(last, set()) - self._operand()
            holder.pop(last, None)
            if rest:
                holder[last] = rest
        else:
            raise client_error("ValidationException: " + clause)
        return path

    def _any(self) -> bool:
        result = self._all()
        while self._peek().upper() == "OR":
            self._next()
            result = self._all() or result
        return result

    def _all(self) -> bool:
        result = self._not()
        while self._peek().upper() == "AND":
            self._next()
            result = self._not() and result
        return result

    def _not(self) -> bool:
        if self._peek().upper() == "NOT":
            self._next()
            return not self._not()
        if self._peek() == "(":
            self._next()
            result = self._any()
            self._take(")")
            return result
        return self._test()

    def _test(self) -> bool:
        word = self._peek()
        if word in {"attribute_exists", "attribute_not_exists", "begins_with", "contains"}:
            self._next()
            self._take("(")
            first = self._operand()
            if word.startswith("attribute"):
                self._take(")")
                return (first is not _ABSENT) == (word == "attribute_exists")
            self._take(",")
            second = self._operand()
            self._take(")")
            if first is _ABSENT:
                return False
            return str(first).startswith(second) if word == "begins_with" else second in first
        left, operator = self._operand(), self._next()
        if operator.upper() == "IN":
            return left in self._among()
        if operator.upper() == "BETWEEN":
            low = self._operand()
            self._take("AND")
            high = self._operand()
            return bool(left is not _ABSENT and low <= left <= high)
        right = self._operand()
        if left is _ABSENT or right is _ABSENT:
            return operator == "<>" and left is not right
        comparisons: dict[str, Callable[[], bool]] = {
            "=": lambda: bool(left == right),
            "<>": lambda: bool(left != right),
            "<": lambda: bool(left < right),
            "<=": lambda: bool(left <= right),
            ">": lambda: bool(left > right),
            ">=": lambda: bool(left >= right),
        }
        return comparisons[operator]()

    def _among(self) -> list[Any]:
        self._take("(")
        values = [self._operand()]
        while self._peek() == ",":
            self._next()
            values.append(self._operand())
        self._take(")")
        return values

    def _sum(self) -> Any:
        value = self._operand()
        while self._peek() in {"+", "-"}:
            sign = 1 if self._next() == "+" else -1
            value += sign * self._operand()
        return value

    def _operand(self) -> Any:
        word = self._peek()
        if word.startswith(":"):
            return self._values[self._next()]
        if word == "list_append":
            self._next()
            self._take("(")
            first = self._operand()
            self._take(",")
            second = self._operand()
            self._take(")")
            return [*first, *second]
        if word == "if_not_exists":
            self._next()
            self._take("(")
            old = self._read(self._path())
            self._take(",")
            new = self._operand()
            self._take(")")
            return new if old is _ABSENT else old
        return self._read(self._path())

    def _read(self, path: list[str]) -> Any:
        value: Any = self._row
        for name in path:
            if not isinstance(value, dict) or name not in value:
                return _ABSENT
            value = value[name]
        return value

    def _path(self) -> list[str]:
        path = [self._name()]
        while self._peek() == ".":
            self._next()
            path.append(self._name())
        return path

    def _name(self) -> str:
        word = self._next()
        return self._names[word] if word.startswith("#") else word

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        self._at += 1
        return str(self._tokens[self._at - 1])

    def _take(self, wanted: str) -> None:
        if (found := self._next()) != wanted:
            raise client_error(f"ValidationException: {wanted} expected, {found} found")


def _place(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"], item.get("sk", "")


def _key(item: Mapping[str, Any]) -> Item:
    return {name: item[name] for name in ("pk", "sk") if name in item}


def _distinct(items: list[Item], most: int) -> None:
    places = [(*_place(item), item.get("t")) for item in items]
    if len(set(places)) != len(places) or not 0 < len(places) <= most:
        raise client_error("ValidationException: keys repeat, or too many, or none")


def _all_used(request: Mapping[str, Any]) -> None:
    text = " ".join(request.get(which, "") for which in ("ConditionExpression", "UpdateExpression"))
    used = set(re.findall(r"[#:]\w+", text))
    given = {*request.get("ExpressionAttributeNames", {}), *request.get("ExpressionAttributeValues", {})}
    if used != given:
        raise client_error(f"ValidationException: names or values {used ^ given} unused or missing")

"""DynamoDB behind the client's own methods: strict, and every call an effect at which anything may happen.

Items stay plain Python values: `kabar.storage.dynamo` encodes nothing while the simulation runs (machinery.py).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulation.system import expressions
from tests.simulation.system.effects import Effects
from tests.simulation.system.expressions import Invalid, Item, Names, Values
from tests.simulation.system.kernel import Kernel, Process

Pair = tuple[str, str]
Written = Callable[[str, Item, Item | None, Item | None, Process | None], None]
STALE = 1000  # ms that a read without ConsistentRead may lag
_SCALARS = frozenset((str, bool, bytes, int, float, type(None)))


def plain(item: Mapping[str, Any]) -> Item:
    """A copy that shares nothing; raises TypeError for what DynamoDB doesn't take."""
    copy = dict(item)
    if not _SCALARS.issuperset(map(type, copy.values())):
        for name, value in copy.items():
            if type(value) not in _SCALARS:
                copy[name] = _plain(value)
    return copy


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return plain(value)
    if kind in {list, tuple}:
        return [each if type(each) in _SCALARS else _plain(each) for each in value]
    if kind is bytearray:
        return bytes(value)
    if kind in {set, frozenset}:
        return set(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"DynamoDB takes no {kind.__name__}")


def client_error(code: str, **more: Any) -> Any:
    """The error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": code}, **more}, "Operation")


def lost() -> Any:
    """What the SDK raises when the last of its attempts brings no answer."""
    return ReadTimeoutError(endpoint_url="https://simulated")


def throttled() -> Any:
    return client_error("ProvisionedThroughputExceededException")


@cache
def _what(table: str, pk: str, sk: str) -> str:
    if table == "people":
        return sk.partition("#")[0]
    if table == "workspaces":
        return (sk if pk.startswith("w#") else pk).partition("#")[0]
    if table == "dispatch":
        return {"chunks": "chunk", "claims": "claim"}.get(kind := pk.partition("#")[0], kind)
    return table


def kind_of(table: str, key: Mapping[str, Any]) -> str:
    """The kind of an item, for the names of points."""
    kind = _what(table, key["pk"].partition("#")[0] + "#", key["sk"].partition("#")[0])
    if kind == "claim" and "owner" in key:
        return "take" if key["owner"] else "record"
    return kind


class SimulatedDynamo:
    """`tables[name][pk][sk]` are the items; `written` hears of every change at the moment it is made.

    Items in the tables are never changed, only replaced: what is written is a copy already, and so is what is read,
    by `plain` in the place of the product's encoding and decoding.
    """

    def __init__(self, kernel: Kernel, effects: Effects, written: Written) -> None:
        self.tables: dict[str, dict[str, dict[str, Item]]] = defaultdict(lambda: defaultdict(dict))
        self._kernel = kernel
        self._effects = effects
        self._written = written
        self._before: dict[tuple[str, str, str], tuple[int, Item | None]] = {}

    def find(self, table: str, key: Mapping[str, str]) -> Item | None:
        return self.tables[table][key["pk"]].get(key["sk"])

    def seed(self, table: str, key: Mapping[str, str], **attributes: Any) -> None:
        self.tables[table][key["pk"]][key["sk"]] = {**key, **attributes}

    # ---- reads ----

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> Item:  # noqa: N803
        def do() -> Item:
            found = self._read(TableName, Key, consistent=ConsistentRead)
            return {"Item": found} if found else {}

        return self._effects.run(lambda: f"get {kind_of(TableName, Key)}", do)

    def _read(self, table: str, key: Item, *, consistent: bool) -> Item | None:
        if not consistent:
            at, old = self._before.get((table, key["pk"], key["sk"]), (0, None))
            if self._kernel.now - at < STALE and self._kernel.random.random() < 0.5:
                return old
        return self.tables[table][key["pk"]].get(key["sk"])

    def query(self, **request: Any) -> Item:
        table, names = request["TableName"], request["ExpressionAttributeNames"]
        values = request["ExpressionAttributeValues"]
        if "IndexName" in request or names["#pk"] != "pk":
            raise Invalid("no index is simulated")

        def do() -> Item:
            test = expressions.condition(request["KeyConditionExpression"])
            partition = self.tables[table].get(values[":pk"], {})
            rows = [partition[sk] for sk in sorted(partition) if test(partition[sk], names, values)]
            if not request.get("ScanIndexForward", True):
                rows.reverse()
            if start := request.get("ExclusiveStartKey"):
                backwards = not request.get("ScanIndexForward", True)
                rows = [
                    row for row in rows if (row["sk"] < start["sk"] if backwards else row["sk"] > start["sk"])
                ]
            limit = min(request.get("Limit", 1 << 30), self._page())
            more = {"LastEvaluatedKey": _key(rows[limit - 1])} if len(rows) > limit else {}
            return {"Items": rows[:limit], **more}

        sk = values.get(":sk") or values.get(":low") or "#"
        return self._effects.run(lambda: f"query {kind_of(table, {'pk': values[':pk'], 'sk': sk})}", do)

    def _page(self) -> int:
        """A page may end anywhere."""
        return self._kernel.random.randint(1, 4) if self._kernel.random.random() < 0.1 else 1 << 30

    def batch_get_item(self, *, RequestItems: Item) -> Item:  # noqa: N803  # boto3's names
        ((table, request),) = RequestItems.items()
        keys = request["Keys"]
        _distinct(keys, 100)
        assert request["ConsistentRead"] is not None

        def do() -> Item:
            done, left = self._part(keys)
            found = [self._read(table, key, consistent=request["ConsistentRead"]) for key in done]
            unprocessed = {table: {"Keys": left}} if left else {}
            return {
                "Responses": {table: [row for row in found if row]},
                "UnprocessedKeys": unprocessed,
            }

        return self._effects.run(lambda: f"batch_get {kind_of(table, keys[0])}", do)

    # ---- writes ----

    def batch_write_item(self, *, RequestItems: Item) -> Item:  # noqa: N803  # boto3's names
        ((table, requests),) = RequestItems.items()
        _distinct(
            [next(iter(each.values())).get("Item") or next(iter(each.values()))["Key"] for each in requests],
            25,
        )

        def do() -> Item:
            done, left = self._part(requests)
            for each in done:
                ((operation, request),) = each.items()
                row = request["Item"] if operation == "PutRequest" else None
                self._store(table, row or request["Key"], row)
            return {"UnprocessedItems": {table: left} if left else {}}

        first = next(iter(requests[0].values()))
        return self._effects.run(
            lambda: f"batch_write {kind_of(table, first.get('Item') or first['Key'])}", do
        )

    def _part(self, entries: list[Any]) -> tuple[list[Any], list[Any]]:
        """What is done now, and what is left as unprocessed."""
        if len(entries) > 1 and self._effects.partly():
            done = self._kernel.random.randrange(len(entries))
            return entries[:done], entries[done:]
        return entries, []

    def put_item(self, **request: Any) -> Item:
        return self._single("put", request)

    def update_item(self, **request: Any) -> Item:
        return self._single("update", request)

    def delete_item(self, **request: Any) -> Item:
        return self._single("delete", request)

    def _single(self, operation: str, request: Item) -> Item:
        key = request.get("Item") or request["Key"]

        def do() -> Item:
            if not self._holds(request):
                raise client_error("ConditionalCheckFailedException")
            changed = self._change(request)
            return {"Attributes": changed} if changed and request.get("ReturnValues") == "ALL_NEW" else {}

        return self._effects.run(lambda: f"{operation} {kind_of(request['TableName'], key)}", do)

    def transact_write_items(self, *, TransactItems: list[Item]) -> Item:  # noqa: N803  # boto3's names
        requests = [next(iter(entry.values())) for entry in TransactItems]
        keys = [request.get("Item") or request["Key"] for request in requests]
        _distinct([{**_key(k), "t": r["TableName"]} for k, r in zip(keys, requests, strict=True)], 100)
        applied = False  # the SDK's own retries carry one token: the same transaction is applied once

        def do() -> Item:
            nonlocal applied
            if applied:
                return {}
            if self._effects.partly():
                raise client_error(
                    "TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}]
                )
            holds = [self._holds(request) for request in requests]
            if not all(holds):
                reasons = [{"Code": "None" if held else "ConditionalCheckFailed"} for held in holds]
                raise client_error("TransactionCanceledException", CancellationReasons=reasons)
            for entry, request in zip(TransactItems, requests, strict=True):
                if "ConditionCheck" not in entry:
                    self._change(request)
            applied = True
            return {}

        return self._effects.run(lambda: f"transact {kind_of(requests[0]['TableName'], keys[0])}", do)

    # ---- how ----

    def _holds(self, request: Item) -> bool:
        text = request.get("ConditionExpression")
        if text is None:
            return True
        row = self.find(request["TableName"], request.get("Item") or request["Key"]) or {}
        return expressions.condition(text)(row, *_terms(request))

    def _change(self, request: Item) -> Item | None:
        names, values = _terms(request)
        _all_used(request, names, values)
        table = request["TableName"]
        if "Item" in request:
            return self._store(table, request["Item"], request["Item"])
        key = request["Key"]
        if "UpdateExpression" not in request:
            return self._store(table, key, None)
        row = dict(self.find(table, key) or key)
        expressions.update(request["UpdateExpression"])(row, names, values)
        return self._store(table, key, row)

    def _store(self, table: str, key: Mapping[str, str], row: Item | None) -> Item | None:
        pk, sk = key["pk"], key["sk"]
        old = self.tables[table][pk].get(sk)
        if row is None:
            self.tables[table][pk].pop(sk, None)
        else:
            self.tables[table][pk][sk] = row
        self._before[table, pk, sk] = self._kernel.now, old
        self._written(table, {"pk": pk, "sk": sk}, old, row, self._kernel.current)
        return row


def _key(item: Mapping[str, Any]) -> Item:
    return {name: item[name] for name in ("pk", "sk") if name in item}


def _distinct(items: list[Item], most: int) -> None:
    places = {(item["pk"], item["sk"], item.get("t")) for item in items}
    if len(places) != len(items) or not 0 < len(items) <= most:
        raise Invalid("keys repeat, or too many, or none")


def _terms(request: Mapping[str, Any]) -> tuple[Names, Values]:
    return request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})


def _all_used(request: Mapping[str, Any], names: Names, values: Values) -> None:
    if not (names or values):
        return
    mentioned = expressions.used(request.get("ConditionExpression", ""), request.get("UpdateExpression", ""))
    if len(mentioned) != len(names) + len(values) or not (
        mentioned.issuperset(names) and mentioned.issuperset(values)
    ):
        raise Invalid(f"names or values {mentioned ^ {*names, *values}} unused or missing")

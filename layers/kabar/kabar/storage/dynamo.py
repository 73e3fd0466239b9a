"""DynamoDB as plain Python values, with the retries that batches need and counts of what was consumed.

Items are dicts of str, int, float, bool, bytes, None, list, dict and set[str]. Conditions failing raise
ConditionFailed; throttles and unprocessed items are tried again with full jitter, then raise.
"""

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
Key = dict[str, str]

BATCH_GET = 100
BATCH_WRITE = 25
ATTEMPTS = 10  # of one batch; with full jitter up to 3.2 s each, about 12 s in all before it raises


class ConditionFailed(Exception):
    """The write's condition did not hold; nothing was written."""


class Unprocessed(Exception):
    """DynamoDB kept refusing part of a batch; what was written stays written, so try the batch again."""


@cache
def client() -> Any:
    """The process's DynamoDB client: short time-outs, standard retries, no parameter validation (33 % of its CPU)."""
    import boto3  # most of a cold start: not for a handler that refuses the call first
    from botocore.config import Config

    config = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "max_attempts": 5},
        parameter_validation=False,
        max_pool_connections=16,
        # the SDK puts its own together anew for every call, a tenth of the call's CPU
        user_agent=f"kabar app/{os.environ.get('AWS_SDK_UA_APP_ID', '')}",
    )
    return boto3.client("dynamodb", config=config)


def encode(value: Any) -> dict[str, Any]:
    """One value in DynamoDB's JSON."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if kind is bytes or kind is bytearray:
        return {"B": bytes(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, int):
        return {"N": str(int(value))}
    if kind is float:
        return {"N": repr(value)}
    if kind is list or kind is tuple:
        return {"L": [encode(entry) for entry in value]}
    if kind is dict:
        return {"M": encode_item(value)}
    if kind is set or kind is frozenset:
        return {"SS": sorted(value)}
    raise TypeError(f"DynamoDB takes no {kind.__name__}")


def encode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: encode(value) for name, value in item.items()}


def decode(value: Mapping[str, Any]) -> Any:
    """One value from DynamoDB's JSON."""
    ((kind, raw),) = value.items()
    if kind in {"S", "BOOL"}:
        return raw
    if kind == "N":
        return float(raw) if "." in raw or "e" in raw or "E" in raw else int(raw)
    if kind == "B":
        return bytes(raw)
    if kind == "M":
        return decode_item(raw)
    if kind == "L":
        return [decode(entry) for entry in raw]
    if kind == "SS":
        return set(raw)
    return None


def decode_item(item: Mapping[str, Any]) -> Item:
    return {name: decode(value) for name, value in item.items()}


@dataclass(frozen=True)
class Page:
    """One page of a query; `next` is the key to go on from, or None at the end."""

    items: list[Item]
    next: Item | None


class Table:
    """One table. Methods take plain values; expressions are DynamoDB's own language."""

    def __init__(self, name: str, dynamo: Any = None) -> None:
        self.name = name
        self._given = dynamo

    @property
    def dynamo(self) -> Any:
        """The client that was given for this table; None for the process's own."""
        return self._given

    @property
    def _dynamo(self) -> Any:
        return self._given or client()  # made at the first call, so that importing a handler stays cheap

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        answer = self._dynamo.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=consistent)
        return decode_item(answer["Item"]) if "Item" in answer else None

    def put(
        self,
        item: Mapping[str, Any],
        *,
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Put one item. Raises ConditionFailed."""
        request = self.write_request(condition, values, names)
        self._guarded(self._dynamo.put_item, Item=encode_item(item), **request)

    def update(
        self,
        key: Key,
        expression: str,
        *,
        values: Mapping[str, Any] | None = None,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        returns: str = "ALL_NEW",
    ) -> Item:
        """Update one item and return it as `returns` says. Raises ConditionFailed."""
        request = self.write_request(condition, values, names)
        answer = self._guarded(
            self._dynamo.update_item,
            Key=encode_item(key),
            UpdateExpression=expression,
            ReturnValues=returns,
            **request,
        )
        return decode_item(answer.get("Attributes", {}))

    def delete(
        self,
        key: Key,
        *,
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Delete one item; an absent one is no error. Raises ConditionFailed."""
        request = self.write_request(condition, values, names)
        self._guarded(self._dynamo.delete_item, Key=encode_item(key), **request)

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        after: str | None = None,
        at_most: str | None = None,
        between: tuple[str, str] | None = None,
        limit: int | None = None,
        start: Item | None = None,
        reverse: bool = False,
        consistent: bool = False,
        index: str | None = None,
    ) -> Page:
        """One page of a partition, by sort key: all with `prefix`, or above `after`, or up to `at_most`, or
        `between` two, both included.

        With `index`, the partition and sort attributes are `<index>_pk` and `<index>_sk`.
        """
        pk_name, sk_name = (f"{index}_pk", f"{index}_sk") if index else ("pk", "sk")
        names = {"#pk": pk_name}
        values: dict[str, Any] = {":pk": pk}
        expression = "#pk = :pk"
        for operator, bound in (("begins_with", prefix or None), (">", after), ("<=", at_most)):
            if bound is not None:
                names["#sk"] = sk_name
                values[":sk"] = bound
                expression += (
                    " AND begins_with(#sk, :sk)" if operator == "begins_with" else f" AND #sk {operator} :sk"
                )
                break
        if between is not None:
            names["#sk"] = sk_name
            values |= {":low": between[0], ":high": between[1]}
            expression += " AND #sk BETWEEN :low AND :high"
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": encode_item(values),
            "ScanIndexForward": not reverse,
            "ConsistentRead": consistent,
        }
        if limit is not None:
            request["Limit"] = limit
        if start is not None:
            request["ExclusiveStartKey"] = encode_item(start)
        if index:
            request["IndexName"] = index
        answer = self._dynamo.query(**request)
        following = answer.get("LastEvaluatedKey")
        return Page([decode_item(i) for i in answer["Items"]], decode_item(following) if following else None)

    def every(self, pk: str, **how: Any) -> Iterator[Item]:
        """Every item of a query, page after page."""
        start: Item | None = None
        while True:
            page = self.query(pk, start=start, **how)
            yield from page.items
            if page.next is None:
                return
            start = page.next

    def batch_get(
        self, keys: Sequence[Key], *, consistent: bool = False, only: Sequence[str] = ()
    ) -> dict[tuple[str, str], Item]:
        """Those of `keys` that exist, by (pk, sk), in calls of 100. Raises Unprocessed.

        With `only` these attributes and the key: half of what a read costs is taking its answer apart.
        """
        found: dict[tuple[str, str], Item] = {}
        how: dict[str, Any] = {"ConsistentRead": consistent}
        if only:
            names = {f"#{name}": name for name in ("pk", "sk", *only)}
            how |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}

        def call(batch: list[Any]) -> list[Any]:
            answer = self._dynamo.batch_get_item(RequestItems={self.name: {"Keys": batch, **how}})
            for raw in answer["Responses"].get(self.name, []):
                item = decode_item(raw)
                found[item["pk"], item["sk"]] = item
            return list(answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", []))

        _in_batches(map(encode_item, keys), BATCH_GET, call)
        return found

    def batch_put(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Put every item, without conditions, in calls of 25. Keys must differ. Raises Unprocessed."""
        self._batch_write({"PutRequest": {"Item": encode_item(item)}} for item in items)

    def batch_delete(self, keys: Iterable[Key]) -> None:
        """Delete every item, without conditions, in calls of 25. Keys must differ. Raises Unprocessed."""
        self._batch_write({"DeleteRequest": {"Key": encode_item(key)}} for key in keys)

    def _batch_write(self, requests: Iterable[Any]) -> None:
        def call(batch: list[Any]) -> list[Any]:
            answer = self._dynamo.batch_write_item(RequestItems={self.name: batch})
            return list(answer.get("UnprocessedItems", {}).get(self.name, []))

        _in_batches(requests, BATCH_WRITE, call)

    def write_request(
        self, condition: str | None, values: Mapping[str, Any] | None, names: Mapping[str, str] | None
    ) -> dict[str, Any]:
        """What every write says besides its key: table, condition, values and names."""
        request: dict[str, Any] = {"TableName": self.name}
        if condition:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = encode_item(values)
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        return request

    @staticmethod
    def _guarded(call: Callable[..., Any], **request: Any) -> Any:
        try:
            return call(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise ConditionFailed from error
            raise


def put_in(table: Table, item: Mapping[str, Any], condition: str | None = None, **how: Any) -> dict[str, Any]:
    """A put for `transact`."""
    return {
        "Put": {
            "Item": encode_item(item),
            **table.write_request(condition, how.get("values"), how.get("names")),
        }
    }


def update_in(
    table: Table, key: Key, expression: str, condition: str | None = None, **how: Any
) -> dict[str, Any]:
    """An update for `transact`."""
    request = table.write_request(condition, how.get("values"), how.get("names"))
    return {"Update": {"Key": encode_item(key), "UpdateExpression": expression, **request}}


def delete_in(table: Table, key: Key, condition: str | None = None, **how: Any) -> dict[str, Any]:
    """A delete for `transact`."""
    return {
        "Delete": {
            "Key": encode_item(key),
            **table.write_request(condition, how.get("values"), how.get("names")),
        }
    }


def check_in(table: Table, key: Key, condition: str, **how: Any) -> dict[str, Any]:
    """A condition for `transact` on an item that nothing writes."""
    request = table.write_request(condition, how.get("values"), how.get("names"))
    return {"ConditionCheck": {"Key": encode_item(key), **request}}


def transact(writes: Sequence[dict[str, Any]], dynamo: Any = None, attempts: int = ATTEMPTS) -> None:
    """All of `writes` or none. Raises ConditionFailed; conflicts with other writers are tried again, then
    raise Unprocessed.
    """
    dynamo = dynamo or client()
    for attempt in range(attempts):
        try:
            dynamo.transact_write_items(TransactItems=list(writes))
            return
        except ClientError as error:
            codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if "ConditionalCheckFailed" in codes:
                raise ConditionFailed from error
            conflict = error.response["Error"]["Code"] == "TransactionConflictException"
            if not (conflict or codes & {"TransactionConflict", "ThrottlingError"}):
                raise
        _back_off(attempt)
    raise Unprocessed("a transaction kept meeting other writers; try it again")


def _in_batches(entries: Iterable[Any], size: int, call: Callable[[list[Any]], list[Any]]) -> None:
    left = iter(entries)  # encoded a batch at a time: all at once would keep the garbage collector busy
    while batch := list(islice(left, size)):
        for attempt in range(ATTEMPTS):
            batch = call(batch)
            if not batch:
                break
            _back_off(attempt)
        else:
            raise Unprocessed(f"{len(batch)} entries of a batch were refused {ATTEMPTS} times")


def _back_off(attempt: int) -> None:
    time.sleep(random.uniform(0, min(3.2, 0.05 * 2**attempt)))  # noqa: S311  # jitter, not a secret

"""What each function may do against what it did: the template's statements and a recording engine's log."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from local import package
from local.stack import Stack

_PAGE = 50
_REST = {  # the engine names REST calls by method
    "POST.scheduler": "CreateSchedule",
    "POST.ses": "SendEmail",
    "PUT.scheduler": "UpdateSchedule",
    "DELETE.scheduler": "DeleteSchedule",
}
_PART_OF = {  # what IAM asks for under another name
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}


class Right(NamedTuple):
    """One action of one function; `on` is a table or index for DynamoDB, empty for other services."""

    function: str
    action: str
    on: str = ""

    def __str__(self) -> str:
        return f"{self.function} {self.action} {self.on}".strip()


def granted(template: package.Template) -> set[Right]:
    """What the functions' own statements allow, conditions aside."""
    return {
        Right(name, action, _table(resource) if action.startswith("dynamodb:") else "")
        for name, function in package.resources(template, "AWS::Serverless::Function")
        for policy in function["Policies"]
        for statement in policy.get("Statement", [])
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def used(stack: Stack) -> set[Right]:
    """What the functions of a stack that records have called so far."""
    logical = {physical: name for name, physical in stack.outputs.items() if name.endswith("Table")}
    return {right for call in _calls(stack) for right in _rights(call, logical)}


def _calls(stack: Stack) -> Iterator[dict[str, Any]]:
    trail = stack.client("cloudtrail")
    until: dict[str, Any] = {}
    while True:
        events = trail.lookup_events(MaxResults=_PAGE, **until)["Events"]
        yield from (json.loads(event["CloudTrailEvent"]) for event in events)
        if len(events) < _PAGE:
            return
        # newest first; there is no token to go on with, and two calls in one microsecond are one function's
        oldest = min(event["EventTime"] for event in events)
        until = {"EndTime": oldest - dt.timedelta(microseconds=1)}


def _rights(call: Mapping[str, Any], logical: Mapping[str, str]) -> Iterator[Right]:
    caller = [word[4:] for word in call["userAgent"].split() if word.startswith("app/")]
    if not caller:  # the engine's own, or ours
        return
    service = call["eventSource"].removesuffix(".amazonaws.com")
    name = _REST.get(call["eventName"], call["eventName"])
    if service != "dynamodb":
        action = f"{service}:{name}"
        yield Right(caller[0], _PART_OF.get(action, action))
        return
    for action, table, index in _dynamodb(name, call["requestParameters"]):
        on = logical.get(table, table) + (f"/{index}" if index else "")
        yield Right(caller[0], f"dynamodb:{action}", on)


def _dynamodb(name: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(action that IAM asks for, table, index) of one request."""
    if name == "TransactWriteItems":
        for item in request["TransactItems"]:
            for kind, part in item.items():
                yield (
                    (f"{kind}Item" if kind != "ConditionCheck" else "ConditionCheckItem"),
                    part["TableName"],
                    "",
                )
    elif name.startswith("Batch"):
        for table in request["RequestItems"]:
            yield name, table, ""
    else:
        yield name, request["TableName"], request.get("IndexName", "")


def _table(resource: Any) -> str:
    """`PeopleTable` of `!GetAtt PeopleTable.Arn`, `PeopleTable/by_workspace` of one of its indexes."""
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    written: str = resource["Fn::Sub"]
    return written.removeprefix("${").replace(".Arn}/index", "")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

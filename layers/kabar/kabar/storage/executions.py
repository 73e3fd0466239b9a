"""Step Functions executions, by names that make a second start of the same work harmless."""

import json
from functools import cache
from typing import Any

from botocore.exceptions import ClientError


@cache
def client() -> Any:
    import boto3  # most of the API's cold start, which only a call that starts something needs
    from botocore.config import Config

    return boto3.client("stepfunctions", config=Config(retries={"mode": "standard", "max_attempts": 5}))


def start(arn: str, name: str, payload: dict[str, Any]) -> bool:
    """Start an execution called `name`, False when one was started before: then this is done.

    AWS answers an equal input of a running execution with that execution and anything else with
    ExecutionAlreadyExists; both mean that the work is under way or over.
    """
    try:
        client().start_execution(stateMachineArn=arn, name=name, input=json.dumps(payload))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        return False
    return True


def start_leg(arn: str, workspace: str, campaign: int, leg: int, mark: str = "") -> None:
    """Start one leg of a campaign at once; `mark` makes another name, where an earlier start came to nothing."""
    payload = {"workspace": workspace, "campaign": campaign, "leg": leg}
    start(arn, f"{campaign}-{leg}{mark}", payload)


def is_running(arn: str, name: str) -> bool:
    """Whether the execution called `name` of the machine `arn` is under way; one that never was is not."""
    found = f"{arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
    try:
        return bool(client().describe_execution(executionArn=found)["status"] == "RUNNING")
    except client().exceptions.ExecutionDoesNotExist:
        return False

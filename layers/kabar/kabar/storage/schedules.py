"""One-time schedules that start legs: the dead man's switch, and the waits of a campaign."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

SOONEST = 5_000  # ms ahead; AWS refuses a time that has passed


@cache
def client() -> Any:
    import boto3  # here, so that a cold start without it stays short
    from botocore.config import Config

    return boto3.client("scheduler", config=Config(retries={"mode": "standard", "max_attempts": 5}))


class Schedules:
    """Schedules of the default group, named `<prefix>-<campaign>-<leg>`."""

    def __init__(self, prefix: str, machine_arn: str, role_arn: str) -> None:
        self._prefix = prefix
        self._machine = machine_arn
        self._role = role_arn

    def arm(self, workspace: str, campaign: int, leg: int, at: int, now: int) -> None:
        """Start `leg` at `at` (ms) unless a schedule of this leg is already there."""
        try:
            client().create_schedule(**self._request(workspace, campaign, leg, at, now))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConflictException":
                raise

    def move(self, workspace: str, campaign: int, leg: int, at: int, now: int) -> None:
        """Start `leg` at `at` (ms), whatever was scheduled for it."""
        request = self._request(workspace, campaign, leg, at, now)
        try:
            client().update_schedule(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            client().create_schedule(**request)

    def disarm(self, campaign: int, leg: int) -> None:
        """Remove the schedule of this leg, if there is one."""
        try:
            client().delete_schedule(Name=self._name(campaign, leg))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise

    def _name(self, campaign: int, leg: int) -> str:
        return f"{self._prefix}-{campaign}-{leg}"

    def _request(self, workspace: str, campaign: int, leg: int, at: int, now: int) -> dict[str, Any]:
        # the time goes in UTC: the schedule's own time zone is not needed and not everywhere obeyed
        moment = datetime.fromtimestamp(-(-max(at, now + SOONEST) // 1000), UTC)
        return {
            "Name": self._name(campaign, leg),
            "ScheduleExpression": f"at({moment:%Y-%m-%dT%H:%M:%S})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": self._machine,
                "RoleArn": self._role,
                "Input": json.dumps({"workspace": workspace, "campaign": campaign, "leg": leg}),
            },
        }

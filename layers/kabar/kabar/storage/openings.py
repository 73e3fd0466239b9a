"""One-time schedules that start `open_window` when sending hours open."""

import hashlib
import json
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from kabar.storage import schedules


class Openings:
    """Schedules of the default group, named `<prefix>-open-<hash of the workspace>-<opening>`."""

    def __init__(self, prefix: str, function_arn: str, role_arn: str) -> None:
        self._prefix = prefix
        self._function = function_arn
        self._role = role_arn

    def ensure(self, workspace: str, opening: int, now: int) -> None:
        """See that a schedule in the future wakes what waits for `opening` (ms); one that is there will do."""
        moment = datetime.fromtimestamp(-(-max(opening, now + schedules.SOONEST) // 1000), UTC)
        who = hashlib.sha256(workspace.encode()).hexdigest()[:12]  # a name has 64 characters at most
        try:
            schedules.client().create_schedule(
                Name=f"{self._prefix}-open-{who}-{opening // 1000}",
                ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._function,
                    "RoleArn": self._role,
                    "Input": json.dumps({"workspace": workspace, "opening": opening}),
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConflictException":
                raise

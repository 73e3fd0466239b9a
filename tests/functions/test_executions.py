"""Whether an execution is under way, as what repairs lost work asks it."""

from types import SimpleNamespace
from typing import Any

import pytest

from kabar.storage import executions
from tests.functions.fake_dynamo import client_error

MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:import-list"
EXECUTIONS = "arn:aws:states:eu-west-1:000000000000:execution:import-list"


class Gone(Exception):
    """What the SDK raises for an execution that never was."""


class Machines:
    """Step Functions with executions by their ARN, or a failure instead of a status."""

    exceptions = SimpleNamespace(ExecutionDoesNotExist=Gone)

    def __init__(self) -> None:
        self.known: dict[str, str | Exception] = {}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803  # boto3's name
        found = self.known.get(executionArn, Gone())
        if isinstance(found, Exception):
            raise found
        return {"status": found}


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Machines:
    made = Machines()
    monkeypatch.setattr(executions, "client", lambda: made)
    return made


@pytest.mark.parametrize(
    ("status", "runs"),
    [("RUNNING", True), ("SUCCEEDED", False), ("FAILED", False), ("TIMED_OUT", False), ("ABORTED", False)],
)
def test_an_execution_runs_until_it_has_ended_in_any_way(machines: Machines, status: str, runs: bool) -> None:
    machines.known[f"{EXECUTIONS}:one"] = status
    assert executions.is_running(MACHINE, "one") is runs


def test_an_execution_that_never_was_does_not_run(machines: Machines) -> None:
    machines.known[f"{EXECUTIONS}:one"] = "RUNNING"
    assert not executions.is_running(MACHINE, "two")


def test_nothing_is_said_of_an_execution_while_nobody_answers(machines: Machines) -> None:
    machines.known[f"{EXECUTIONS}:one"] = client_error("ThrottlingException")
    with pytest.raises(Exception, match="ThrottlingException"):
        executions.is_running(MACHINE, "one")

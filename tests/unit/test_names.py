"""Names line up: state = function resource = folder = substitution = sample events."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from local import package, paths

TEMPLATE = package.load()
FUNCTIONS = {
    name.removesuffix("Function"): resource
    for name, resource in package.resources(TEMPLATE, "AWS::Serverless::Function")
}
MACHINES = sorted((paths.ROOT / "statemachines").glob("*.asl.json"))
EVENTS = sorted((paths.ROOT / "events").glob("*.json"))


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def tasks(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every task of a machine, those inside maps included."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        if state["Type"] == "Map":
            yield from tasks(state["ItemProcessor"]["States"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_the_folder_of_its_name(name: str) -> None:
    assert FUNCTIONS[name]["CodeUri"] == f"functions/{snake(name)}/"
    assert (paths.ROOT / "functions" / snake(name) / "handler.py").exists()


def test_every_folder_of_functions_is_in_the_template() -> None:
    folders = {path.parent.name for path in (paths.ROOT / "functions").glob("*/handler.py")}
    assert folders == {snake(name) for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_sample_event(name: str) -> None:
    assert [path.name for path in EVENTS if path.name.startswith(f"{snake(name)}_")]


@pytest.mark.parametrize("event", EVENTS, ids=lambda path: path.stem)
def test_an_event_is_named_after_a_function_and_is_json(event: Any) -> None:
    assert any(event.name.startswith(f"{snake(name)}_") for name in FUNCTIONS)
    assert isinstance(json.loads(event.read_text()), dict)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda path: path.stem)
def test_a_task_calls_the_function_of_its_name(machine: Any) -> None:
    definition = json.loads(machine.read_text())
    found = {name: state["Resource"] for name, state in tasks(definition["States"])}
    # FinishImport told of a failure, that a deletion is counted, that a dry run is checked
    aliases = dict.fromkeys(("FailImport", "AskToConfirm", "EndDryRun", "TellFailure"), "FinishImport")
    aliases |= dict.fromkeys(("EndCheck", "FailCheck"), "CheckRecipients")
    aliases |= {"FailExport": "ExportList", "FailReport": "ExportReport", "FailInbox": "ExportInbox"}
    assert found == {name: f"${{{aliases.get(name, name)}FunctionArn}}" for name in found}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda path: path.stem)
def test_every_task_is_tried_again_after_an_unexpected_failure(machine: Any) -> None:
    definition = json.loads(machine.read_text())
    for name, state in tasks(definition["States"]):
        errors = {error for retry in state["Retry"] for error in retry["ErrorEquals"]}
        assert "States.TaskFailed" in errors, name


@pytest.mark.parametrize("machine", MACHINES, ids=lambda path: path.stem)
def test_a_choice_says_why_and_a_failure_names_its_cause(machine: Any) -> None:
    for name, state in json.loads(machine.read_text())["States"].items():
        if state["Type"] == "Choice":
            assert all(choice["Comment"] for choice in state["Choices"]), name
        if state["Type"] == "Fail":
            assert state["Error"], name
            assert state["Cause"], name


def test_maps_are_bounded_by_a_literal() -> None:
    for machine in MACHINES:
        for name, state in json.loads(machine.read_text())["States"].items():
            if state["Type"] == "Map":
                assert 1 <= state["MaxConcurrency"] <= 10, name


def test_every_access_pattern_has_one_number_and_those_that_the_code_cites_exist() -> None:
    """docs/data-model.md"""
    listed = re.findall(r"^\| (P\d+) \|", (paths.ROOT / "docs/data-model.md").read_text(), re.MULTILINE)
    assert [pattern for pattern, count in Counter(listed).items() if count > 1] == []
    cited = {
        pattern
        for path in (paths.ROOT / "layers/kabar").rglob("*.py")
        for pattern in re.findall(r"\[(P\d+)\]", path.read_text())
    }
    assert cited - set(listed) == set()

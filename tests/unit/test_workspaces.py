"""A workspace is made once, under a name that fits into keys and addresses."""

from typing import Any

import pytest

from kabar.storage import workspaces
from kabar.storage.dynamo import Table
from tests.functions.fake_dynamo import FakeDynamo

SETTINGS: dict[str, Any] = {
    "timezone": "Pacific/Auckland",
    "email": "ops@acme.example",
    "sender": "Acme",
    "carrier": "infobip",
    "now": 1_780_000_000_000,
}


@pytest.fixture
def table() -> Table:
    return Table("workspaces", FakeDynamo())


def test_a_workspace_keeps_its_settings(table: Table) -> None:
    workspaces.create(table, "acme", **SETTINGS)
    found = workspaces.settings(table, "acme")
    assert (found["name"], found["timezone"], found["sender"]) == ("acme", "Pacific/Auckland", "Acme")
    assert found["max_digits"] == 14


def test_a_second_one_of_the_name_changes_nothing(table: Table) -> None:
    workspaces.create(table, "acme", **SETTINGS)
    with pytest.raises(workspaces.WorkspaceExists):
        workspaces.create(table, "acme", **(SETTINGS | {"sender": "Other"}))
    assert workspaces.settings(table, "acme")["sender"] == "Acme"


@pytest.mark.parametrize("name", ["", "Acme", "a#b", "a/b", "-a", "a" * 50, "a\n", "ü"])
def test_a_name_is_a_slug(table: Table, name: str) -> None:
    with pytest.raises(ValueError, match="workspace name"):
        workspaces.create(table, name, **SETTINGS)


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../etc/passwd", "UTC+3\0"])
def test_a_time_zone_exists(table: Table, timezone: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        workspaces.create(table, "acme", **(SETTINGS | {"timezone": timezone}))


def test_an_unknown_workspace_is_told(table: Table) -> None:
    with pytest.raises(workspaces.UnknownWorkspace):
        workspaces.settings(table, "acme")


def test_prefixes_are_each_workspace_s_own(table: Table) -> None:
    workspaces.save_prefix(table, "acme", "021", "6421")
    workspaces.save_prefix(table, "acme", "0", "64")
    workspaces.save_prefix(table, "rival", "0", "90")
    assert workspaces.prefix_map(table, "acme") == {"021": "6421", "0": "64"}


def test_a_webhook_is_found_by_its_token_which_is_stored_nowhere(table: Table) -> None:
    workspaces.add_webhook(table, "t0ken", workspace="acme", carrier_name="infobip", secret="s")
    found = workspaces.webhook(table, "t0ken")
    assert found is not None
    assert (found["workspace"], found["carrier"], found["secret"]) == ("acme", "infobip", "s")
    assert "t0ken" not in str(found)
    assert workspaces.webhook(table, "other") is None

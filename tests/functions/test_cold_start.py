"""What the API imports at a cold start, and what only when it is asked for."""

import sys

import pytest
from aws_lambda_powertools.event_handler import APIGatewayRestResolver

import resources
from tests.functions.api_client import Api, api

__all__ = ["api"]


def test_an_address_imports_the_routes_of_its_own_resource_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("routes.")]:
        monkeypatch.delitem(sys.modules, name)
    app = APIGatewayRestResolver()
    resources.Resources(app).open_for("/v1/blacklist/+905551112233")
    named = {module for modules in resources.MODULES.values() for module in modules}
    assert {name for name in named if f"routes.{name}" in sys.modules} == {"blacklist"}


def test_an_address_that_does_not_exist_says_so_whatever_was_imported_before(api: Api) -> None:
    assert api.call("GET", "/v1/nothing").status == 404
    assert api.call("PUT", "/v1/users").status == 405

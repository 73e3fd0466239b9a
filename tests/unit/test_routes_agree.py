"""The template, the router and the OpenAPI document name the same routes, and the document is what the code says."""

import json
import re
import sys
from typing import Any

import pytest

from local import error_pages, openapi, package

DOCUMENT: dict[str, Any] = openapi.document()
METHODS = {"get", "post", "put", "patch", "delete"}
OPERATIONS = [
    pytest.param(path, operation, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def routes(paths: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method, path) for path, methods in paths.items() for method in METHODS & methods.keys()}


def in_template() -> dict[str, Any]:
    paths: dict[str, Any] = package.load()["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"]
    return paths


def test_the_gateway_lets_through_exactly_the_routes_that_are_documented() -> None:
    ours = {path: methods for path, methods in in_template().items() if not path.startswith("/webhooks/")}
    rest = ours.pop("/v1/{rest+}")
    assert set(ours.pop("/openapi.json")) == {"get"}
    assert routes(ours) == routes(DOCUMENT["paths"])
    assert set(rest) == METHODS


def test_the_router_knows_exactly_the_routes_that_are_documented() -> None:
    app, _ = openapi.application()
    known = {(route.method.lower(), route.openapi_path) for route in app._static_routes + app._dynamic_routes}
    assert known - {("get", "/openapi.json")} == routes(DOCUMENT["paths"])


def test_the_committed_document_is_what_the_code_says() -> None:
    assert openapi.DOCUMENT.read_text(encoding="utf-8") == openapi.text()


def test_the_document_is_3_1_and_every_route_wants_a_key() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["security"] == [{"key": []}, {"user": []}]
    assert DOCUMENT["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_operation_says_what_it_does_takes_and_answers(path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["operationId"].islower()
    assert {"401", "500"} <= operation["responses"].keys()
    assert any(status.startswith("2") for status in operation["responses"])
    parameters = {parameter["name"]: parameter for parameter in operation.get("parameters", [])}
    assert all(parameter["description"] for parameter in parameters.values())
    assert {f"{{{name}}}" for name, p in parameters.items() if p["in"] == "path"} == {
        part for part in path.split("/") if part.startswith("{")
    }


@pytest.mark.parametrize(
    ("name", "example"), json.loads(openapi.EXAMPLES.read_text(encoding="utf-8")).items()
)
def test_every_example_is_what_the_api_would_take_or_answer(name: str, example: dict[str, Any]) -> None:
    known = [module for module in list(sys.modules) if module.endswith("schemas")]
    model = next(getattr(sys.modules[module], name) for module in known if hasattr(sys.modules[module], name))
    assert json.loads(model.model_validate_json(json.dumps(example)).model_dump_json()) == example


def test_every_field_says_what_it_is_in_words_of_the_product() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema.get("description") or name.endswith("Page"), name
        for field, property_ in schema.get("properties", {}).items():
            assert openapi.explained(property_), f"{name}.{field}"
            assert property_.get("description", "said") is not None, f"{name}.{field}"
    assert not re.search(r"\[[A-Z]\d+\]", json.dumps(DOCUMENT))


def test_no_word_about_a_field_is_left_over() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    for place in json.loads(openapi.FIELDS.read_text(encoding="utf-8")):
        schema, _, field = place.rpartition(".")
        assert place in schemas or (field in schemas[schema]["properties"] if schema else field in fields), (
            place
        )


def test_every_body_has_an_example() -> None:
    bodies = {
        name
        for name in DOCUMENT["components"]["schemas"]
        if not name.endswith(("Page", "Life", "Problem", "Scope", "Role"))
    }
    assert bodies == set(json.loads(openapi.EXAMPLES.read_text(encoding="utf-8")))


def test_the_page_of_errors_is_what_the_catalogue_says() -> None:
    made = error_pages.text()
    assert error_pages.PAGE.read_text(encoding="utf-8") == made
    _, problems = openapi.application()
    codes = [kind.code for kind in problems.CATALOGUE]
    assert len(set(codes)) == len(codes)
    assert [line[3:] for line in made.splitlines() if line.startswith("## ")] == codes

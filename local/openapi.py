"""Writes docs/openapi.json from the code; `--check` only says whether it is up to date."""

import importlib
import json
import os
import re
import sys
from collections import defaultdict
from dataclasses import fields
from typing import Any, NoReturn

from local.openapi_answers import ALSO, ETAG, FAILURES, LOCATED, LOCATION, PROBLEM, RETRY_AFTER, TAGGED
from local.paths import ROOT
from local.trouble import Trouble, run

DOCUMENT = ROOT / "docs" / "openapi.json"
EXAMPLES = ROOT / "local" / "openapi_examples.json"  # one whole body per schema
# what a field means wherever it stands, or in one schema, if its model doesn't say; and what a schema is
FIELDS = ROOT / "local" / "openapi_fields.json"
SECURITY = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "kb_<key id>_<secret>",
        "description": "An API key, for programs. The first one comes with the workspace, others by POST /v1/api-keys.",
    },
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token (not the id token) of somebody who signed in to the stack's Cognito user pool "
        "as `<workspace>:<e-mail>`. Their role has the scopes.",
    },
}
KEY_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 255}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text of yours: for 24 hours the same key and body are one effect and get one answer.",
}
DESCRIPTION = (
    "Lists, imports, campaigns and their reports. Every operation takes one scope, named beside the key. "
    "JSON in UTF-8 in and out, in without fields that aren't named here; times in RFC 3339 and UTC; errors as "
    "`application/problem+json` (RFC 9457) whose `code` is one of a closed catalogue (docs/errors.md). "
    "Listings come in pages: ask for the next one with `next_cursor`, the same address and the same filters. "
    "A POST with an `Idempotency-Key` may be sent again. What can be edited comes with an `ETag`, which the edit "
    "names in `If-Match`. Every answer has an `X-Request-Id`, the request's own if it had one, by which it is found "
    "in the logs. Each caller has so many calls a minute; then 429 says in `Retry-After` when to go on. "
    "What belongs to another workspace answers 404."
)
SERVERS = [
    {"url": ".", "description": "Where this document is: the stack's output `ApiUrl`, locally `api_url`."}
]


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API as it is in the code."""
    app, problems = application()
    needs = importlib.import_module("permissions").NEEDS
    made = app.get_openapi_json_schema(
        title="Kabar", version="1", openapi_version="3.1.0", description=DESCRIPTION
    )
    found: dict[str, Any] = json.loads(made)
    schemas = found["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        schemas.pop(unused)
    for name, example in json.loads(EXAMPLES.read_text(encoding="utf-8")).items():
        schemas[name]["examples"] = [example]
    schemas["Problem"] = json.loads(json.dumps(PROBLEM))
    schemas["Problem"]["properties"]["code"]["enum"] = [kind.code for kind in problems.CATALOGUE]
    _explain(schemas)
    found["components"] |= {"securitySchemes": SECURITY, "responses": {}}
    found["servers"] = SERVERS
    found["security"] = [{way: []} for way in SECURITY]
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            if method == "post":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY | {"schema": KEY_SCHEMA})
            _finish(path, operation, found["components"]["responses"], problems)
            operation["security"] = [{way: [needs[operation["operationId"]]]} for way in SECURITY]
    found["paths"] = dict(sorted(found["paths"].items()))
    # Page[ListView] is a name for Python
    shown = json.dumps(found, ensure_ascii=False)
    # rules' numbers are for those who build it
    shown = re.sub(r" \[[A-Z]\d+\](-\[[A-Z]\d+\])?", "", shown)
    named = re.sub(r"Page_(\w+?)View_", r"\1Page", shown)
    renamed: dict[str, Any] = json.loads(re.sub(r"Page\[(\w+?)View\]", r"\1Page", named))
    return renamed


def _explain(schemas: dict[str, Any]) -> None:
    """Give every field a description."""
    words = json.loads(FIELDS.read_text(encoding="utf-8"))
    for name, schema in schemas.items():
        if name in words:
            schema["description"] = words[name]
        # what an import is before and after its file
        places = (name, "ImportView" if name == "AnnouncedImportView" else name.removeprefix("Created"))
        for field, property_ in schema.get("properties", {}).items():
            own = next((words[f"{place}.{field}"] for place in places if f"{place}.{field}" in words), None)
            if own or not explained(property_):
                property_["description"] = own or words.get(field) or _unexplained(name, field)


def _unexplained(schema: str, field: str) -> NoReturn:
    raise Trouble(
        f"{schema}.{field} says nowhere what it is: in its Field, or in {FIELDS.relative_to(ROOT)}."
    )


def explained(property_: dict[str, Any]) -> bool:
    """Whether a field, or each thing that it may be, says what it is."""
    one_of = [each for each in property_.get("anyOf", []) if each.get("type") != "null"]
    return "description" in property_ or "$ref" in property_ or any(map(explained, one_of))


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    made = text()
    there = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    if arguments == ["--check"]:
        if made != there:
            print(f"{DOCUMENT.relative_to(ROOT)} is not what the code says: run `make openapi`.")
        return int(made != there)
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(made, encoding="utf-8")
    return 0


def application() -> tuple[Any, Any]:
    """The router of functions/api, imported as Lambda would; no setting's value matters here."""
    folder = str(ROOT / "functions" / "api")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    wiring = importlib.import_module("wiring")
    for setting in fields(wiring.Settings):
        os.environ.setdefault(setting.name.upper(), "1")
    handler = importlib.import_module("handler")
    handler.RESOURCES.open_all()
    return handler.app, importlib.import_module("problems")


def _finish(path: str, operation: dict[str, Any], shared: dict[str, Any], problems: Any) -> None:
    """Every way to fail, and a description for every parameter."""
    responses = _successes(operation)
    by_status: dict[int, list[Any]] = defaultdict(list)
    for kind in _kinds(path, operation, problems):
        by_status[kind.status].append(kind)
    for code, kinds in by_status.items():
        name = "_or_".join(kind.code for kind in kinds)
        shared[name] = _response(kinds, problems)
        responses[str(code)] = {"$ref": f"#/components/responses/{name}"}
    operation["responses"] = dict(sorted(responses.items()))
    for parameter in operation.get("parameters", []):
        parameter["description"] = parameter["schema"].pop("description", parameter.get("description"))
        if parameter["in"] == "header":
            parameter["name"] = parameter["name"].title()


def _successes(operation: dict[str, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {
        status: response for status, response in operation["responses"].items() if status.startswith("2")
    }
    for status, response in responses.items():
        response["description"] = "Done" if status != "202" else "Done; it takes effect within moments"
    known, other, meaning = ALSO.get(operation["operationId"], ("", "", ""))
    if other:
        responses[other] = responses[known] | {"description": meaning}
    if "204" in responses:
        responses["204"].pop("content")
    if operation["operationId"] in TAGGED:
        for response in responses.values():
            response.setdefault("headers", {})["ETag"] = ETAG
    if operation["operationId"] in LOCATED:
        headers = responses[min(responses)].setdefault("headers", {})
        headers["Location"] = LOCATION
    return responses


def _response(kinds: list[Any], problems: Any) -> dict[str, Any]:
    examples = {
        kind.code: {"value": json.loads(problems.Problem(kind, f"{kind.title}.").body("c6af9ac6-f7b6"))}
        for kind in kinds
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    response: dict[str, Any] = {
        "description": "; ".join(kind.title for kind in kinds),
        "content": {problems.MEDIA_TYPE: content},
    }
    if problems.REQUEST_IN_FLIGHT in kinds or problems.RATE_LIMITED in kinds:
        response["headers"] = RETRY_AFTER
    return response


def _kinds(path: str, operation: dict[str, Any], problems: Any) -> list[Any]:
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    kinds = [problems.UNAUTHORIZED, problems.FORBIDDEN, problems.RATE_LIMITED, problems.INTERNAL_ERROR]
    if names or "requestBody" in operation:
        kinds.append(problems.INVALID_REQUEST)
    if "requestBody" in operation:
        kinds += [problems.MALFORMED_BODY, problems.BODY_TOO_LARGE, problems.UNSUPPORTED_MEDIA_TYPE]
    if "{" in path or "key" in names:
        kinds.append(problems.NOT_FOUND)
    if "cursor" in names:
        kinds.append(problems.INVALID_CURSOR)
    if "Idempotency-Key" in names:
        kinds += [problems.REQUEST_IN_FLIGHT, problems.IDEMPOTENCY_KEY_REUSED]
    if "if-match" in names:
        kinds += [problems.PRECONDITION_FAILED, problems.PRECONDITION_REQUIRED]
    kinds += [getattr(problems, name) for name in FAILURES.get(operation["operationId"], ())]
    return kinds


if __name__ == "__main__":
    run(lambda: main(sys.argv[1:]))

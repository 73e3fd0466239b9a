"""Writes docs/errors.md, a chapter per problem code, from the one catalogue; `--check` only compares."""

import sys

from local import openapi
from local.paths import ROOT

PAGE = ROOT / "docs" / "errors.md"
_INTRODUCTION = """# What the API answers when it can't do as asked

Made from `functions/api/problems.py` by `make openapi`.
Every refusal is `application/problem+json` (RFC 9457): go by `code`, show `title` and `detail`, keep `request_id`.
`errors` names each field by its JSON pointer, or each parameter.
A request that got no answer at all may be sent again: a POST with the same `Idempotency-Key` is one effect.
"""


def text() -> str:
    _, problems = openapi.application()
    document = openapi.document()["paths"]
    named = {
        operation["operationId"]: operation for methods in document.values() for operation in methods.values()
    }
    chapters = [_INTRODUCTION]
    for kind in problems.CATALOGUE:
        where = sorted(name for name, operation in named.items() if _has(operation, kind.code))
        everywhere = len(where) == len(named)
        places = "every operation" if everywhere else ", ".join(f"`{name}`" for name in where)
        chapters.append(
            f"## {kind.code}\n\n**{kind.status}** {kind.title}.\n\n{kind.remedy}\n"
            + (f"\nAnswered by {places}.\n" if where else "")
        )
    return "\n".join(chapters)


def main(arguments: list[str]) -> int:
    made = text()
    if arguments == ["--check"]:
        same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == made
        if not same:
            print(f"{PAGE.relative_to(ROOT)} is not what the code says: run `make openapi`.")
        return int(not same)
    PAGE.write_text(made, encoding="utf-8")
    return 0


def _has(operation: dict[str, dict[str, dict[str, str]]], code: str) -> bool:
    references = [response.get("$ref", "") for response in operation["responses"].values()]
    return any(code in reference.rpartition("/")[2].split("_or_") for reference in references)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

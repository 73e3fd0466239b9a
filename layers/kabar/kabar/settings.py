"""Typed settings, read once at cold start; a missing variable fails the start with its name."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


class MissingSetting(Exception):
    """An environment variable that the function needs is absent or unreadable."""


def read(kind: type[T], environ: Mapping[str, str] = os.environ) -> T:
    """Fill the dataclass `kind` from upper-cased environment variables (`work_bucket` <- `WORK_BUCKET`).

    Fields are str, int or float. Raises MissingSetting naming the variable.
    """
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]  # T is always a dataclass here
        name = field.name.upper()
        raw = environ.get(name)
        if raw is None:
            if field.default is MISSING:
                raise MissingSetting(f"the environment variable {name} is missing")
            continue
        try:
            values[field.name] = field.type(raw) if callable(field.type) else raw
        except ValueError as error:
            raise MissingSetting(f"the environment variable {name} is not a {field.type}: {raw!r}") from error
    return kind(**values)

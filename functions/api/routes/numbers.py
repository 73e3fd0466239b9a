"""Mobile numbers in addresses and bodies, read as an import would read them [B1]."""

from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.openapi.params import Path

from kabar.storage import workspaces
from problems import invalid
from wiring import Caller, table

MobilePath = Annotated[str, Path(max_length=150, description="The number, `+` written as `%2B` or as it is.")]


def cleaned(caller: Caller, written: str) -> str:
    """The number as it is stored. Raises Problem naming what is wrong with it."""
    from kabar.domain.import_codes import ROWS  # only routes that take a number need them
    from kabar.domain.numbers import Numbers

    prefixes = workspaces.prefix_map(table("workspaces"), caller.workspace)
    digits = workspaces.settings(table("workspaces"), caller.workspace)["max_digits"]
    number = Numbers(prefixes, digits).clean(written)
    if number.code:
        raise invalid("mobile", str(ROWS[number.code]))
    return number.mobile


def from_path(caller: Caller, mobile: str) -> str:
    """The number that an address names."""
    return cleaned(caller, unquote(mobile))

"""Times in parameters."""

import problems
from access_schemas import epoch_ms
from problems import Problem


def instant(parameter: str, text: str | None, otherwise: int) -> int:
    """Epoch ms of a parameter's RFC 3339 time, `otherwise` when it is left out. Raises Problem."""
    if text is None:
        return otherwise
    try:
        return epoch_ms(text.replace(" ", "+"))  # a plus sign that nobody escaped
    except ValueError as error:
        detail = str(error)
        named = [{"parameter": parameter, "detail": detail}]
        raise Problem(problems.INVALID_REQUEST, f"{parameter}: {detail}", errors=named) from error

"""SMS carriers: one module each, in one fixed order, over plain HTTP requests and answers."""

from collections.abc import Mapping
from typing import Any

from kabar.carriers.base import Carrier
from kabar.carriers.generic import Gateway, Generic
from kabar.carriers.infobip import Infobip

CARRIERS = (Infobip, Generic)
ROUND = 16  # messages of a slice where a call carries one: so many calls go side by side, and one claim covers them


def carrier(name: str, settings: Mapping[str, Any] | None = None) -> Carrier:
    """The carrier called `name`, as the account's `settings` describe it; KeyError when there is none."""
    if name == Generic.name:
        return Generic(Gateway.of(settings or {}))
    if name == Infobip.name:
        return Infobip()
    raise KeyError(name)


def slice_size(name: str, wanted: int) -> int:
    """Recipients of a slice, at most `wanted`: those of one call, or of a round of calls made side by side."""
    batch = next(each.batch for each in CARRIERS if each.name == name)
    return max(1, min(wanted, batch if batch > 1 else ROUND))

"""SMS carriers: one module each, in one fixed order, over plain HTTP requests and answers."""

from kabar.carriers.base import Carrier
from kabar.carriers.infobip import Infobip

CARRIERS: tuple[Carrier, ...] = (Infobip(),)


def carrier(name: str) -> Carrier:
    """The carrier called `name`; KeyError when there is none."""
    for candidate in CARRIERS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)

"""A campaign's text as each recipient gets it, and what that takes on the air [E1] [E2] [E4]."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kabar.domain import smart
from kabar.domain.segments import COUNTERS, Counter, Encoding
from kabar.domain.text import Template, parse


@dataclass(frozen=True, slots=True)
class Composer:
    """Made by `composer`. `count` counts what `text` gives."""

    template: Template
    encoding: Encoding
    smart: bool
    count: Counter

    def text(self, params: Sequence[str]) -> str:
        """The merged text, with plain equivalents when the campaign asks for smart encoding."""
        merged = self.template.merge(params)
        return smart.plain(merged, self.encoding) if self.smart else merged


def composer(message: Mapping[str, Any]) -> Composer:
    """From a campaign's {text, encoding?, smart?}. Raises UnknownPlaceholder."""
    encoding = Encoding(message.get("encoding", Encoding.GSM))
    return Composer(parse(message["text"]), encoding, bool(message.get("smart")), COUNTERS[encoding])

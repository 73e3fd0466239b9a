"""The exact pre-flight: every member of a list judged by the rules of the run, and nothing sent [F6]."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kabar.domain.estimates import Estimate, restored


class NotSent(StrEnum):
    """Why a member gets nothing: as LeftOut, or suppressed at the send [I4] [I6]."""

    DUPLICATE = "duplicate"
    INVALID = "invalid"
    EMPTY = "empty"
    OPTED_OUT = "opted_out"
    BLACKLISTED = "blacklisted"
    NO_CONSENT = "no_consent"
    NO_COMMON_HOURS = "no_common_hours"


RULES = {
    NotSent.DUPLICATE: "A number is messaged once by a campaign.",
    NotSent.INVALID: "A number has 7 digits to the most that the settings allow.",
    NotSent.EMPTY: "Nothing is left of the text: its params are empty.",
    NotSent.OPTED_OUT: "They have opted out of this list, or of everything.",
    NotSent.BLACKLISTED: "The number is on the blacklist.",
    NotSent.NO_CONSENT: "They gave no consent to commercial messages.",
    NotSent.NO_COMMON_HOURS: "The sending hours are never open in all time zones that the number may be in.",
}


@dataclass
class Findings:
    """Of some of the members: who gets nothing and why, and what the others come to."""

    not_sent: Counter[str] = field(default_factory=Counter)
    estimate: Estimate = field(default_factory=Estimate)
    zones: Counter[str] = field(default_factory=Counter)  # segments, where hours are the recipients' own

    @property
    def members(self) -> int:
        """How many were looked at."""
        return sum(self.not_sent.values()) + self.estimate.recipients

    def stored(self) -> dict[str, Any]:
        """JSON-ready, for `summed`."""
        return {
            "not_sent": dict(self.not_sent),
            "estimate": self.estimate.stored(),
            "zones": sorted(self.zones.items()),
        }


def summed(parts: Iterable[dict[str, Any]]) -> Findings:
    """What all `stored` parts say together."""
    whole = Findings()
    for part in parts:
        whole.not_sent.update(part["not_sent"])
        whole.estimate.merge(restored(part["estimate"]))
        whole.zones.update(dict(part.get("zones", ())))  # older ones know none
    return whole

"""What goes wrong, as `POST /_faults` orders it, decided by hash so that reruns agree.

A rule's decision depends on the seed, the rule, the first message of the request and how often that
message was tried: a retry is drawn anew, and the order in which requests arrive plays no part.
"""

import math
from collections import Counter
from hashlib import blake2b
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Word = Literal["received", "failed", "expired", "rejected", "dead"]
RequestKind = Literal[
    "http_500",
    "http_429",
    "timeout_after_accept",
    "timeout_before_accept",
    "reset_after_accept",
    "reset_before_accept",
    "slow_drip",
    "bad_json",
    "partial",
]
REJECT = "reject"


class Control(BaseModel):
    """A JSON object of our own control routes: snake_case, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Rule(Control):
    """One fault. `share` is its probability per request (`reject`: per recipient), `times` its most."""

    kind: RequestKind | Literal["reject"]
    share: Share
    to_prefix: str = ""
    times: Annotated[int | None, Field(ge=0)] = None

    def matches(self, to: str) -> bool:
        return to.startswith(self.to_prefix.removeprefix("+"))


class ReceiptPlan(Control):
    """How messages end and how their receipts travel; delays in milliseconds."""

    delay_ms: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=2, max_length=2)] = [200, 1000]
    per_post: Annotated[int, Field(ge=1, le=2000)] = 100  # Infobip's own limits and default
    duplicate_share: Share = 0
    lost_share: Share = 0
    shuffle: bool = False
    final: dict[Word, Share] = {"received": 0.97, "failed": 0.03}

    @model_validator(mode="after")
    def _add_up(self) -> "ReceiptPlan":
        if not math.isclose(sum(self.final.values()), 1):
            raise ValueError("the shares of `final` must add up to 1")
        if self.delay_ms[0] > self.delay_ms[1]:
            raise ValueError("`delay_ms` is [least, most]")
        return self


class FaultPlan(Control):
    """The body of `POST /_faults`; without one, nothing goes wrong.

    `latency_ms` passes before a request is taken, even if its client has given up by then: a late accept.
    """

    seed: int = 0
    latency_ms: Annotated[float, Field(ge=0)] = 0
    rules: list[Rule] = []
    receipts: ReceiptPlan = ReceiptPlan()


def chances(*parts: object) -> tuple[float, float, float, float]:
    """Four numbers in [0, 1), the same for the same parts on every machine and run."""
    digest = blake2b(repr(parts).encode(), digest_size=32).digest()
    first, second, third, fourth = (
        int.from_bytes(digest[start : start + 8], "big") / 2**64 for start in (0, 8, 16, 24)
    )
    return first, second, third, fourth


class Faults:
    """A plan at work: which fault hits which request or recipient."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.fired: Counter[str] = Counter()
        self._fired_by_rule: Counter[int] = Counter()
        self._tries: Counter[tuple[int, str]] = Counter()

    def for_request(self, recipients: list[tuple[str, str]]) -> str | None:
        """The fault of a request to these (number, message id): the first rule that fires, if any."""
        for number, rule in enumerate(self.plan.rules):
            if rule.kind != REJECT and any(rule.matches(to) for to, _ in recipients):
                to, message_id = recipients[0]
                if self._fires(number, rule, f"{to}/{message_id}"):
                    return rule.kind
        return None

    def rejects(self, to: str, message_id: str) -> bool:
        """Whether the carrier answers this recipient with a refusal."""
        return any(
            rule.kind == REJECT and rule.matches(to) and self._fires(number, rule, f"{to}/{message_id}")
            for number, rule in enumerate(self.plan.rules)
        )

    def _fires(self, number: int, rule: Rule, key: str) -> bool:
        if rule.times is not None and self._fired_by_rule[number] >= rule.times:
            return False
        self._tries[number, key] += 1
        chance, *_ = chances(self.plan.seed, number, key, self._tries[number, key])
        if chance >= rule.share:
            return False
        self._fired_by_rule[number] += 1
        self.fired[rule.kind] += 1
        return True

    def split(self, message_ids: list[str]) -> tuple[set[int], set[int]]:
        """A partial request: which positions are accepted, and which of those are in the answer.

        About half is answered; what is left out of the answer is half accepted, half not.
        """
        draws = [chances(self.plan.seed, "partial", message_id) for message_id in message_ids]
        order = sorted(range(len(message_ids)), key=lambda position: draws[position])
        answered = len(order) // 2
        left_out = len(order) - answered
        silently = left_out // 2
        if left_out % 2 and draws[order[0]][1] < 1 / 2:
            silently += 1
        return set(order[: answered + silently]), set(order[:answered])

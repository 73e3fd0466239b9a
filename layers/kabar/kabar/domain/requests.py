"""Message requests: up to 1,000 messages that belong to no campaign [F9] [F6] [I9]."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kabar.domain.segments import Encoding

MAX_RECIPIENTS = 1000
ONLY = 0  # the number of its chunk: a request is one
ROWS_TOGETHER = 100  # 6 params of 50 characters, 4 bytes each: 120 kB at most, and an item holds 400


class NoText(ValueError):
    """Nothing is left of the text for the recipients at `positions`, counted from 0; no carrier takes that."""

    def __init__(self, positions: Sequence[int]) -> None:
        super().__init__(f"nothing is left of the text for {len(positions)} of its recipients")
        self.positions = positions


class Kind(StrEnum):
    """What a request is for; only API messages wait for the sending hours [G1]."""

    API = "api"
    RESPONSE = "response"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What to send to whom. `id` was reserved before: whoever submits it again under this id sends nothing twice.

    `recipients` are (mobile, params); their messages get the ids from `first_id` on, which is `id` itself for one.
    `sender` and `carrier` are the workspace's own when None. Who left `list_id` is left out, except that a
    confirmation of an opt-out goes to everybody [I7]. `by` names who asked, as the log does; `reference` is the
    client's [F9]. `about` is what the log files it under, such as `campaign/1043`. The sending hours are those of
    `timezone`, where the recipients are, and the workspace's own when None [G3].
    """

    id: int
    first_id: int
    kind: Kind
    recipients: Sequence[tuple[str, Sequence[str]]]
    text: str
    created_at: int
    by: str
    request_id: str = ""
    encoding: Encoding = Encoding.GSM
    smart: bool = False
    sender: str | None = None
    carrier: str | None = None
    reference: str | None = None
    list_id: int | None = None
    confirms_opt_out: bool = False
    about: str | None = None
    timezone: str | None = None

"""Who may not be messaged, and why [I4] [I6]."""

from typing import Any

import pytest

from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason

MARK = {"at": 1, "by": "reply:1"}


@pytest.mark.parametrize(
    ("standing", "list_id", "reason"),
    [
        (None, 7, Reason.NONE),
        ({}, 7, Reason.NONE),
        ({"lists": {"8": MARK}}, 7, Reason.NONE),
        ({"lists": {"7": MARK}}, None, Reason.NONE),
        ({"lists": {"7": MARK}}, 7, Reason.OPTED_OUT),
        ({"everything": MARK}, 7, Reason.OPTED_OUT),
        ({"everything": MARK}, None, Reason.OPTED_OUT),
        ({"blacklisted": MARK}, 7, Reason.BLACKLISTED),
        ({"blacklisted": MARK}, None, Reason.BLACKLISTED),
        ({"blacklisted": MARK, "lists": {"7": MARK}}, 7, Reason.BLACKLISTED),
    ],
)
def test_a_number_is_left_out_for_what_covers_the_send(
    standing: dict[str, Any] | None, list_id: int | None, reason: Reason
) -> None:
    assert suppression(standing, list_id) is reason

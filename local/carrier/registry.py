"""Infobip's registry of statuses and errors, as far as this simulator gives them."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


def _status(group: int, group_name: str, code: int, name: str, description: str) -> Json:
    return {
        "groupId": group,
        "groupName": group_name,
        "id": code,
        "name": name,
        "description": description,
    }


def _error(group: int, group_name: str, code: int, name: str, *, permanent: bool) -> Json:
    return {
        "groupId": group,
        "groupName": group_name,
        "id": code,
        "name": name,
        "description": name.removeprefix("EC_").replace("_", " ").capitalize(),
        "permanent": permanent,
    }


ACCEPTED = _status(1, "PENDING", 26, "PENDING_ACCEPTED", "Message sent to next instance")
ENROUTE = _status(1, "PENDING", 7, "PENDING_ENROUTE", "Message sent to next instance")
DUPLICATE_ID = _status(5, "REJECTED", 23, "REJECTED_DUPLICATE_MESSAGE_ID", "Duplicate message ID")
BAD_DESTINATION = _status(5, "REJECTED", 52, "REJECTED_DESTINATION", "Invalid destination address.")
NETWORK_REJECTED = _status(5, "REJECTED", 6, "REJECTED_NETWORK", "Network is forbidden")

NO_ERROR = _error(0, "OK", 0, "NO_ERROR", permanent=False)
DUPLICATE_MESSAGE = _error(2, "USER_ERRORS", 5492, "EC_DUPLICATE_MESSAGE", permanent=True)
INVALID_ADDRESS = _error(2, "USER_ERRORS", 351, "EC_INVALID_DESTINATION_ADDRESS", permanent=False)
PROVIDER_ERROR = _error(3, "OPERATOR_ERRORS", 500, "EC_PROVIDER_GENERAL_ERROR", permanent=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a message ends: the `status` and `error` objects of its report."""

    status: Json
    error: Json


# By our own status words, which is how `/_faults` asks for them.
FINAL = {
    "received": Outcome(
        _status(3, "DELIVERED", 5, "DELIVERED_TO_HANDSET", "Message delivered to handset"), NO_ERROR
    ),
    "failed": Outcome(
        _status(2, "UNDELIVERABLE", 9, "UNDELIVERABLE_NOT_DELIVERED", "Message sent not delivered"),
        _error(1, "HANDSET_ERRORS", 27, "EC_ABSENT_SUBSCRIBER", permanent=False),
    ),
    "expired": Outcome(
        _status(4, "EXPIRED", 15, "EXPIRED_EXPIRED", "Message expired"),
        _error(2, "USER_ERRORS", 4101, "EC_VALIDITY_EXPIRED", permanent=True),
    ),
    "rejected": Outcome(NETWORK_REJECTED, PROVIDER_ERROR),
    "dead": Outcome(
        _status(2, "UNDELIVERABLE", 9, "UNDELIVERABLE_NOT_DELIVERED", "Message sent not delivered"),
        _error(1, "HANDSET_ERRORS", 1, "EC_UNKNOWN_SUBSCRIBER", permanent=True),
    ),
}

"""One turn of `retry_callbacks`: probe an endpoint that is down, or work off what is parked for it."""

from collections.abc import Mapping
from typing import Any

from kabar import settings
from kabar.delivery import wiring
from kabar.delivery.retry import Retry, Turn
from kabar.log import logger

SETTINGS = settings.read(wiring.Environment)
DESK = wiring.desk(SETTINGS)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers what comes next (`outcome`: done, again, wait so many `seconds`) with all that the next turn needs."""
    turn = Turn.of(event)
    endpoint = DESK.endpoints.get(turn.workspace, turn.kind)
    if endpoint is None or endpoint["id"] != turn.endpoint:
        answer, delivered = turn.answer("done", turn.until), 0  # it was removed: what is parked expires
    else:
        retry = Retry(DESK, turn, endpoint | {"workspace": turn.workspace})
        answer, delivered = retry.take(), retry.delivered
    logger.info("callbacks again", **answer, delivered=delivered)
    return answer

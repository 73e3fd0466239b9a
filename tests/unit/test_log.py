"""What the log may not hold."""

import io
import json

from aws_lambda_powertools import Logger

from kabar import log


def test_a_number_in_the_message_of_an_exception_is_masked() -> None:
    stream = io.StringIO()
    logger = Logger(service="kabar-test", stream=stream, json_serializer=log.line)
    logger.error("unexpected", exc_info=ValueError("no member +905551234567"), campaign=1234567890123)
    line = json.loads(stream.getvalue())
    assert "+905551234567" not in stream.getvalue()
    assert "+905…67" in line["exception"]
    assert line["campaign"] == 1234567890123

"""The greatest things that anybody may send us, against what DynamoDB, Lambda and API Gateway take in one piece."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from intake import MAX_BODY
from kabar.domain.requests import MAX_RECIPIENTS
from tests.functions.api_client import Api, api
from tests.functions.fake_dynamo import FakeDynamo

__all__ = ["api"]

ITEM = 400 * 1024  # bytes, names and values
ANSWER = 6 * 1024 * 1024  # of a function
WIDE = "\U0001f9f8"  # four bytes in UTF-8
MEMBERS = [{"mobile": f"+6421{number:07d}", "params": [WIDE * 50] * 6} for number in range(MAX_RECIPIENTS)]


def size(value: Any) -> int:
    """Bytes of an item or a value, as DynamoDB counts them."""
    if isinstance(value, Mapping):
        return 3 + sum(len(name.encode()) + size(each) + 1 for name, each in value.items())
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes | bytearray):
        return len(value)
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int | float):
        return len(str(value)) // 2 + 2
    return 3 + sum(size(each) + 1 for each in value)


def greatest(tables: FakeDynamo) -> int:
    return max(size(item) for table in tables.tables.values() for item in table.values())


@pytest.mark.parametrize("kilobytes", [399, 400, 401])
def test_f69_the_measure_is_dynamodbs(kilobytes: int) -> None:
    """F69"""
    item = {"pk": "p", "sk": "s", "text": "x" * (kilobytes * 1024 - 3 - 14)}
    assert (size(item) > ITEM) == (kilobytes > 400)


def test_f69_the_longest_text_to_the_most_recipients_with_the_longest_params_fits_its_items(api: Api) -> None:
    """F69: every item half full at the most, also what the same call again is answered with."""
    body = {"text": WIDE * 1600, "recipients": MEMBERS, "reference": "r" * 100}
    assert 1_000_000 < len(json.dumps(body, ensure_ascii=False).encode()) < MAX_BODY
    answer = api.call("POST", "/v1/messages", body, headers={"Idempotency-Key": "k" * 64})
    assert answer.status == 202
    again = api.call("POST", "/v1/messages", body, headers={"Idempotency-Key": "k" * 64})
    assert again.json == answer.json
    assert greatest(api.tables) < ITEM / 2
    assert len(json.dumps(answer.json)) < ANSWER / 2


def test_f69_a_template_and_a_campaign_of_the_longest_text_fit_their_items(api: Api) -> None:
    """F69: texts are capped by name, long before an item is full."""
    long = WIDE * 1600
    assert api.call("POST", "/v1/templates", {"name": "x", "text": long + "x"}).pointers == ["#/text"]
    template = api.call("POST", "/v1/templates", {"name": WIDE * 50, "text": long})
    assert template.status == 201
    assert greatest(api.tables) < ITEM / 2


def test_f78_a_body_beyond_four_megabytes_is_refused_with_the_way_that_takes_it(api: Api) -> None:
    """F78: to the byte, before anything is stored."""
    before = json.dumps({name: len(rows) for name, rows in api.tables.tables.items()})
    filler = '{"members": [], "x": "' + "x" * MAX_BODY
    exact, more = filler[: MAX_BODY - 2] + '"}', filler[: MAX_BODY - 1] + '"}'
    assert api.call("POST", "/v1/lists/7/members/import", exact).status == 422
    answer = api.call("POST", "/v1/lists/7/members/import", more)
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    assert "POST /v1/imports" in answer.json["detail"]
    assert json.dumps({name: len(rows) for name, rows in api.tables.tables.items()}) == before

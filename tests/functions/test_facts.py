"""Facts about messages: what a sender writes before a call and after a refusal, and what the next one reads of it."""

from dataclasses import replace
from typing import Any

import pytest

from kabar.domain.messages import Message
from kabar.domain.slices import Fact, Recipient, Seen
from kabar.domain.statuses import Reason, Status
from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.facts import KEPT_SECONDS, ChunkPeople, Origin
from tests.functions.fake_dynamo import FakeDynamo

NOW = 5_000_000
MOBILE = "+642100000001"
WHO = Recipient(3, Message("1a2b3c4d-2003", MOBILE, "Merhaba", 2))
ORIGIN = Origin(
    workspace="acme", list_id=7, sender="KABAR", chunk=1, first_id=1000, chunk_size=1000, campaign=4
)
COMMON = {"at": NOW, "chunk": 1, "pos": 3, "expires_at": NOW // 1000 + KEPT_SECONDS}
SUBMITTED = {"sender": "KABAR", "text": "Merhaba", "segments": 2}
FACTS: list[tuple[Fact, dict[str, Any], Seen]] = [
    (Fact(WHO, Status.SUBMITTED), SUBMITTED, Seen(submitted=True, suppressed=Reason.NONE)),
    (
        Fact(WHO, Status.SUPPRESSED, Reason.BLACKLISTED),
        {"reason": 2},
        Seen(submitted=False, suppressed=Reason.BLACKLISTED),
    ),
    (
        Fact(WHO, Status.REJECTED, code="12"),
        {"code": "12", "via": "call"},
        Seen(submitted=False, suppressed=Reason.NONE, rejected=True),
    ),
]


def people(dynamo: FakeDynamo, origin: Origin = ORIGIN) -> ChunkPeople:
    return ChunkPeople(Table("people", dynamo), origin, lambda: NOW)


@pytest.mark.parametrize(("fact", "content", "seen"), FACTS, ids=[f[0].status.word for f in FACTS])
def test_a_fact_is_stored_whole_and_seen_by_the_next_attempt(
    fact: Fact, content: dict[str, Any], seen: Seen
) -> None:
    dynamo = FakeDynamo()
    assert people(dynamo).seen([WHO]) == {3: Seen(submitted=False, suppressed=Reason.NONE)}
    people(dynamo).write([fact])
    key = keys.fact("acme", MOBILE, 2003, fact.status.word)
    assert dynamo.find("people", key) == {**key, **COMMON, **content, "campaign": 4, "list": 7}
    assert people(dynamo).seen([WHO]) == {3: seen}


def test_a_fact_of_a_request_names_no_campaign_and_no_list() -> None:
    dynamo = FakeDynamo()
    origin = replace(ORIGIN, campaign=None, list_id=None, request=9000)
    people(dynamo, origin).write([FACTS[2][0]])
    key = keys.fact("acme", MOBILE, 2003, "rejected")
    assert dynamo.find("people", key) == {**key, **COMMON, **FACTS[2][1], "request": 9000}


def test_only_the_confirmation_of_an_opt_out_looks_away_from_the_standing() -> None:
    dynamo = FakeDynamo()
    dynamo.seed("people", keys.standing("acme", MOBILE), everything={"at": 1, "by": "reply:1"})
    assert people(dynamo).standings([MOBILE]) == {MOBILE: Reason.OPTED_OUT}
    assert people(dynamo, replace(ORIGIN, ignores_standing=True)).standings([MOBILE]) == {}

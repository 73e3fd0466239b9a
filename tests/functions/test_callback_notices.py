"""Mail to the workspace about its callbacks, in its language [J5]."""

import json
import re
from typing import Any

import pytest

from kabar.delivery.notice import EVERY, LANGUAGES, Notices
from kabar.domain.import_codes import _MESSAGES
from kabar.storage import keys, mail
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Table
from tests.functions.fake_dynamo import FakeDynamo, client_error

ENDPOINT = {"id": 7000, "workspace": "acme", "kind": "receipts", "url": "https://a.example/"}
Mails = list[tuple[str, ...]]


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Mails:
    sent: Mails = []
    monkeypatch.setattr(mail, "send", lambda *told: sent.append(told))
    return sent


def notices(now: list[int], sender: str = "kabar@example.com", **settings: Any) -> Notices:
    dynamo = FakeDynamo()
    known = {"email": "us@example.com", "sender": "Kabar", "carrier": "infobip"} | settings
    dynamo.seed("workspaces", keys.settings("acme"), **known)
    return Notices(Table("workspaces", dynamo), Book(Table("callbacks", dynamo)), sender, lambda: now[0])


@pytest.mark.parametrize(
    ("language", "gave_up", "off"),
    [
        ("en", "gave up", "no longer tells"),
        ("tr", "vazgeçti: iletim raporları", "artık"),
        ("id", "berhenti mencoba", "laporan pengiriman"),
        ("xx", "gave up", "no longer tells"),
    ],
)
def test_notices_speak_the_workspaces_language(mails: Mails, language: str, gave_up: str, off: str) -> None:
    told = notices([0], language=language)
    told.given_up(ENDPOINT, 17)
    told.switched_off(ENDPOINT)
    (first, second) = mails
    assert first[:2] == ("kabar@example.com", "us@example.com")
    assert gave_up in first[2]
    assert all(
        word in first[3] for word in ("17", "acme", "https://a.example/", "/v1/callbacks/receipts/dead")
    )
    assert off in second[2]
    assert "POST /v1/callbacks/receipts/on" in second[3]


def test_what_is_given_up_is_mailed_once_a_day(mails: Mails) -> None:
    now = [1_800_000_000_000]
    told = notices(now)
    for _ in range(3):
        told.given_up(ENDPOINT, 1)
    now[0] += EVERY + 1
    told.given_up(ENDPOINT, 1)
    assert len(mails) == 2


@pytest.mark.parametrize("known", [{"sender": ""}, {"email": None}])
def test_nothing_is_mailed_where_there_is_no_sender_or_nobody_to_mail(
    mails: Mails, known: dict[str, Any]
) -> None:
    told = notices([0], **known)
    told.given_up(ENDPOINT, 1)
    told.switched_off(ENDPOINT)
    assert mails == []


def test_mail_that_is_refused_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> None:
        raise client_error("MessageRejected")

    monkeypatch.setattr(mail, "send", refuse)
    notices([0]).switched_off(ENDPOINT)


@pytest.mark.parametrize("file", ["callbacks", "replies"])
def test_every_language_says_the_same(file: str) -> None:
    """The same phrases with the same names in them."""
    said = [
        {
            name: sorted(re.findall(r"{(\w+)}", phrase))
            for name, phrase in json.loads((_MESSAGES / f"{file}.{language}.json").read_text()).items()
        }
        for language in LANGUAGES
    ]
    assert all(each == said[0] for each in said)

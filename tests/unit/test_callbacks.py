"""What the customer is told, byte for byte [J2] [J3], signed [J4], and how answers are read [J5]."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from kabar.domain import callbacks
from kabar.domain.callbacks import LIFE, Callback, Kind, Verdict
from kabar.domain.statuses import FINAL_RECEIPTS, Status
from kabar.storage.callback_settings import Secrets, new_signing_secret
from local import webhooks

AT = 1596071267481  # 2020-07-30T01:07:47.481Z
NOW = 1_800_000_000_000


def reply(**changes: Any) -> dict[str, Any]:
    told = {"id": 1241581207, "mobile": "+64220297056", "to": "3774", "text": "TEST", "born": 1}
    return told | {"message": None, "campaign": None, "reference": None} | changes


def receipt(**changes: Any) -> dict[str, Any]:
    told = {"id": 1241581207, "mobile": "+64220297056", "status": "received", "at": AT, "born": 1}
    return told | {"campaign": 142329, "reference": None} | changes


def test_a_reply_on_its_own_byte_for_byte() -> None:
    assert callbacks.reply_callback("d", "acme", reply()).body == (
        '{"message-id": 1241581207, "source": "+64220297056", "destination": "3774", "content": "TEST"}'
    )


def test_a_reply_to_a_message_of_ours_byte_for_byte() -> None:
    told = reply(text="TEST REPLY", message=525124309, campaign=142329)
    assert callbacks.reply_callback("d", "acme", told).body == (
        '{"id": 1241581207, "source": "+64220297056", "destination": "3774", "content": "TEST REPLY", '
        '"reply-to": 525124309, "campaign-id": 142329}'
    )


def test_a_receipt_byte_for_byte() -> None:
    assert callbacks.receipt_callback("d", "acme", receipt(), AT).body == (
        '{"CampaignID": 142329, "MessageId": 1241581207, "Status": "received", "StatusDate": '
        '"2020-07-30T01:07:47.481Z", "Mobile": "+64220297056", "SentDate": "2020-07-30T01:07:47.481Z"}'
    )


def test_messages_of_no_campaign_leave_it_out() -> None:
    assert "CampaignID" not in callbacks.receipt_callback("d", "acme", receipt(campaign=None), AT).body
    assert "campaign-id" not in callbacks.reply_callback("d", "acme", reply(message=5)).body


def test_ids_of_64_bits_stay_integers() -> None:
    body = callbacks.receipt_callback("d", "acme", receipt(id=2**63 - 1), AT).body
    assert '"MessageId": 9223372036854775807,' in body


def test_texts_keep_their_letters() -> None:
    body = callbacks.reply_callback("d", "acme", reply(text='Ünal "ş" 👍\n')).body
    assert json.loads(body)["content"] == 'Ünal "ş" 👍\n'
    assert "Ünal" in body


def test_one_id_per_message_and_status_and_nobody_elses() -> None:
    made = [
        callbacks.webhook_id(deployment, workspace, message, status)
        for deployment in ("a", "b")
        for workspace in ("acme", "rival")
        for message in (1, 11)
        for status in ("received", "failed", "reply")
    ]
    assert len(set(made)) == len(made)
    again = callbacks.receipt_callback("a", "acme", receipt(id=1, born=9, at=9), 9)
    assert again.id == callbacks.receipt_callback("a", "acme", receipt(id=1), AT).id == made[0]


@pytest.mark.parametrize("status", list(Status))
def test_told_are_the_final_receipts_and_nothing_else(status: Status) -> None:
    item = {
        "pk": "acme#+64220297056",
        "sk": f"out#0000001241581207#{status.word}",
        "via": "receipt",
        "at": AT,
    }
    told = callbacks.telling(item | {"campaign": 142329}, 7)
    assert (told is not None) == (status in FINAL_RECEIPTS)
    if told:
        assert told == ("acme", Kind.RECEIPTS, receipt(status=status.word, born=7))


def test_a_reply_is_told_with_what_it_answers() -> None:
    item = {"pk": "acme#+64220297056", "sk": "in#infobip#x", "via": "reply", "reply_id": 1241581207}
    item |= {"to": "3774", "text": "TEST", "message": 5, "campaign": 6, "opt_out": False}
    assert callbacks.telling(item, 1) == ("acme", Kind.REPLIES, reply(message=5, campaign=6))


def test_a_reference_comes_back_as_a_header() -> None:
    made = callbacks.receipt_callback("d", "acme", receipt(reference="order-7", campaign=None), AT)
    assert callbacks.signed_headers(made, [new_signing_secret()], NOW)["kabar-reference"] == "order-7"


def test_f65_while_secrets_rotate_both_signatures_are_there_and_each_verifies() -> None:
    now = int(datetime.now(UTC).timestamp() * 1000)
    first = Secrets().rotated(now, now)
    second = first.rotated(now, now + 1000)
    callback = Callback("msg_1", '{"MessageId": 1, "content": "ş"}', 1)
    during = callbacks.signed_headers(callback, second.signing_at(now), now)
    assert len(during["webhook-signature"].split()) == 2
    old, new = first.signing[0][0], second.signing[0][0]
    for secret in (old, new):
        Webhook(secret).verify(callback.body, during)
    after = callbacks.signed_headers(callback, second.signing_at(now + 1000), now)
    Webhook(new).verify(callback.body, after)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(callback.body, after)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(callback.body.replace("1", "2"), during)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "delivered"), (204, "delivered"), (299, "delivered"), (410, "gone")]
    + [(status, "again") for status in (300, 301, 302, 303, 304, 307, 308, 408, 429, 500, 502, 503, 504, 599)]
    + [(status, "dead") for status in (400, 401, 402, 403, 404, 405, 406, 409, 411, 413, 418, 422, 451)],
)
def test_what_an_answer_means(status: int, verdict: str) -> None:
    assert callbacks.read(status, {}, NOW).verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("120", NOW + 120_000),
        (format_datetime(datetime.fromtimestamp(NOW / 1000 + 60, UTC), usegmt=True), NOW + 60_000),
        (format_datetime(datetime.fromtimestamp(NOW / 1000 - 60, UTC), usegmt=True), None),
        ("99999999999999999999", NOW + LIFE),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_f61_a_retry_after_is_read_in_both_forms(value: str, moment: int | None) -> None:
    assert callbacks.retry_after(value, NOW) == moment
    assert callbacks.read(503, {"retry-after": value}, NOW).not_before == moment


@given(st.text(max_size=40))
def test_no_retry_after_makes_us_fail(value: str) -> None:
    moment = callbacks.retry_after(value, NOW)
    assert moment is None or NOW < moment <= NOW + LIFE


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_double_to_half_an_hour_and_jitter_takes_at_most_half(failures: int, chance: float) -> None:
    longest = min(1_800_000, 10_000 * 2 ** min(failures - 1, 30))
    assert longest / 2 - 1 <= callbacks.wait(failures, chance) <= longest


@pytest.mark.skipif(not webhooks.ready(), reason="`make webhook-proof` fetches the verifier from npm")
def test_the_reference_verifier_in_another_language_takes_our_signatures() -> None:
    assert webhooks.main() == 0

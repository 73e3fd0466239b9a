"""Callbacks on the real engine: outbox, queue, state machine, permissions; the waits of days pass in seconds."""

import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from local import http, job
from local import stack as stacks

SCALE = 0.0005  # of every wait in a state machine: half an hour is 0.9 s
MANY = 25


class Customer:
    """A workspace whose receipts and replies are told, and what it was told."""

    def __init__(self, stack: stacks.Stack) -> None:
        self.stack = stack
        self.secrets: dict[str, str] = {}
        self.seen = 0
        self.numbers = 0

    def set_up(self, kind: str, **more: Any) -> None:
        tag = self.stack.api("GET", f"/v1/callbacks/{kind}").headers.get("ETag")
        answer = self.stack.api(
            "PUT",
            f"/v1/callbacks/{kind}",
            {"url": f"{self.stack.callbacks_url}/{kind}", **more},
            {"If-Match": tag} if tag else None,
        )
        assert answer.status in (200, 201), answer.body
        self.secrets[kind] = answer.body["signing_secret"] or self.secrets[kind]

    def send(self, many: int = MANY) -> list[int]:
        """A campaign to so many numbers, with its receipts; the messages' ids."""
        self.numbers += 1
        rows = "".join(f"+64279{self.numbers:02d}{number:04d},A\n" for number in range(many))
        imported = job.import_file(self.stack, f"C{self.numbers}", "a.csv", rows.encode(), _ignored)
        campaign = job.start_campaign(self.stack, "Told", imported["list_id"], "Hi %%1%%")
        report = job.follow_campaign(self.stack, campaign, _ignored)
        assert sum(report["statuses"].values()) == many
        return [campaign]

    def calls(self, kind: str = "receipts") -> list[dict[str, Any]]:
        """What came in since `mark`."""
        found = self.stack.customer("GET", f"/_got?after={self.seen}")["calls"]
        return [call for call in found if call["path"] == f"/{kind}"]

    def mark(self) -> None:
        self.seen = self.stack.customer("GET", "/_got?after=10000000")["next"]

    def delivered(self, kind: str = "receipts") -> Counter[str]:
        good = [call for call in self.calls(kind) if 200 <= call["status"] < 300]
        return Counter(call["headers"]["webhook-id"] for call in good)

    def endpoint(self, kind: str = "receipts") -> dict[str, Any]:
        return dict(self.stack.api("GET", f"/v1/callbacks/{kind}").body)

    def behave(self, *rules: dict[str, Any]) -> None:
        self.stack.customer("POST", "/_behave", {"rules": list(rules)})


def _ignored(_: Any) -> None:
    pass


def _until(holds: Callable[[], bool], what: str, patience: float = 120) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@pytest.fixture(scope="module")
def customer() -> Iterator[Customer]:
    name = f"callbacks-{uuid.uuid4().hex[:8]}"
    try:
        stack = stacks.start(name, owner=os.getpid())
        http.call("POST", f"{stack.emulator_url}/_ministack/config", {"stepfunctions._SFN_WAIT_SCALE": SCALE})
        stack.carrier("POST", "/_faults", {"receipts": {"delay_ms": [10, 300], "duplicate_share": 0.2}})
        made = Customer(stack)
        made.set_up("receipts", headers={"X-Api-Key": "k3y"})
        made.set_up("replies")
        yield made
    finally:
        stacks.stop(name)


@pytest.fixture(autouse=True)
def afresh(customer: Customer) -> None:
    customer.behave()
    customer.stack.customer("POST", "/_tokens", {})
    customer.mark()


def test_each_receipt_and_reply_is_told_once_and_verifies(customer: Customer) -> None:
    """F17: a fifth of the receipts comes twice."""
    (campaign,) = customer.send()
    job.answer_stop(customer.stack, ["+64279010003"])
    _until(lambda: len(customer.delivered()) == MANY and bool(customer.calls("replies")), "all are told")
    assert set(customer.delivered().values()) == {1}
    for call in customer.calls():
        told = Webhook(customer.secrets["receipts"]).verify(call["body"], call["headers"])
        assert list(told) == ["CampaignID", "MessageId", "Status", "StatusDate", "Mobile", "SentDate"]
        assert told["CampaignID"] == campaign
        assert told["SentDate"] <= told["StatusDate"]
        assert call["headers"]["x-api-key"] == "k3y"
    (reply,) = customer.calls("replies")
    told = Webhook(customer.secrets["replies"]).verify(reply["body"], reply["headers"])
    assert list(told) == ["id", "source", "destination", "content", "reply-to", "campaign-id"]
    assert (told["source"], told["content"], told["campaign-id"]) == ("+64279010003", "STOP", campaign)


def test_an_api_messages_reference_comes_back_on_its_receipt_and_its_reply(customer: Customer) -> None:
    wanted = {"recipients": [{"mobile": "+642799900001"}], "text": "Hi", "reference": "order-7"}
    answer = customer.stack.api("POST", "/v1/messages", wanted)
    assert answer.status < 300, answer.body
    _until(lambda: len(customer.delivered()) == 1, "it is told")
    job.answer_stop(customer.stack, ["+642799900001"])
    _until(lambda: len(customer.delivered("replies")) == 1, "the reply is told")
    for call in (*customer.calls(), *customer.calls("replies")):
        assert call["headers"]["kabar-reference"] == "order-7"
        assert "ampaign" not in call["body"]


def test_f58_an_outage_of_days_delivers_everything_once_with_one_id(customer: Customer) -> None:
    customer.behave({"drop": True, "path": "/receipts"})
    customer.send()
    _until(lambda: customer.endpoint()["state"] == "failing", "it shows as failing")
    down = {call["headers"]["webhook-id"] for call in customer.calls()}
    _until(lambda: len(customer.calls()) > 8, "it is probed again and again")
    customer.send()  # more is parked meanwhile
    assert not customer.delivered()
    customer.behave()
    _until(lambda: len(customer.delivered()) == 2 * MANY, "everything arrives")
    _until(
        lambda: customer.endpoint()["state"] == "on" and not customer.endpoint()["waiting"], "it is on again"
    )
    assert set(customer.delivered().values()) == {1}
    assert down <= set(customer.delivered())
    assert len(_executions(customer.stack, "RUNNING")) == 0


def test_f59_410_switches_off_and_switching_on_delivers(customer: Customer) -> None:
    customer.behave({"status": 410, "path": "/receipts"})
    customer.send()
    _until(lambda: customer.endpoint()["state"] == "off", "it is off")
    customer.behave()
    customer.mark()
    time.sleep(2)
    assert not customer.calls()
    assert customer.stack.api("POST", "/v1/callbacks/receipts/on").status == 200
    _until(lambda: len(customer.delivered()) == MANY, "everything arrives")
    _until(lambda: not customer.endpoint()["waiting"], "nothing waits")


def test_f60_and_f62_redirects_and_slow_answers_are_failures_with_the_same_id_later(
    customer: Customer,
) -> None:
    customer.behave(
        {"status": 307, "headers": {"Location": f"{customer.stack.callbacks_url}/elsewhere"}, "times": 2},
        {"delay_ms": 17_000, "times": 1},
    )
    customer.send(6)
    _until(lambda: len(customer.delivered()) == 6, "everything arrives", 90)
    _until(lambda: not customer.endpoint()["waiting"], "nothing waits")
    failed = [call for call in customer.calls() if call["status"] in (0, 307)]
    assert [call["status"] for call in failed].count(307) == 2
    assert len(failed) == 3
    assert {call["headers"]["webhook-id"] for call in failed} <= set(customer.delivered())
    assert set(customer.delivered().values()) == {1}
    assert not customer.calls("elsewhere")


def test_f63_one_token_for_all_and_one_more_after_a_401(customer: Customer) -> None:
    stack = customer.stack
    oauth = {"token_url": f"{stack.callbacks_url}/token", "client_id": "kabar", "client_secret": "s3cret"}
    customer.set_up("receipts", oauth=oauth)
    stack.customer("POST", "/_tokens", {"required": True})
    before = stack.customer("GET", "/_tokens")["asked"]
    customer.send()
    _until(lambda: len(customer.delivered()) == MANY, "everything arrives")
    assert stack.customer("GET", "/_tokens")["asked"] == before + 1
    stack.customer("POST", "/_tokens", {"required": True, "revoke": True})
    customer.send()
    _until(lambda: len(customer.delivered()) == 2 * MANY, "everything arrives")
    assert stack.customer("GET", "/_tokens")["asked"] == before + 2
    assert set(customer.delivered().values()) == {1}
    customer.set_up("receipts")


def test_what_is_refused_is_given_up_mailed_listed_and_replayed_twice_with_its_id(customer: Customer) -> None:
    stack = customer.stack
    customer.behave({"status": 422, "path": "/receipts", "contains": "0001"})
    customer.send(5)
    _until(lambda: len(_dead(stack)) == 1, "one is given up")
    (dead,) = _dead(stack)
    assert dead["why"] == "the endpoint answered 422"
    _until(lambda: any("gave up" in json.dumps(mail) for mail in _mails(stack)), "it is mailed", 15)
    customer.behave()
    customer.mark()
    for times in (1, 2):
        stack.api("POST", f"/v1/callbacks/receipts/dead/{dead['id']}/replay")
        _until(lambda times=times: customer.delivered() == {dead["webhook_id"]: times}, "it arrives")  # type: ignore[misc]
        _until(lambda: not customer.endpoint()["waiting"], "nothing waits")
    day = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    assert stack.api("POST", "/v1/callbacks/receipts/replay", day).status == 202
    _until(lambda: customer.delivered() == {dead["webhook_id"]: 3}, "it arrives")


def test_an_endpoint_that_is_down_does_not_slow_the_other_one(customer: Customer) -> None:
    customer.behave({"delay_ms": 20_000, "path": "/receipts"})
    customer.send()
    began = time.monotonic()
    job.answer_stop(customer.stack, [f"+64279{customer.numbers:02d}0005"])
    _until(lambda: bool(customer.delivered("replies")), "the reply is told")
    assert time.monotonic() - began < 12


def test_nothing_was_refused_and_nothing_given_up(customer: Customer) -> None:
    assert job.denials(customer.stack) == []
    queues = customer.stack.client("sqs")
    for url in queues.list_queues(QueueNamePrefix="kabar")["QueueUrls"]:
        if "CallbacksDeadLetters" in url:
            waiting = queues.get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )
            assert waiting["Attributes"]["ApproximateNumberOfMessages"] == "0"


def _dead(stack: stacks.Stack) -> list[dict[str, Any]]:
    return list(stack.api("GET", "/v1/callbacks/receipts/dead").body["data"])


def _mails(stack: stacks.Stack) -> list[Any]:
    found = http.call("GET", f"{stack.emulator_url}/_ministack/ses/messages").body
    return [mail for account in found["messages"].values() for mail in account]


def _executions(stack: stacks.Stack, status: str) -> list[Any]:
    machines = stack.client("stepfunctions")
    (arn,) = [
        machine["stateMachineArn"]
        for machine in machines.list_state_machines()["stateMachines"]
        if machine["name"].endswith("retry-callbacks")
    ]
    return list(machines.list_executions(stateMachineArn=arn, statusFilter=status)["executions"])

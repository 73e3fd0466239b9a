"""The same Idempotency-Key and body get the same answer, once."""

import pytest

from kabar.storage import keys
from tests.functions.api_client import Api, api

__all__ = ["api"]


@pytest.mark.parametrize("spelling", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_the_same_key_and_body_get_the_same_answer_once(api: Api, spelling: str) -> None:
    first = api.call("POST", "/v1/campaigns", api.campaign(), headers={spelling: "k"})
    shuffled = dict(reversed(api.campaign().items()))
    again = api.call("POST", "/v1/campaigns", shuffled, headers={spelling: "k"})
    assert (first.status, again.status) == (201, 201)
    assert (again.text, again.headers) == (first.text, first.headers)
    assert len(api.clients.started) == 1


def test_without_a_key_every_post_is_a_campaign_of_its_own(api: Api) -> None:
    ids = {api.call("POST", "/v1/campaigns", api.campaign()).json["id"] for _ in range(2)}
    assert len(ids) == 2


def test_a_key_is_each_workspace_s_own(api: Api) -> None:
    api.tables.seed("workspaces", keys.list_head("rival", 7), id=7, name="Gym", created_at=1)
    headers = {"Idempotency-Key": "k"}
    ours = api.call("POST", "/v1/campaigns", api.campaign(), headers=headers)
    theirs = api.call("POST", "/v1/campaigns", api.campaign(), headers=headers, workspace="rival")
    assert ours.json["id"] != theirs.json["id"]


def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    api.call("POST", "/v1/campaigns", api.campaign(), headers=headers)
    answer = api.call("POST", "/v1/campaigns", api.campaign(name="Other"), headers=headers)
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_1_to_255_characters(api: Api, key: str) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign(), headers={"Idempotency-Key": key})
    assert (answer.status, answer.pointers) == (422, ["Idempotency-Key"])


def test_a_request_in_flight_is_asked_to_come_back(api: Api) -> None:
    answers = []

    def meanwhile() -> None:
        answers.append(api.call("POST", "/v1/campaigns", api.campaign(), headers={"Idempotency-Key": "k"}))

    # after the id and the record: just before the campaign is written
    api.tables.before.extend([lambda: None, lambda: None, meanwhile])
    first = api.call("POST", "/v1/campaigns", api.campaign(), headers={"Idempotency-Key": "k"})
    assert first.status == 201
    assert [answer.json["code"] for answer in answers] == ["request_in_flight"]
    assert int(answers[0].headers["Retry-After"]) in range(1, 31)


@pytest.mark.parametrize("writes_before_the_failure", [1, 2, 3])
def test_a_request_that_failed_half_way_is_repeated_under_the_same_id(
    api: Api, writes_before_the_failure: int
) -> None:
    def fail() -> None:
        raise ConnectionError("half way")

    api.tables.before.extend([lambda: None] * writes_before_the_failure + [fail])
    headers = {"Idempotency-Key": "k"}
    assert api.call("POST", "/v1/campaigns", api.campaign(), headers=headers).status == 500
    again = api.call("POST", "/v1/campaigns", api.campaign(), headers=headers)
    assert again.status == 201
    heads = [
        key for key in api.tables.tables["workspaces"] if key[1].startswith("campaign#") and key[0] != "open"
    ]
    assert heads == [("w#acme", f"campaign#{again.json['id']:016d}")]


def test_a_refused_campaign_frees_its_key(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    assert api.call("POST", "/v1/campaigns", api.campaign(list_id=8), headers=headers).status == 422
    assert api.call("POST", "/v1/campaigns", api.campaign(list_id=7), headers=headers).status == 201

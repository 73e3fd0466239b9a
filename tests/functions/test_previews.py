"""Previews: how a message looks, and what it takes and costs [E1]–[E4]; prices by country."""

from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.api_client import Api, api

__all__ = ["api"]

PREVIEWS, PRICES = "/v1/previews", "/v1/settings/prices"


def preview(api: Api, **draft: Any) -> Any:
    answer = api.call("POST", PREVIEWS, draft)
    assert answer.status == 200, answer.text
    return answer.json


def set_prices(api: Api, body: Any) -> Any:
    seen = api.call("GET", PRICES).headers["ETag"]
    return api.call("PUT", PRICES, body, headers={"If-Match": seen})


@pytest.mark.parametrize(
    ("encoding", "text", "alphabet", "units", "segments"),
    [
        ("gsm", "a" * 160, "gsm7", 160, 1),
        ("gsm", "a" * 161, "gsm7", 161, 2),
        ("gsm", "ş" * 71, "ucs2", 71, 2),
        ("gsm", "😜" + "a" * 69, "ucs2", 71, 2),
        ("turkish_single", "ş" * 77, "turkish_single", 154, 1),
        ("turkish_locking", "ş" * 156, "turkish_locking", 156, 2),
        ("turkish_both", "ş" * 152, "turkish_both", 152, 1),
        ("ucs2", "a" * 71, "ucs2", 71, 2),
    ],
)
def test_segments_are_counted_in_the_encoding_that_was_chosen(
    api: Api, encoding: str, text: str, alphabet: str, units: int, segments: int
) -> None:
    shown = preview(api, text=text, encoding=encoding)
    assert [shown[name] for name in ("text", "alphabet", "units", "segments")] == [
        text,
        alphabet,
        units,
        segments,
    ]
    assert shown["offered"] == ["gsm", "turkish_single", "turkish_locking", "turkish_both"]
    assert shown["list_preview"] is None


def test_params_are_merged_and_missing_ones_named(api: Api) -> None:
    shown = preview(api, text="Hi %%1%% %%3%% %%2%%", params=["%%2%%", ""])
    assert shown["text"] == "Hi %%2%%  "
    assert (shown["placeholders"], shown["missing"]) == ([1, 2, 3], [2, 3])


def test_smart_encoding_lists_what_it_replaces_and_what_is_left(api: Api) -> None:
    shown = preview(api, text="“%%1%%” 😀", params=["Ayşe"], smart=True)
    assert shown["text"] == '"Ayse" 😀'
    assert shown["replaced"] == [
        {"character": "“", "by": '"', "times": 1},
        {"character": "ş", "by": "s", "times": 1},
        {"character": "”", "by": '"', "times": 1},
    ]
    assert (shown["outside"], shown["alphabet"]) == (["😀"], "ucs2")
    plain = preview(api, text="“Ayşe”")
    assert (plain["text"], plain["replaced"], plain["outside"]) == ("“Ayşe”", [], ["“", "ş", "”"])


def test_a_template_is_previewed_like_its_text(api: Api) -> None:
    made = api.call("POST", "/v1/templates", {"name": "Hi", "text": "Hi %%1%%"}).json
    assert preview(api, template_id=made["id"], params=["Amy"])["text"] == "Hi Amy"


def seed_members(api: Api, *members: tuple[str, list[str]], **marks: int) -> None:
    for mobile, params in members:
        api.tables.seed("members", keys.member(7, mobile), params=params, at=1, **marks)


def test_the_members_of_a_list_are_summed_up(api: Api) -> None:
    seed_members(api, ("+905321234567", ["Amy"]), ("+905321234568", ["b" * 155]), ("+6421555666", []))
    seed_members(api, ("+905321234569", ["gone"]), deleted=5)
    set_prices(api, {"currency": "EUR", "countries": [{"country": "TR", "price": "0.0123"}]})
    shown = preview(api, text="Hi %%1%%, all", list_id=7)["list_preview"]
    assert (shown["looked_at"], shown["complete"], shown["segments"]) == (3, True, 4)
    assert shown["by_segments"] == [{"segments": 1, "recipients": 2}, {"segments": 2, "recipients": 1}]
    assert shown["missing"] == [{"placeholder": 1, "recipients": 1, "mobiles": ["+6421555666"]}]
    assert shown["cost"] == {
        "currency": "EUR",
        "amount": "0.0369",
        "unpriced_segments": 1,
        "countries": [
            {"country": "NZ", "recipients": 1, "segments": 1, "amount": "0.00"},
            {"country": "TR", "recipients": 2, "segments": 3, "amount": "0.0369"},
        ],
    }
    assert {each["mobile"]: each["text"] for each in shown["samples"]}["+905321234567"] == "Hi Amy, all"


def test_who_would_get_nothing_is_told_with_the_rule_and_costs_nothing(api: Api) -> None:
    """As a run would leave them out [F6]; the rows that a missing param hits are named all the same [E1]."""
    seed_members(
        api,
        ("+905321234567", ["Amy"]),
        ("+905321234568", []),
        ("+905321234569", [" "]),
        ("+905321234570", ["x"]),
        ("+905321234571", ["x"]),
        ("+90532123456789012", ["x"]),  # more digits than the settings allow
    )
    seed_members(api, ("+905321234572", ["x"]), opted_out=5)
    mark = {"at": 1, "by": "api:key:1"}
    api.tables.seed("people", keys.standing("acme", "+905321234570"), blacklisted=mark)
    api.tables.seed("people", keys.standing("acme", "+905321234571"), everything=mark)
    api.tables.seed("people", keys.standing("acme", "+905321234572"), lists={"7": mark})
    set_prices(api, {"currency": "EUR", "countries": [{"country": "TR", "price": "0.01"}]})
    shown = preview(api, text="%%1%%", list_id=7)["list_preview"]
    assert (shown["looked_at"], shown["recipients"], shown["segments"]) == (7, 2, 2)
    assert {each["reason"]: each["recipients"] for each in shown["not_sent"]} == {
        "duplicate": 0,
        "invalid": 1,
        "empty": 1,
        "opted_out": 2,
        "blacklisted": 1,
        "no_consent": 0,
    }
    assert all(each["rule"] for each in shown["not_sent"])
    assert sorted(each["mobile"] for each in shown["samples"]) == ["+905321234567", "+905321234569"]
    assert shown["by_segments"] == [{"segments": 1, "recipients": 2}]
    assert shown["cost"]["amount"] == "0.02"
    assert shown["missing"] == [{"placeholder": 1, "recipients": 1, "mobiles": ["+905321234568"]}]


def test_every_row_that_a_missing_param_hits_is_counted_and_some_are_named(api: Api) -> None:
    """[E1]"""
    mobiles = [f"+9053212345{number:02d}" for number in range(30)]
    seed_members(api, *((mobile, ["", "x"]) for mobile in mobiles), ("+905321234567", ["Amy", ""]))
    shown = preview(api, text="Hi %%1%%, %%2%%", list_id=7)["list_preview"]
    found = {each["placeholder"]: each for each in shown["missing"]}
    assert (found[1]["recipients"], found[2]["recipients"]) == (30, 1)
    assert len(found[1]["mobiles"]) == 20
    assert set(found[1]["mobiles"]) < set(mobiles)


@pytest.mark.parametrize(
    ("draft", "pointer"),
    [
        ({"text": "a", "list_id": 8}, "#/list_id"),
        ({"text": "%%9%%"}, "#/text"),
        ({}, "#/text"),
        ({"template_id": 1}, "#/template_id"),
        ({"text": "a", "encoding": "ascii"}, "#/encoding"),
    ],
)
def test_a_draft_that_could_not_be_sent_is_refused(api: Api, draft: Any, pointer: str) -> None:
    answer = api.call("POST", PREVIEWS, draft)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_prices_are_set_with_what_was_seen_and_the_change_is_in_the_log(api: Api) -> None:
    none = api.call("GET", PRICES)
    assert none.json == {"currency": None, "default": None, "countries": []}
    body = {"currency": "EUR", "default": "0.05", "countries": [{"country": "TR", "price": "0.0123"}]}
    assert api.call("PUT", PRICES, body).status == 428
    saved = set_prices(api, body)
    assert (saved.status, saved.json) == (200, body)
    stale = api.call("PUT", PRICES, body, headers={"If-Match": none.headers["ETag"]})
    assert (stale.status, api.call("GET", PRICES).json) == (412, body)
    without = {"currency": "USD", "countries": []}
    assert set_prices(api, without).json == {**without, "default": None}
    told = [(e["what"], e["detail"]["to"]["currency"]) for e in api.tables.tables["activity"].values()]
    assert told == [("prices changed", "EUR"), ("prices changed", "USD")]
    assert api.call("GET", PRICES, workspace="rival").json["currency"] is None


@pytest.mark.parametrize(
    "countries",
    [
        [{"country": "XX", "price": "1"}],
        [{"country": "TR", "price": "1"}, {"country": "TR", "price": "2"}],
    ],
)
def test_a_price_is_of_one_country_that_has_numbers(api: Api, countries: Any) -> None:
    answer = set_prices(api, {"currency": "EUR", "countries": countries})
    assert (answer.status, answer.pointers) == (422, ["#/countries"])

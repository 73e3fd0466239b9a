"""The log shows who did what, over months, filtered and in pages [M4]."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kabar.storage import activity
from kabar.storage.dynamo import Table
from tests.functions.api_client import Api, api

__all__ = ["api"]

NOW = datetime.now(UTC)
WHO = ("api:key:1", "api:user:2", "system")
WHAT = ("campaign created", "campaign pause", "key created")


@pytest.fixture
def entries(api: Api) -> list[dict[str, Any]]:
    """40 entries of `acme`, newest first, 20 days apart; some of `rival` between them."""
    table = Table("activity", api.tables)
    made: list[dict[str, Any]] = []
    for n in range(40):
        at = int((NOW - timedelta(days=20 * n, minutes=1)).timestamp() * 1000)
        who, what, about = WHO[n % 3], WHAT[n % 2], f"campaign/{n % 5}"
        activity.record(table, "acme", at, who, what, about, {"n": n})
        activity.record(table, "rival", at, who, what, about, {"n": -1})
        made.append({"who": who, "what": what, "about": about, "n": n, "at": at})
    return [entry for entry in made if entry["at"] > NOW.timestamp() * 1000 - activity.KEPT_SECONDS * 1000]


def shown(api: Api, query: str = "", limit: int = 100) -> list[int]:
    numbers, cursor = [], ""
    while True:
        page = api.call("GET", f"/v1/activity?limit={limit}{query}{cursor}").json
        assert len(page["data"]) <= limit
        numbers += [entry["detail"]["n"] for entry in page["data"]]
        if page["next_cursor"] is None:
            return numbers
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_it_goes_back_over_months_newest_first(api: Api, entries: list[dict[str, Any]], limit: int) -> None:
    assert shown(api, limit=limit) == [entry["n"] for entry in entries]
    assert len(entries) > 35


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize(
    "filters",
    [
        {"who": "api:key:1"},
        {"what": "campaign pause"},
        {"what": "campaign"},
        {"what": "camp"},
        {"about": "campaign/3"},
        {"who": "system", "what": "campaign", "about": "campaign/2"},
    ],
)
def test_it_is_filtered_by_who_what_and_about(
    api: Api, entries: list[dict[str, Any]], filters: dict[str, str], limit: int
) -> None:
    query = "".join(f"&{name}={value.replace(' ', '%20')}" for name, value in filters.items())

    def fits(entry: dict[str, Any]) -> bool:
        words = filters.get("what")
        first_words = words is None or entry["what"] == words or entry["what"].startswith(f"{words} ")
        return first_words and all(entry[f] == filters[f] for f in ("who", "about") if f in filters)

    assert shown(api, query, limit) == [entry["n"] for entry in entries if fits(entry)]


@pytest.mark.parametrize(("newest", "oldest"), [(0, 3), (5, 30), (12, 12), (38, 39)])
def test_it_is_cut_by_time_from_included_to_excluded(
    api: Api, entries: list[dict[str, Any]], newest: int, oldest: int
) -> None:
    def text(n: int) -> str:
        at = NOW - timedelta(days=20 * n, minutes=1)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    query = f"&from={text(oldest)}&to={text(newest)}"
    kept = {entry["n"] for entry in entries}
    assert shown(api, query) == [n for n in range(newest + 1, oldest + 1) if n in kept]


def test_a_filter_that_few_match_answers_short_pages_instead_of_late_ones(
    api: Api, entries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "LOOKED_THROUGH", 10)
    page = api.call("GET", "/v1/activity?about=nothing").json
    assert page["data"] == []
    assert page["next_cursor"]
    assert shown(api, "&about=nothing") == []
    assert shown(api, "&who=system") == [entry["n"] for entry in entries if entry["who"] == "system"]


@pytest.mark.parametrize("query", ["from=yesterday", "to=2026-01-01", "from=", "limit=0", "cursor=x"])
def test_a_bad_filter_is_named(api: Api, query: str) -> None:
    answer = api.call("GET", f"/v1/activity?{query}")
    assert (answer.status, answer.pointers) == (422, [query.partition("=")[0]])


@pytest.mark.parametrize(
    "query", ["from=0001-01-01T00:00:00Z", "to=0001-01-01T00:00:00Z", "to=9999-12-31T23:59:59Z"]
)
def test_times_beyond_the_log_are_no_error(api: Api, query: str) -> None:
    assert api.call("GET", f"/v1/activity?{query}").status == 200


def test_a_cursor_belongs_to_its_filter(api: Api, entries: list[dict[str, Any]]) -> None:
    cursor = api.call("GET", "/v1/activity?limit=1&who=system").json["next_cursor"]
    assert api.call("GET", f"/v1/activity?cursor={cursor}").status == 422
    assert api.call("GET", f"/v1/activity?cursor={cursor}&who=system").status == 200

"""Imports as the API shows them: state, links, what to do and when."""

import pytest

from tests.functions.api_client import Api, api, seed_import, walk

__all__ = ["api"]


def test_imports_are_shown_newest_first(api: Api) -> None:
    ids = [seed_import(api, number) for number in range(1, 6)]
    pages = walk(api, "/v1/imports?limit=2")
    assert [entry["id"] for page in pages for entry in page] == ids[::-1]


def test_an_object_leads_to_its_newest_import(api: Api) -> None:
    seed_import(api, 1)
    newest = seed_import(api, 2)
    answer = api.call("GET", "/v1/imports?key=acme/lists/Gym/members.csv")
    assert (answer.status, answer.json["id"]) == (200, newest)
    foreign = api.call("GET", "/v1/imports?key=acme/lists/Gym/members.csv", workspace="rival")
    assert foreign.status == 404
    assert api.call("GET", f"/v1/imports/{newest}", workspace="rival").status == 404


@pytest.mark.parametrize("report", ["rejected", "duplicates", "missing"])
def test_reports_of_an_import_come_as_links(api: Api, report: str) -> None:
    import_id = seed_import(api, 1, **{f"{report}_key": f"imports/1/{report}.csv"})
    view = api.call("GET", f"/v1/imports/{import_id}").json
    links = {name: view.pop(f"{name}_file") for name in ("rejected", "duplicates", "missing")}
    assert links.pop(report) == f"https://work/imports/1/{report}.csv?3600"
    assert set(links.values()) == {None}
    assert view["error"] is None


def test_a_failed_import_says_why_and_what_to_do(api: Api) -> None:
    error = {"code": "file_empty", "message": "The file is empty."}
    import_id = seed_import(api, 1, state="failed", error=error)
    view = api.call("GET", f"/v1/imports/{import_id}").json
    assert (view["state"], view["error"]) == ("failed", error | {"fix": "Upload one with rows."})


def test_a_running_import_says_when_it_will_be_read(api: Api) -> None:
    progress = {"bytes_read": 25, "bytes_total": 100, "created_at": 0, "updated_at": 10_000}
    import_id = seed_import(api, 1, state="validating", **progress)
    view = api.call("GET", f"/v1/imports/{import_id}").json
    assert view["estimated_end"] == "1970-01-01T00:00:40.000Z"
    assert view["rejected_file"] is None

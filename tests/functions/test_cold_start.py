"""What the API's import must leave as it was."""

import gc

from tests.functions.api_client import Api, api

__all__ = ["api"]


def test_the_garbage_collector_works_once_all_is_imported(api: Api) -> None:
    assert gc.isenabled()
    assert api.call("GET", "/v1/lists").status == 200

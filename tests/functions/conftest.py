"""Each test begins as a cold start does: without the clients that another has made."""

from collections.abc import Iterator

import pytest

from kabar.storage import (
    accounts,
    callback_settings,
    dynamo,
    executions,
    mail,
    plans,
    schedules,
    sign_ins,
    work,
)

_MODULES = (accounts, callback_settings, dynamo, executions, mail, plans, schedules, sign_ins, work)


@pytest.fixture(autouse=True)
def _cold() -> Iterator[None]:
    for module in _MODULES:
        module.client.cache_clear()
    yield
    for module in _MODULES:
        module.client.cache_clear()

"""The one local stack that every engine-backed test of a run shares, with permissions enforced."""

import os
import uuid

import pytest

from local import stack as stacks

_RUN = "KABAR_TEST_RUN"
_OWNER = "KABAR_TEST_OWNER"


def pytest_configure() -> None:
    """Name the run's stack and its owner before xdist starts its workers, which inherit the environment."""
    os.environ.setdefault(_RUN, f"test-{uuid.uuid4().hex[:8]}")
    os.environ.setdefault(_OWNER, str(os.getpid()))


def pytest_unconfigure() -> None:
    """The process that began the run ends the stack: workers come and go."""
    if os.environ[_OWNER] == str(os.getpid()):
        stacks.stop(os.environ[_RUN])


@pytest.fixture(scope="session")
def stack() -> stacks.Stack:
    """A running stack: the first worker that asks for it starts it, the others find it."""
    return stacks.start(os.environ[_RUN], owner=int(os.environ[_OWNER]))

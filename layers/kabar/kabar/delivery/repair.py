"""Sweep: an endpoint with parked callbacks whose execution is gone gets another."""

from collections.abc import Callable

from kabar.storage import executions
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Item


def name(endpoint: int, run: int) -> str:
    """An execution's: of one run for one endpoint, so that starting it twice is starting it once."""
    return f"{endpoint}-{run}"


def start(arn: str, endpoint: Item, run: int) -> None:
    """Start the execution of one run of {id, workspace, kind}."""
    told = {
        "workspace": endpoint["workspace"],
        "kind": endpoint["kind"],
        "endpoint": endpoint["id"],
        "run": run,
    }
    executions.start(arn, name(endpoint["id"], run), told)


def repair_endpoints(
    book: Book, is_running: Callable[[str], bool], begin: Callable[[Item, int], None]
) -> list[int]:
    """Start the retries of every endpoint that should have some and has none; their ids.

    `is_running` takes an execution's name, `begin` an endpoint {id, workspace, kind} and a run.
    """
    repaired = []
    for mark in book.every_open():
        endpoint, state = mark["endpoint"], book.state(mark["endpoint"])
        if is_running(name(endpoint, state.get("run", 0))):
            continue
        if not state.get("running"):
            # its run has ended, or who parked died before it took a run: look whether something is parked
            if not book.oldest(endpoint, 1):
                book.unmark(endpoint, mark["run"])
                continue
            run = book.take_run(endpoint, mark["workspace"], mark["kind"], state.get("run", 0))
        else:
            run = book.hand_on(endpoint, mark["workspace"], mark["kind"], state["run"])
        if run is not None:
            begin({"id": endpoint, "workspace": mark["workspace"], "kind": mark["kind"]}, run)
            repaired.append(endpoint)
    return repaired

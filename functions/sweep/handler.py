"""Every 10 minutes: repairs whatever a crash left, expires what got no receipt, removes members of deleted lists."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from kabar import settings
from kabar.delivery import repair
from kabar.delivery.repair import repair_endpoints
from kabar.domain.hours import Covered
from kabar.domain.slices import Timing
from kabar.files.repair import repair_exports, repair_imports
from kabar.legs.gate import Gate, opening
from kabar.legs.repair import repair_campaigns, repair_held
from kabar.legs.silence import Silence
from kabar.log import logger
from kabar.storage import executions
from kabar.storage.callbacks import Book
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Item, Table
from kabar.storage.exports import Exports
from kabar.storage.held import Held, Waiting
from kabar.storage.import_heads import FINAL, Heads
from kabar.storage.list_edits import Emptying
from kabar.storage.plans import Plans


@dataclass(frozen=True)
class Environment:
    workspaces_table: str
    members_table: str
    activity_table: str
    callbacks_table: str
    retry_callbacks_arn: str
    run_campaign_arn: str
    import_list_arn: str
    export_list_arn: str
    finish_import_function: str
    dispatch_table: str
    people_table: str
    work_bucket: str
    open_window_function: str
    lease_seconds: int
    ask_after_seconds: int
    give_up_seconds: int


ENV = settings.read(Environment)
WORKSPACES = Table(ENV.workspaces_table)
CAMPAIGNS = Campaigns(WORKSPACES, Table(ENV.activity_table))
IMPORTS = Heads(WORKSPACES, Table(ENV.activity_table))
EMPTYING = Emptying(WORKSPACES, Table(ENV.members_table))
TIMING = Timing.of(ENV.lease_seconds, ENV.ask_after_seconds, ENV.give_up_seconds)
HELD = Held(WORKSPACES, Table(ENV.dispatch_table))
BOOK = Book(Table(ENV.callbacks_table))
SILENCE = Silence(
    workspaces=WORKSPACES,
    dispatch=Table(ENV.dispatch_table),
    people=Table(ENV.people_table),
    plans=Plans(ENV.work_bucket),
)
SILENCE_SECONDS = 40  # of the two minutes that a run has; the next run goes on
EMPTYING_SECONDS = 60  # the same


def start_leg(workspace: str, campaign: int, leg: int, mark: str) -> None:
    executions.start_leg(ENV.run_campaign_arn, workspace, campaign, leg, mark)


def machine(arn: str) -> tuple[Callable[[str], bool], Callable[[str, Item], bool]]:
    """Of this state machine: whether an execution is running, and what starts one."""
    return partial(executions.is_running, arn), partial(executions.start, arn)


def end_import(workspace: str, name: str, outcome: str) -> None:
    """As the execution would have done, had it not been ended from outside."""
    _finish_import(workspace, name, outcome=outcome, error={"Error": "Abandoned"})


def settle_import(workspace: str, name: str) -> None:
    """Tell a quick campaign once more that its import is over, if it is."""
    head = IMPORTS.get(workspace, name)
    if head is not None and head["state"] in FINAL:
        _finish_import(workspace, name, outcome="failed" if head["state"] == "failed" else "loaded")


def _finish_import(workspace: str, name: str, **outcome: Any) -> None:
    import boto3  # hardly ever

    event = {"workspace": workspace, "import_id": name, **outcome}
    event["request_id"] = (IMPORTS.get(workspace, name) or {}).get("request_id", name)
    boto3.client("lambda").invoke(
        FunctionName=ENV.finish_import_function, InvocationType="Event", Payload=json.dumps(event)
    )


def open_window(workspace: str, at: int) -> None:
    import boto3  # hardly ever

    boto3.client("lambda").invoke(
        FunctionName=ENV.open_window_function,
        InvocationType="Event",
        Payload=json.dumps({"workspace": workspace, "opening": at}),
    )


def may_go(head: Item) -> bool:
    """Whether the sending hours let this campaign go on now."""
    return opening(WORKSPACES, TIMING, head, time.time_ns() // 1_000_000) is None


def messages_may_go(held: Waiting) -> bool:
    """Whether they let message requests that are held go on now."""
    gate = Gate(WORKSPACES, held.workspace, Covered.API_MESSAGES, TIMING)
    return gate.opens(time.time_ns() // 1_000_000, held.zones) is None


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answers which campaigns got a new leg, which openings were waked, which imports were ended, which
    exports and endpoints' retries go on, how many messages expired for want of a receipt, and how many members of
    deleted lists went.
    """
    now, began = time.time_ns() // 1_000_000, time.monotonic()
    repaired = repair_campaigns(CAMPAIGNS, start_leg, may_go, settle_import, now)
    opened = repair_held(HELD.openings(), messages_may_go, open_window, now)
    ended = repair_imports(IMPORTS, *machine(ENV.import_list_arn), end_import, now)
    exported = repair_exports(Exports(WORKSPACES), *machine(ENV.export_list_arn), now)
    endpoints = repair_endpoints(
        BOOK, machine(ENV.retry_callbacks_arn)[0], partial(repair.start, ENV.retry_callbacks_arn)
    )
    expired = SILENCE.run(now, lambda: time.monotonic() < began + SILENCE_SECONDS)
    removed = EMPTYING.run(now, lambda: time.monotonic() < began + SILENCE_SECONDS + EMPTYING_SECONDS)
    done: dict[str, Any] = {
        "campaigns": repaired,
        "opened": opened,
        "imports": ended,
        "exports": exported,
        "endpoints": endpoints,
        "expired": expired,
        "members_removed": removed,
    }
    logger.info("swept", **done)
    return done

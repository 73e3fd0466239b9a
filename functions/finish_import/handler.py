"""The end of an import: its results counted once, or its failure told; then waiting campaigns go on [D6]."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from kabar import settings
from kabar.domain import import_codes as codes
from kabar.domain import splits
from kabar.domain.imports import part_rows
from kabar.domain.numbers import change_names
from kabar.log import logger
from kabar.storage import executions, keys, lists, mail, split_lists, waiting_campaigns, work, workspaces
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Item, Table
from kabar.storage.import_heads import CONFIRM, FINAL, ListGone
from kabar.storage.import_parts import COUNTED, Parts
from kabar.storage.import_questions import Questions
from kabar.storage.imports import Imports
from kabar.storage.marks import Marks
from kabar.storage.quick_campaigns import QuickCampaigns
from kabar.storage.report_files import ReportFile
from kabar.storage.work import Work


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    activity_table: str
    dispatch_table: str
    members_table: str
    people_table: str
    work_bucket: str
    run_campaign_arn: str
    mail_sender: str


IMPORT_FAILED = (
    "the import of its list failed, so its list is not whole: import the file again, then make a new one"
)
SHOWN = 20  # rows of a dry run
SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
LOG = Table(SETTINGS.activity_table)
IMPORTS = Imports(WORKSPACES, LOG)
QUESTIONS = Questions(WORKSPACES, LOG)
QUICK = QuickCampaigns(WORKSPACES, Campaigns(WORKSPACES, LOG))
MARKS = Marks(Table(SETTINGS.people_table), Table(SETTINGS.members_table), WORKSPACES)
PARTS = Parts(Table(SETTINGS.dispatch_table))
WORK = Work(SETTINGS.work_bucket)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """End the import as `outcome` says (loaded, tried, failed, expired), or ask when it is counted what would go.

    Again it only wakes who still waits, and mails about no failure twice.
    """
    logger.set_correlation_id(event.get("request_id"))
    workspace, name = event["workspace"], event["import_id"]
    head = IMPORTS.get(workspace, name)
    if head is None:
        raise LookupError(f"there is no import {name}")
    if event["outcome"] == "counted":
        _ask(workspace, head)
    elif event["outcome"] == "expired":
        code = codes.NOT_CONFIRMED if head.get("phase") == CONFIRM else codes.NOT_DECIDED
        IMPORTS.expire(workspace, head, _told(workspace, code), time.time_ns() // 1_000_000)
    elif head["state"] not in FINAL:
        for list_id in _lists(head):
            MARKS.settle(workspace, list_id, name)
        _end(workspace, head, event)
    mailed = _mail(workspace, name)
    woken = 0
    for list_id in _lists(head):
        if event["outcome"] == "failed":
            waiting_campaigns.tell(WORKSPACES, workspace, list_id, IMPORT_FAILED)
        woken += _wake(workspace, list_id)
    woken += _settle_quick(workspace, name)
    logger.info(
        "import ended",
        workspace=workspace,
        import_id=name,
        outcome=event["outcome"],
        cause=event.get("error", {}).get("Error"),
        woken=woken,
        mailed=mailed,
    )
    return {"outcome": event["outcome"]}


def _mail(workspace: str, name: str) -> bool:
    """Tell whoever uploaded, else the workspace, that the import failed, once; whether that was done now."""
    head = IMPORTS.get(workspace, name)
    if not SETTINGS.mail_sender or not head or head["state"] != "failed":
        return False
    known = workspaces.settings(WORKSPACES, workspace)
    uploader = str(head.get("by", "")).partition("api:user:")[2]
    user = WORKSPACES.get(keys.user(workspace, uploader)) if uploader else None
    to = (user or known).get("email")
    if not to or not IMPORTS.to_mail(workspace, name, time.time_ns() // 1_000_000):
        return False
    file = head.get("filename") or head["key"].rpartition("/")[2]
    notice = codes.failure_notice(known.get("language", "en"), file, head["error"]["code"], name)
    try:
        mail.send(SETTINGS.mail_sender, to, *notice)
    except ClientError as error:  # the import says it too
        logger.error("mail refused", import_id=name, why=error.response["Error"]["Code"])
        return False
    return True


def _lists(head: Item) -> list[int]:
    if "lists" in head:
        return [each["list_id"] for each in head["lists"]]
    return [head["list_id"]] if head.get("list_id") else []


def _ask(workspace: str, head: Item) -> None:
    _, counted, _ = PARTS.sums(head["id"])
    values: Item = {name: counted[name] for name in COUNTED}
    if counted["missing"]:
        missing = ReportFile(WORK, work.missing_numbers(head["id"]))
        for part in range(1, head["parts"] + 1):
            missing.write(WORK.get_part(work.missing_part(head["id"], part)))
        values["missing_key"] = missing.keep()
    QUESTIONS.ask_to_confirm(workspace, head, values, time.time_ns() // 1_000_000)


def _end(workspace: str, head: Item, event: Mapping[str, Any]) -> None:
    now = time.time_ns() // 1_000_000
    done, checked, loaded = PARTS.sums(head["id"])
    if "lists" in head:
        per_list = splits.parts_per_list(head["split"]["records"])
        split_lists.count(WORKSPACES, workspace, head, PARTS.loaded_by_list(head["id"], per_list))
    if event["outcome"] == "tried":
        IMPORTS.tried(workspace, head, checked, _first_rows(head["id"]), now)
    elif event["outcome"] == "loaded":
        parts = splits.part_count(head["lists"]) if "lists" in head else head["parts"]
        if done != parts:
            raise LookupError(f"{done} of {parts} parts of the import {head['id']} are loaded")
        try:
            IMPORTS.finish(workspace, head, checked, loaded, now)
        except ListGone:
            IMPORTS.fail(workspace, head, _told(workspace, codes.LIST_GONE), loaded, now)
    else:
        IMPORTS.fail(workspace, head, _told(workspace, codes.IMPORT_INTERRUPTED), loaded, now)


def _settle_quick(workspace: str, name: str) -> int:
    """Give a quick campaign its list, or its failure; how many legs that started."""
    head = IMPORTS.get(workspace, name)
    if head is None or head["state"] not in FINAL:
        return 0
    legs = QUICK.settle(workspace, head, time.time_ns() // 1_000_000)
    for campaign, leg in legs:
        executions.start_leg(SETTINGS.run_campaign_arn, workspace, campaign, leg)
    return len(legs)


def _first_rows(import_id: str) -> list[Item]:
    rows = part_rows(WORK.get_part(work.import_part(import_id, 1)))[:SHOWN]
    return [
        {"mobile": mobile, "params": params, "changes": change_names(changes)}
        for mobile, params, changes in rows
    ]


def _told(workspace: str, code: str) -> tuple[str, str]:
    language = workspaces.settings(WORKSPACES, workspace).get("language", "en")
    return code, codes.messages(language).imports[code].sentence


def _wake(workspace: str, list_id: int) -> int:
    """Start the campaigns that came due while the list was loading; how many."""
    if lists.is_loading(WORKSPACES, workspace, list_id):
        return 0  # by another import, which will wake them
    notes = waiting_campaigns.of_list(WORKSPACES, workspace, list_id)
    for note in notes:
        executions.start_leg(SETTINGS.run_campaign_arn, workspace, note["campaign"], note["leg"])
        waiting_campaigns.forget(WORKSPACES, note)
    return len(notes)

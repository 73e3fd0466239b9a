"""What a stored reply brings about, each once: joining a list, mail to whoever looks after it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar.domain import forwarding
from kabar.log import logger
from kabar.storage import activity, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.opt_outs import BY_REPLY
from kabar.storage.replies import EMAIL, JOIN, Replies
from kabar.storage.roster import ListGone, MemberExists, Roster

BUSY = {"Throttling", "ThrottlingException", "TooManyRequestsException", "ServiceUnavailable"}


@dataclass(frozen=True)
class Effects:
    """`mail_sender` is empty where no mail is sent."""

    replies: Replies
    roster: Roster
    workspaces: Table
    log: Table
    mail_sender: str

    def go_on(self, workspace: str, reply: Item) -> None:
        """Do what is still to be done, all of it even if one of them fails; then raise what failed."""
        failures: list[Exception] = []
        for effect, bring_about in ((JOIN, self._join), (EMAIL, self._mail)):
            if effect in reply.get("todo", ()):
                try:
                    bring_about(workspace, reply)
                except Exception as failure:  # noqa: BLE001  # raised below
                    failures.append(failure)
        if failures:
            raise ExceptionGroup(f"effects of the reply {reply['id']}", failures)

    def _join(self, workspace: str, reply: Item) -> None:
        """The sender of a keyword is a member of its list; who is one stays as they are [I8]."""
        now, list_id = time.time_ns() // 1_000_000, reply["list"]
        try:
            self.roster.put(workspace, list_id, reply["mobile"], [], now, replace=False)
            by, detail = f"{BY_REPLY}{reply['id']}", {"member": reply["mobile"], "keyword": reply["keyword"]}
            activity.record(self.log, workspace, now, by, "member added", f"list:{list_id}", detail)
        except (MemberExists, ListGone) as reason:
            logger.info("not joined", workspace=workspace, reply=reply["id"], why=type(reason).__name__)
        self.replies.done(reply, JOIN)

    def _mail(self, workspace: str, reply: Item) -> None:
        """Mail it, once: what dies in between is in the inbox, and no mail comes twice [I10]."""
        from botocore.exceptions import ClientError

        from kabar.storage import mail  # SES is for the few replies that are mailed

        if not self.mail_sender or not self.replies.done(reply, EMAIL):
            return
        settings = workspaces.settings(self.workspaces, workspace)
        member: Mapping[str, Any] = self.roster.get(reply["list"], reply["mobile"]) or {}
        subject, text = forwarding.mail(
            reply, member.get("params", []), settings.get("language", "en"), settings["timezone"]
        )
        try:
            mail.send(self.mail_sender, reply["email"], subject, text)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in BUSY:  # surely not sent: the queue brings it again
                self.replies.undone(reply, EMAIL)
                raise
            logger.error("reply not mailed", workspace=workspace, reply=reply["id"], why=code)

"""What a stored reply brings about, each once: joining a list, an answer, mail to whoever looks after the list."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from kabar.domain import forwarding
from kabar.domain.requests import Kind, NewRequest, NoText
from kabar.domain.segments import Encoding
from kabar.domain.text import UnknownPlaceholder
from kabar.legs.outbox import Outbox
from kabar.log import logger
from kabar.storage import activity, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.opt_outs import BY_REPLY
from kabar.storage.replies import EMAIL, JOIN, RESPONSE, Replies
from kabar.storage.roster import ListGone, MemberExists, Roster

BUSY = {"Throttling", "ThrottlingException", "TooManyRequestsException", "ServiceUnavailable"}


@dataclass(frozen=True)
class Effects:
    """`mail_sender` is empty where no mail is sent."""

    replies: Replies
    roster: Roster
    outbox: Outbox
    workspaces: Table
    log: Table
    mail_sender: str

    def go_on(self, workspace: str, reply: Item) -> None:
        """Do what is still to be done, all of it even if one of them fails; then raise what failed."""
        failures: list[Exception] = []
        all_of_them = ((JOIN, self._join), (RESPONSE, self._respond), (EMAIL, self._mail))
        for effect, bring_about in all_of_them:
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

    def _respond(self, workspace: str, reply: Item) -> None:
        """Send the answer under the id that the reply fixed: submitting it again sends nothing twice [I9]."""
        answer = reply["response"]
        try:
            self.outbox.submit(
                workspace,
                NewRequest(
                    id=answer["id"],
                    first_id=answer["id"],
                    kind=Kind.RESPONSE,
                    recipients=[(reply["mobile"], self._params(reply))],
                    text=answer["text"],
                    created_at=reply["taken_at"],
                    by=f"{BY_REPLY}{reply['id']}",
                    encoding=Encoding(answer["encoding"]),
                    sender=answer["sender"],
                    list_id=reply.get("list"),
                    confirms_opt_out=answer["confirms"],
                ),
            )
        except (NoText, UnknownPlaceholder) as error:  # again would not help
            logger.error("response not sent", workspace=workspace, reply=reply["id"], why=str(error))
        self.replies.done(reply, RESPONSE)

    def _mail(self, workspace: str, reply: Item) -> None:
        """Mail it, again if whoever began it came to nothing; the mail bears the reply's number [I10]."""
        from botocore.exceptions import ClientError

        from kabar.storage import mail  # SES is for the few replies that are mailed

        if not self.mail_sender or not self.replies.begin_mail(reply, time.time_ns() // 1_000_000):
            return
        settings = workspaces.settings(self.workspaces, workspace)
        subject, text = forwarding.mail(
            reply, self._params(reply), settings.get("language", "en"), settings["timezone"]
        )
        try:
            mail.send(self.mail_sender, reply["email"], subject, text)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in BUSY:  # surely not sent: the queue brings it again
                self.replies.put_mail_off(reply)
                raise
            logger.error("reply not mailed", workspace=workspace, reply=reply["id"], why=code)
        self.replies.done(reply, EMAIL)

    def _params(self, reply: Item) -> Sequence[str]:
        """Those of the member who replied, as they are now."""
        member = self.roster.get(reply["list"], reply["mobile"]) if "list" in reply else None
        return member["params"] if member else []

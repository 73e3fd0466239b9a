"""Replies, each put once together with what it changes. [P34] [P35] [P36] [P70] [P77]

A reply: {reply_id, id (the carrier's), carrier, mobile, to, text, at (epoch ms), taken_at, message?, campaign?,
list?, chunk?, pos?, list_name?, batch?, command?: opt_out|opt_in, keyword?, opt_out, left?: list|everything|
blacklist, response?: {id, text, encoding, sender, confirms}, email?, todo?, mail_begun_at?, read_at?, via: "reply"}.
`todo` names the effects that are still to come: join, response, email; whoever finds the reply goes on with them.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from kabar.domain.commands import Means
from kabar.domain.messages import Reply
from kabar.domain.replies import OptOut, Response, Sent, with_one_more
from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason, Status, status_of
from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, Unprocessed, put_in, transact
from kabar.storage.opt_outs import BY_REPLY, Contended, OptOuts, taken_back

KEPT_SECONDS = 400 * 86_400  # 13 months
JOIN, RESPONSE, EMAIL = "join", "response", "email"
MAIL_MS = 90_000  # longer than `handle_reply` may run: then whoever began a mail is no more
_PAGES = 5
_PAGE = 100
_ATTEMPTS = 10  # against other writers, such as other opt-outs of one list

Write = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """What is to become of a reply.

    `reply_id` and `response_id` are ids of ours, holes in them are fine; `list` is the list it came by, `response`
    would answer it from `sender`, `email` is where it is mailed.
    """

    reply_id: int
    response_id: int
    answer: Sent | None = None
    list: int | None = None
    list_name: str | None = None
    batch: str | None = None
    command: Means | None = None
    opt_out: OptOut | None = None
    keyword: str | None = None
    response: Response | None = None
    sender: str = ""
    per_hour: int = 0
    email: str | None = None


class Mailing(Exception):
    """Somebody mails the reply just now, or has died doing so less than MAIL_MS ago."""


class Replies:
    """The replies of all workspaces."""

    def __init__(
        self, people: Table, members: Table, workspaces: Table, dispatch: Table, activity_log: Table
    ) -> None:
        self._people = people
        self._dispatch = dispatch
        self._workspaces = workspaces
        self._log = activity_log
        self._opt_outs = OptOuts(people, members, workspaces)

    def facts(self, workspace: str, mobile: str) -> Iterator[Item]:
        """[P34] The facts of the newest messages to a number, newest id first; at most 500 of them."""
        start: Item | None = None
        for _ in range(_PAGES):
            page = self._people.query(
                keys.person_pk(workspace, mobile),
                prefix="out#",
                reverse=True,
                limit=_PAGE,
                start=start,
                consistent=True,
            )
            yield from page.items
            if page.next is None:
                return
            start = page.next

    def was_handed_over(self, workspace: str, sent: Sent) -> bool:
        """[P77] Whether a message whose facts are written went, or may have gone, to the carrier.

        Its slice's claim says so: facts are written before the call, and a call may be stopped. A claim that has
        expired belongs to a campaign that is long over.
        """
        if sent.campaign is None or sent.chunk is None or sent.pos is None:
            return True
        head = self._workspaces.get(keys.campaign_head(workspace, sent.campaign)) or {}
        size = head.get("plan", {}).get("slice")
        if size is None:
            return True
        key = keys.claim(sent.campaign, sent.chunk, sent.pos // size)
        claim = self._dispatch.get(key, consistent=True)
        if claim is None or claim["owner"]:
            return True
        status = status_of(claim["vector"][sent.pos % size])
        return status is Status.SUBMITTED or status >= Status.UNCERTAIN

    def campaign_end(self, workspace: str, campaign: int) -> int | None:
        """When a campaign ended, in milliseconds: None while it is under way, 0 when it is unknown."""
        head = self._workspaces.get(keys.campaign_head(workspace, campaign))
        return head.get("closed_at") if head else 0

    def get(self, workspace: str, mobile: str, carrier: str, carrier_id: str) -> Item | None:
        """A reply by the carrier's id, with what is still to be done about it; None when it is new."""
        return self._people.get(keys.reply(workspace, mobile, carrier, carrier_id), consistent=True)

    def put(
        self, workspace: str, carrier: str, reply: Reply, taken: Taken, clock: Callable[[], int]
    ) -> tuple[Item, bool]:
        """[P35] Put the reply with all it changes, or nothing; the reply as stored, and whether it is new [I4].

        An opt-out counts from our acknowledgement [I7], so each attempt reads the `clock` (epoch ms) again.
        Raises Contended.
        """
        for _ in range(_ATTEMPTS):
            there = self.get(workspace, reply.mobile, carrier, reply.id)
            if there:
                return there, False
            item, writes = self._changes(workspace, carrier, reply, taken, clock)
            try:
                transact(writes, attempts=1)
            except (ConditionFailed, Unprocessed):
                continue  # somebody else put it, or writes what it changes: read again
            return item, True
        raise Contended(f"what the reply {reply.id} changes kept changing")

    def done(self, reply: Item, effect: str) -> bool:
        """The effect came about; nobody does it again. False when somebody had said so already."""
        key = {"pk": reply["pk"], "sk": reply["sk"]}
        values = {":effects": {effect}, ":effect": effect}
        try:
            self._people.update(
                key,
                "DELETE todo :effects",
                values=values,
                condition="contains(todo, :effect)",
                returns="NONE",
            )
        except ConditionFailed:
            return False
        return True

    def begin_mail(self, reply: Item, now: int) -> bool:
        """[P35] Nobody else mails the reply for a while; False when it has been mailed. Raises Mailing."""
        key = {"pk": reply["pk"], "sk": reply["sk"]}
        try:
            self._people.update(
                key,
                "SET mail_begun_at = :now",
                values={":now": now, ":effect": EMAIL, ":gone": now - MAIL_MS},
                condition="contains(todo, :effect) AND "
                "(attribute_not_exists(mail_begun_at) OR mail_begun_at < :gone)",
                returns="NONE",
            )
        except ConditionFailed:
            there = self._people.get(key, consistent=True) or {}
            if EMAIL in there.get("todo", ()):
                raise Mailing(reply["id"]) from None
            return False
        return True

    def put_mail_off(self, reply: Item) -> None:
        """[P35] The mail that was begun surely wasn't sent. No condition: only who began it says so."""
        key = {"pk": reply["pk"], "sk": reply["sk"]}
        self._people.update(key, "REMOVE mail_begun_at", returns="NONE")

    def _changes(
        self, workspace: str, carrier: str, reply: Reply, taken: Taken, clock: Callable[[], int]
    ) -> tuple[Item, list[Write]]:
        """The reply as it will be stored, and every write of its transaction, made from what is read now."""
        standing = self._opt_outs.standing(workspace, reply.mobile)
        after, changed, writes = self._standing(standing, workspace, reply, taken, clock)
        now = clock()
        item = _item(workspace, carrier, reply, taken, now)
        if taken.response and self._answers(workspace, reply.mobile, taken, after, changed, now, writes):
            item["response"] = {
                "id": taken.response_id,
                "text": taken.response.text,
                "encoding": taken.response.encoding.value,
                "sender": taken.sender,
                "confirms": taken.opt_out is not None,
            }
            item["todo"] = item.get("todo", set()) | {RESPONSE}
        pointer = keys.reply_by_id(workspace, taken.reply_id)
        where = {"mobile": reply.mobile, "reply": item["sk"], "expires_at": item["expires_at"]}
        none = "attribute_not_exists(pk)"
        return item, [put_in(self._people, item, none), put_in(self._people, pointer | where, none), *writes]

    def _standing(
        self, standing: Item, workspace: str, reply: Reply, taken: Taken, clock: Callable[[], int]
    ) -> tuple[Item, bool, list[Write]]:
        """The standing after the reply, whether that is another one, and what makes it so, with its log entry."""
        by = f"{BY_REPLY}{reply.id}"
        if taken.opt_out:
            out = taken.opt_out

            def mark() -> Item:
                return {"at": clock(), "by": by, "to": reply.to, "said": reply.at}

            writes = self._opt_outs.leaving(standing, workspace, reply.mobile, out, mark)
            known = standing.get("lists", {}) if out.list is not None else standing
            name = str(out.list) if out.list is not None else _STANDING[out.leaves]
            if name in known:
                return standing, False, writes
            detail: Item = {"leaves": out.leaves.value} | ({} if out.list is None else {"list": out.list})
            note = activity.entry(self._log, workspace, clock(), by, "opted out", reply.mobile, detail)
            return standing, True, [*writes, note]
        if taken.command is Means.OPT_IN:
            after, writes = self._opt_outs.coming_back(
                standing, workspace, reply.mobile, taken_back(reply.to, reply.at)
            )
            if writes:
                writes.append(
                    activity.entry(self._log, workspace, clock(), by, "opted in again", reply.mobile, {})
                )
            return after, bool(writes), writes
        return standing, False, []

    def _answers(
        self,
        workspace: str,
        mobile: str,
        taken: Taken,
        standing: Item,
        changed: bool,
        now: int,
        writes: list[Write],
    ) -> bool:
        """Whether it is answered, adding the write that counts the answer.

        An opt-out is confirmed once, when it is new; any other answer obeys the standing. Of either kind a number
        gets so many in an hour, so that two machines that answer each other come to an end.
        """
        confirms = taken.opt_out is not None
        if not changed if confirms else suppression(standing, taken.list) is not Reason.NONE:
            return False
        key = keys.answers(workspace, mobile, "opt_out" if confirms else "reply")
        seen = self._people.get(key, consistent=True)
        times = with_one_more(seen["times"] if seen else [], now, taken.per_hour)
        if times is None:
            return False
        counted = key | {"times": times, "expires_at": now // 1000 + 7200}
        as_read = "times = :seen" if seen else "attribute_not_exists(pk)"
        values = {":seen": seen["times"]} if seen else None
        writes.append(put_in(self._people, counted, as_read, values=values))
        return True


_STANDING = {"everything": "everything", "blacklist": "blacklisted"}


def _item(workspace: str, carrier: str, reply: Reply, taken: Taken, now: int) -> Item:
    answered = asdict(taken.answer) if taken.answer else {}
    answered.pop("at", None)
    at = min(max(reply.at, 0), now)  # nothing was received later than now, whatever a carrier's clock says
    told = {
        "list_name": taken.list_name,
        "batch": taken.batch,
        "command": taken.command.value if taken.command else None,
        "keyword": taken.keyword,
        "left": taken.opt_out.leaves.value if taken.opt_out else None,
        "email": taken.email,
        **answered,
        "list": taken.list,
    }
    todo = {name for name, wanted in ((JOIN, taken.keyword), (EMAIL, taken.email)) if wanted}
    return {
        **keys.reply(workspace, reply.mobile, carrier, reply.id),
        "reply_id": taken.reply_id,
        "id": reply.id,
        "carrier": carrier,
        "mobile": reply.mobile,
        "to": reply.to,
        "text": reply.text,
        "at": at,
        "taken_at": now,
        **{name: value for name, value in told.items() if value is not None},
        "opt_out": taken.opt_out is not None,
        "via": "reply",
        **({"todo": todo} if todo else {}),
        "by_workspace_pk": keys.inbox_shard(workspace, reply.mobile),
        "by_workspace_sk": f"{at:013d}#{taken.reply_id:016d}",
        "expires_at": now // 1000 + KEPT_SECONDS,
    }

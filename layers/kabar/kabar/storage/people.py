"""What is known about one number: receipts of the messages to it, its replies, and its standing.

Access patterns: docs/data-model.md [P28], [P33]–[P35].
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from kabar.domain.messages import Receipt, Reply
from kabar.domain.receipts import Told
from kabar.domain.replies import OptOut, Sent
from kabar.domain.statuses import Status, status_of
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, Unprocessed, put_in, transact, update_in
from kabar.storage.opt_outs import Contended, OptOuts

KEPT_SECONDS = 400 * 86_400  # 13 months
ORPHANS_KEPT_SECONDS = 72 * 3600
_PAGES = 5
_PAGE = 100
_ATTEMPTS = 10  # against other writers, such as other opt-outs of one list


def keep_receipts(people: Table, told: list[Told]) -> None:
    """[P33] Put one fact per message and status; again, late or out of order does no harm [H1].

    Unconditional: a fact says the same whoever writes it. Raises Unprocessed.
    """
    facts: dict[str, Item] = {}
    for entry in told:
        receipt, block = entry.receipt, entry.block
        key = keys.fact(block.workspace, receipt.mobile, entry.message, receipt.status.word)
        chunk, pos = block.place(entry.message)
        facts[key["pk"] + key["sk"]] = {
            **key,
            "at": receipt.at,
            "code": receipt.code,
            "campaign": block.campaign,
            "chunk": chunk,
            "pos": pos,
            "via": "receipt",
            "expires_at": receipt.at // 1000 + KEPT_SECONDS,
        }
    people.batch_put(facts.values())


def keep_orphans(dispatch: Table, workspace: str, carrier: str, receipts: list[Receipt], now: int) -> None:
    """[P28] Keep receipts for ids that we don't know, with their numbers, for 72 hours [H2]. Raises Unprocessed."""
    orphans: dict[str, Item] = {}
    for receipt in receipts:
        key = keys.orphan(workspace, carrier, receipt.id, receipt.status.word)
        orphans[key["pk"] + key["sk"]] = {
            **key,
            "workspace": workspace,
            "mobile": receipt.mobile,
            "at": receipt.at,
            "code": receipt.code,
            "expires_at": now // 1000 + ORPHANS_KEPT_SECONDS,
        }
    dispatch.batch_put(orphans.values())


class Replies:
    """Replies, each put once together with what it changes."""

    def __init__(self, people: Table, members: Table, workspaces: Table, dispatch: Table) -> None:
        self._people = people
        self._dispatch = dispatch
        self._opt_outs = OptOuts(people, members, workspaces)
        self._workspaces = workspaces

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
        """[P36] Whether a message whose facts are written went, or may have gone, to the carrier.

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

    def put(
        self,
        workspace: str,
        carrier: str,
        reply: Reply,
        answer: Sent | None,
        opt_out: OptOut | None,
        clock: Callable[[], int],
    ) -> bool:
        """[P35] Put the reply with the standing it changes, all or nothing; False when it was there already [I4].

        An opt-out counts from our acknowledgement [I7], so each attempt reads the `clock` (epoch ms) again;
        a mark that is there already keeps its time. Raises Contended.
        """
        key = keys.reply(workspace, reply.mobile, carrier, reply.id)
        answered = asdict(answer) if answer else {}
        answered.pop("at", None)
        item = {
            **key,
            "id": reply.id,
            "carrier": carrier,
            "mobile": reply.mobile,
            "to": reply.to,
            "text": reply.text,
            "at": reply.at,
            **{name: value for name, value in answered.items() if value is not None},
            "opt_out": opt_out is not None,
            "via": "reply",
            "expires_at": clock() // 1000 + KEPT_SECONDS,
        }
        for _ in range(_ATTEMPTS):
            if self._people.get(key, consistent=True):
                return False
            writes = [put_in(self._people, item, "attribute_not_exists(pk)")]
            if opt_out:
                writes += self._opting_out(workspace, reply, opt_out, clock)
            try:
                transact(writes, attempts=1)
            except (ConditionFailed, Unprocessed):
                continue  # somebody else put it, or writes what it changes: read again
            return True
        raise Contended(f"what the reply {reply.id} changes kept changing")

    def _opting_out(
        self, workspace: str, reply: Reply, opt_out: OptOut, clock: Callable[[], int]
    ) -> list[dict[str, Any]]:
        """Read what the opt-out changes, then take the time, then say the changes."""
        by = f"reply:{reply.id}"
        if opt_out.list is None:
            return [self._blacklist(workspace, reply.mobile, {"at": clock(), "by": by})]
        return self._opt_outs.leaving(workspace, reply.mobile, opt_out.list, by, clock)

    def _blacklist(self, workspace: str, mobile: str, mark: Item) -> dict[str, Any]:
        # no condition: every attribute keeps what it has
        return update_in(
            self._people,
            keys.standing(workspace, mobile),
            "SET blacklisted = if_not_exists(blacklisted, :mark), mobile = :mobile, "
            "by_workspace_pk = if_not_exists(by_workspace_pk, :pk), "
            "by_workspace_sk = if_not_exists(by_workspace_sk, :sk)",
            values={
                ":mark": mark,
                ":mobile": mobile,
                ":pk": keys.blacklist_shard(workspace, mobile),
                ":sk": f"{mark['at']:013d}#{mobile}",
            },
        )

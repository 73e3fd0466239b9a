"""Everything to and from one number, and where one number stands in a campaign. [P94] [P56]"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kabar.domain.composing import composer
from kabar.domain.conversations import WHY_NOT, Outgoing, messages
from kabar.domain.recipients import left_out
from kabar.domain.statuses import merge_cell
from kabar.storage import keys, standings, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.plans import Plans

LOOKED_THROUGH = 5000  # facts of one number, its newest messages first; a person has a few hundred
Entry = tuple[int, str, int, Any]
"""When, "in" or "out", id, and the reply or Outgoing."""


@dataclass(frozen=True)
class Place:
    """A recipient in a campaign's frozen plan, counted from 0; `claim` is the record of its carrier call."""

    position: int
    mobile: str
    segments: int
    byte: int
    claim: Item | None


class Conversations:
    """Those of all numbers."""

    def __init__(self, workspaces: Table, dispatch: Table, people: Table, bucket: str) -> None:
        self._workspaces = workspaces
        self._dispatch = dispatch
        self._people = people
        self._plans = Plans(bucket)

    def page(
        self, workspace: str, mobile: str, limit: int, before: str | None = None
    ) -> tuple[list[Entry], str | None]:
        """[P94] Up to `limit` messages out and in, newest first, and where the next page starts."""
        pk = keys.person_pk(workspace, mobile)
        out = islice(self._people.every(pk, prefix="out#", reverse=True), LOOKED_THROUGH)
        came = islice(self._people.every(pk, prefix="in#"), LOOKED_THROUGH)
        entries: list[Entry] = [(message.at, "out", message.id, message) for message in messages(out)]
        entries += [(reply["at"], "in", reply["reply_id"], reply) for reply in came]
        entries.sort(key=_place, reverse=True)
        if before is not None:
            entries = [entry for entry in entries if _place(entry) < before]
        shown = entries[:limit]
        places = self._places([entry[3] for entry in shown if entry[1] == "out"])
        shown = [
            (at, way, number, what.with_place(places.get(number, 0)) if way == "out" else what)
            for at, way, number, what in shown
        ]
        return shown, _place(shown[-1]) if len(entries) > limit else None

    def _places(self, found: list[Outgoing]) -> dict[int, int]:
        """What claims and vectors say of messages, by id: acceptance is told once per call, not per message."""
        wanted: dict[int, tuple[keys.Key, keys.Key | None, int, int]] = {}
        sizes = self._slices(found)
        for message in found:
            owner = message.known("campaign") or message.known("request")
            chunk, position = message.known("chunk"), message.known("pos")
            if owner is None or chunk is None or position is None:
                continue
            size = sizes.get(owner)
            claim = keys.claim(owner, chunk, position // size) if size else None
            wanted[message.id] = (keys.chunk(owner, chunk), claim, position, position % size if size else 0)
        every = {(key["pk"], key["sk"]): key for place in wanted.values() for key in place[:2] if key}
        there = self._dispatch.batch_get(list(every.values())) if every else {}
        bytes_of: dict[int, int] = {}
        for number, (chunk_key, claim_key, position, index) in wanted.items():
            byte = _cell(there.get((chunk_key["pk"], chunk_key["sk"])), position)
            if claim_key:
                byte = merge_cell(byte, _cell(there.get((claim_key["pk"], claim_key["sk"])), index))
            bytes_of[number] = byte
        return bytes_of

    def _slices(self, found: list[Outgoing]) -> dict[int, int]:
        """How many recipients one call has, by campaign or request."""
        campaigns = {number for message in found if (number := message.known("campaign"))}
        requests = {number for message in found if (number := message.known("request"))}
        workspaces = {str(message.facts[0]["pk"]).rpartition("#")[0] for message in found}
        heads = [keys.campaign_head(workspace, each) for workspace in workspaces for each in campaigns]
        of_campaigns = self._workspaces.batch_get(heads).values() if heads else ()
        sizes = {head["id"]: head["plan"]["slice"] for head in of_campaigns if "plan" in head}
        stored = (
            self._dispatch.batch_get([keys.request(each) for each in requests]).values() if requests else ()
        )
        return sizes | {head["id"]: head["slice"] for head in stored}

    # ---- one number in one campaign ----

    def place(self, head: Mapping[str, Any], mobile: str) -> Place | None:
        """[P56] Where the number stands in the campaign's plan; None when it is not in it.

        Recipients are frozen shard by shard in the order of their numbers: halving the chunks finds one.
        """
        plan = head["plan"]
        low, high = 0, plan["chunks"]
        wanted = _order(mobile)
        while low < high:
            middle = (low + high) // 2
            rows = self._plans.read(head["id"], plan, middle)
            if wanted < _order(rows[0].mobile):
                high = middle
            elif wanted > _order(rows[-1].mobile):
                low = middle + 1
            else:
                at = next((at for at, row in enumerate(rows) if row.mobile == mobile), None)
                if at is None:
                    return None
                return self._known(head, middle, at, mobile, rows[at].segments)
        return None

    def _known(self, head: Mapping[str, Any], chunk: int, at: int, mobile: str, segments: int) -> Place:
        plan = head["plan"]
        claim_key = keys.claim(head["id"], chunk, at // plan["slice"])
        chunk_key = keys.chunk(head["id"], chunk)
        found = self._dispatch.batch_get([claim_key, chunk_key], consistent=True)
        claim = found.get((claim_key["pk"], claim_key["sk"]))
        byte = _cell(found.get((chunk_key["pk"], chunk_key["sk"])), at)
        byte = merge_cell(byte, _cell(claim, at % plan["slice"]))
        return Place(chunk * plan["chunk_size"] + at, mobile, segments, byte, claim)

    def message(self, workspace: str, mobile: str, message: int) -> Outgoing | None:
        """[P56] What is known of one message; None before anything was done about it."""
        pk = keys.person_pk(workspace, mobile)
        facts = self._people.every(pk, prefix=keys.facts_prefix(message), consistent=True)
        return next(iter(messages(facts)), None)


def why_outside(
    workspaces_table: Table, members: Table, people: Table, head: Mapping[str, Any], mobile: str
) -> tuple[str, str]:
    """[P56] By which rule a number is not in the campaign's plan, as a word and a sentence.

    By the list, the settings and the standing of today: of those at the start nothing is kept but the plan.
    """
    workspace, list_id = head["workspace"], head["list_id"]
    member = members.get(keys.member(list_id, mobile), consistent=True)
    if member is not None and "deleted" not in member:
        digits = workspaces.settings(workspaces_table, workspace)["max_digits"]
        rule = left_out((mobile, member["params"]), composer(head), digits)
        if rule:
            return rule.value, WHY_NOT[rule.value]
        today = "today it is one, with a text"
    else:
        standing = standings.suppressed(people, workspace, list_id, [mobile]).get(mobile)
        today = "today it is none" + (f", and {WHY_NOT[standing.word]}" if standing else "")
    return "no_recipient", f"{WHY_NOT['no_recipient']}; {today}"


def _cell(item: Item | None, position: int) -> int:
    vector = (item or {}).get("vector", b"")
    return int(vector[position]) if position < len(vector) else 0


def _order(mobile: str) -> tuple[int, str]:
    return keys.member_shard(mobile), mobile


def _place(entry: Entry) -> str:
    return f"{entry[0]:013d}#{entry[1]}#{entry[2]:016d}"

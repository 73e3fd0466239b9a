"""The exact pre-flight of a campaign or a draft: every member judged, nothing sent [F6]."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kabar.domain.composing import composer
from kabar.domain.forecast import Hours, forecast
from kabar.domain.hours import Covered, Rules
from kabar.domain.number_zones import zones_of
from kabar.domain.preflights import Findings, summed
from kabar.domain.prices import prices as price_list
from kabar.domain.recipient_hours import NEVER, RecipientHours
from kabar.domain.recipients import Selection
from kabar.domain.statuses import Reason
from kabar.legs.freeze import members
from kabar.storage import browse, keys, standings
from kabar.storage.dynamo import Item, Table
from kabar.storage.preflights import DONE, ERRORS, FAILED, RUNNING, Preflights

READERS = 4  # threads that read standings; more gain nothing
_BLOCK = 400  # recipients whose standings one of them reads at a time
Addressed = tuple[str, Sequence[str], str]


@dataclass(frozen=True)
class CheckTools:
    """What a pre-flight reads and writes; a carrier call takes `call` ms at most, `now` is epoch ms."""

    preflights: Preflights
    workspaces: Table
    members: Table
    people: Table
    call: int
    now: Callable[[], int]


def check(tools: CheckTools, workspace: str, number: int, shards: Sequence[int]) -> str:
    """Judge the members of these shards; "checked", or "over" when there is nothing to do. Again gives the same."""
    head = tools.preflights.get(workspace, number)
    if head is None or head["state"] != RUNNING:
        return "over"
    known = tools.preflights.parts(number)
    for shard in shards:
        if shard not in known:
            found = _judge(tools, workspace, head, shard)
            tools.preflights.keep_part(number, shard, found.stored(), tools.now())
    return "checked"


def _judge(tools: CheckTools, workspace: str, head: Item, shard: int) -> Findings:
    own = _own_hours(tools, head)
    text, known, list_id = composer(head), price_list(head.get("prices")), head["list_id"]
    selection = Selection(text, head["max_digits"])
    found = Findings()

    def reasons(block: Sequence[Addressed]) -> Mapping[str, Reason]:
        return standings.suppressed(tools.people, workspace, list_id, [mobile for mobile, *_ in block])

    texts = selection.texts(members(tools.members, list_id, [shard]))
    with ThreadPoolExecutor(READERS) as pool:
        while several := list(islice(_blocks(texts), READERS)):
            for block, suppressed in zip(several, pool.map(reasons, several), strict=True):
                for mobile, params, _ in block:
                    zones = zones_of(mobile) if own else ""
                    never = own is not None and own.opens(zones, _begins(head)) == NEVER
                    reason = suppressed.get(mobile, Reason.NO_COMMON_HOURS if never else Reason.NONE)
                    if reason is not Reason.NONE:
                        found.not_sent[reason.word] += 1
                        continue
                    before = found.estimate.segments
                    found.estimate.add(text, known, mobile, params)
                    if own:
                        found.zones[zones] += found.estimate.segments - before
    found.not_sent.update(Counter({why.value: times for why, times in selection.left_out.items()}))
    return found


def _blocks(texts: Iterator[Addressed]) -> Iterator[list[Addressed]]:
    while block := list(islice(texts, _BLOCK)):
        yield block


def finish(tools: CheckTools, workspace: str, number: int) -> str:
    """Add the parts up and say when it would begin and end; the state that it is in then."""
    head = tools.preflights.get(workspace, number)
    if head is None or head["state"] != RUNNING:
        return head["state"] if head else "over"
    parts = tools.preflights.parts(number)
    if len(parts) < keys.MEMBER_SHARDS:
        return fail(tools, workspace, number)
    if browse.list_head(tools.workspaces, workspace, head["list_id"]) is None:
        return fail(tools, workspace, number, "list_gone")
    found = summed(parts.values())
    changes = {"state": DONE, "findings": found.stored()} | when(head, found, tools.call, tools.now())
    tools.preflights.end(workspace, head, changes, tools.now())
    return DONE


def fail(tools: CheckTools, workspace: str, number: int, code: str = "preflight_interrupted") -> str:
    """Never in silence: it says failed, with the reason, unless it is over."""
    head = tools.preflights.get(workspace, number)
    if head is not None:
        error = {"code": code, "message": ERRORS[code]}
        tools.preflights.end(workspace, head, {"state": FAILED, "error": error}, tools.now())
    return FAILED


def when(head: Item, found: Findings, call: int, now: int) -> dict[str, Any]:
    """{starts_at?, ends_at?} in ms, at the rate of the pre-flight and inside its sending hours.

    A call to the carrier has to be over, `call` ms after it began, by the close.
    """
    rules = _rules(head)
    parts: list[tuple[int, Hours | None]] = [(found.estimate.segments, rules.hours if rules else None)]
    if rules and rules.by_recipient:
        own = RecipientHours(rules, call)
        parts = [(segments, own.common(zones)) for zones, segments in found.zones.items()]
    run = forecast(max(head["due_at"], now), parts, head["rate"], call)
    return {"starts_at": run.starts} | ({} if run.ends is None else {"ends_at": run.ends})


def _rules(head: Item) -> Rules | None:
    """The hours that count for it, as they were when it was asked for; None when none do."""
    rules = Rules.of(head["hours"])
    return rules if rules and rules.apply_to(Covered(head["kind"])) else None


def _own_hours(tools: CheckTools, head: Item) -> RecipientHours | None:
    rules = _rules(head)
    return RecipientHours(rules, tools.call) if rules and rules.by_recipient else None


def _begins(head: Item) -> int:
    """The same for every shard, whenever that is looked at."""
    return int(max(head["due_at"], head["created_at"]))

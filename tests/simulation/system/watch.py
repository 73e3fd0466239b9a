"""The checker: hears of every write and every call, and holds the carrier's truth against the tables (I1 to I10)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kabar.domain.handover import Promise, Result
from kabar.domain.messages import Message
from kabar.domain.requests import Kind
from kabar.domain.slices import DOUBT, SETTLED
from kabar.domain.statuses import Status, merge
from tests.simulation.system.hours import CAMPAIGNS, MESSAGES, Hours
from tests.simulation.system.kernel import START, Kernel, Process

CONTROL = 2000  # ms within which a pause or cancel takes effect [F5]
Item = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a message stands: its campaign, chunk, slice, and its index in the slice."""

    campaign: int
    chunk: int
    slice: int
    index: int

    @property
    def part(self) -> tuple[int, int, int]:
        return self.campaign, self.chunk, self.slice


class Watch:
    """What is known to be true; `broken` are rules that were broken, as sentences."""

    def __init__(self, kernel: Kernel, promise: Promise, *, skewed: bool, hours: Hours | None) -> None:
        self.kernel = kernel
        self.promise = promise
        self.skewed = skewed  # by minutes, not seconds: leases of two hosts may overlap, so calls may too
        self.hours = hours
        self.broken: list[str] = []
        self.met: set[str] = set()  # for the table of what was covered
        self.heads: dict[int, Item] = {}
        self.requests: dict[int, Item] = {}
        self.over: set[int] = set()  # requests
        self.claims: dict[tuple[int, int, int], Item] = {}
        self.claimed_at: dict[tuple[int, int, int], int] = {}
        self.takers: dict[tuple[int, int, int], Process] = {}
        self.submitted: set[str] = set()
        self.suppressed: dict[tuple[str, str], list[tuple[int | None, int]]] = {}  # (list or all, since)
        self.in_flight: dict[tuple[int, int, int], Process] = {}
        self.doubted: set[str] = set()  # handed over without a word, not asked about since
        self.excused: set[str] = set()  # nobody can know about these
        self.stopped: dict[int, int] = {}
        self.recorded_at: dict[tuple[int, int, int], int] = {}
        self.accept_claims: dict[tuple[str, int], int] = {}  # (message, called at) -> claimed at

    def breaks(self, what: str) -> None:
        self.broken.append(f"{self.kernel.now - START:>9} ms: {what}")

    # ---- tables ----

    def written(
        self, table: str, key: Item, old: Item | None, new: Item | None, process: Process | None
    ) -> None:
        """Every change of every item."""
        kind = key["pk"].partition("#")[0]
        if table == "dispatch" and kind == "claims":
            self._claim(key, old, new, process)
        elif table == "dispatch" and kind == "chunks":
            self._chunk(key, old, new)
        elif table == "dispatch" and kind == "request" and new:
            self._request(old, new)
        elif table == "workspaces" and kind == "w" and key["sk"].startswith("campaign#"):
            self._head(old, new)
        elif table == "people" and new:
            self._person(key, old, new)
        self._tenant(key, process)

    def _tenant(self, key: Item, process: Process | None) -> None:
        if process is None or not process.workspace:
            return
        first, _, rest = key["pk"].partition("#")
        owner = rest if first == "w" else rest.partition("#")[0] if first == "pace" else first
        if owner.startswith("tenant-") and owner != process.workspace:
            self.breaks(f"I9: {process} of {process.workspace} wrote {owner}'s")

    def _claim(self, key: Item, old: Item | None, new: Item | None, process: Process | None) -> None:
        _, campaign, chunk = key["pk"].split("#")
        part = int(campaign), int(chunk), int(key["sk"].removeprefix("slice#"))
        if new is None:
            self.breaks(f"the claim of {part} was deleted")
            return
        if old and merge(old["vector"], new["vector"]) != new["vector"]:
            self.breaks(f"I6: the vector of slice {part} shrank")
        if new["owner"]:
            if part in self.in_flight and not self.skewed and self.in_flight[part] is not process:
                self.breaks(f"slice {part} was taken while its owner's call was under way")
            if old and old["owner"] and old["owner"] != new["owner"]:
                self.excused |= self._written_of(part)
            if old is None or old["attempt"] != new["attempt"]:  # else it only notes that it is about to call
                self.claimed_at[part] = self.kernel.now
            if old != new and process:
                self.takers[part] = process
        elif self.takers.get(part) is not process and old != new:
            self.breaks(f"{process} recorded slice {part} over somebody else's claim")
        else:
            self.recorded_at.setdefault(part, self.kernel.now)
        self.claims[part] = new

    def _written_of(self, part: tuple[int, int, int]) -> set[str]:
        return {each for each in self.submitted if (place := self.place(each)) and place.part == part}

    def _chunk(self, key: Item, old: Item | None, new: Item | None) -> None:
        if new is None:
            self.breaks(f"chunk {key['sk']} was deleted")
        elif old and merge(old["vector"], new["vector"]) != new["vector"]:
            self.breaks(f"I6: the vector of {key['pk']} {key['sk']} shrank")
        elif old and old.get("state") == "closed" != new.get("state"):
            self.breaks(f"{key['pk']} {key['sk']} opened again")
        elif new.get("state") == "closed" and (source := int(key["pk"].split("#")[1])) in self.requests:
            self.over.add(source)

    def _request(self, old: Item | None, new: Item) -> None:
        if old is None:
            self.requests[new["id"]] = new
            self.met.add("API messages" if new["kind"] == Kind.API else "answers to opt-outs")

    def _head(self, old: Item | None, new: Item | None) -> None:
        if new is None:
            self.breaks("a campaign was deleted")
            return
        number = new["id"]
        self.heads[number] = new
        if old is None or old["status"] != new["status"]:
            self.met.add(f"a campaign {new['status'].replace('_', ' ')}")
        if old:
            if new["status"] != old["status"] == "waiting_for_window" and "closed_at" not in new:
                self.met.add("a campaign that goes on at an opening")
            if new.get("speed_at") != old.get("speed_at"):
                self.met.add("a speed changed")
            self._head_changes(number, old, new)
        if new["status"] == "sending":
            self.stopped.pop(number, None)
            others = [
                each["id"]
                for each in self.heads.values()
                if each["workspace"] == new["workspace"]
                and each["id"] != number
                and each["status"] == "sending"
            ]
            if others:
                self.breaks(f"I8: campaigns {number} and {others} of one workspace are sending")
        else:
            self.stopped.setdefault(number, self.kernel.now)

    def _head_changes(self, number: int, old: Item, new: Item) -> None:
        for name in ("closed_at", "plan"):
            if name in old and old[name] != new.get(name):
                self.breaks(f"{name} of campaign {number} changed")
        if "closed_at" in old and (old["status"], old.get("totals")) != (new["status"], new.get("totals")):
            self.breaks(f"campaign {number} changed after its end")
        if new["leg"] < old["leg"]:
            self.breaks(f"leg {old['leg']} of campaign {number} gave way to leg {new['leg']}")

    def _person(self, key: Item, old: Item | None, new: Item) -> None:
        workspace, _, mobile = key["pk"].partition("#")
        if key["sk"].endswith("#submitted"):
            self.submitted.add("1a2b3c4d-" + str(int(key["sk"].split("#")[1])))
        elif key["sk"] == "standing":
            marks = self.suppressed.setdefault((workspace, mobile), [])
            if new.get("blacklisted") and not (old or {}).get("blacklisted"):
                marks.append((None, self.kernel.now))
            gone = set(new.get("lists", {})) - set((old or {}).get("lists", {}))
            marks += [(int(each), self.kernel.now) for each in sorted(gone)]

    # ---- calls ----

    def source(self, number: int) -> Item:
        """The campaign or the request."""
        return self.heads.get(number) or self.requests[number]

    def place(self, message_id: str) -> Place | None:
        """Where a message stands in its campaign's plan, or in its request."""
        number = int(message_id.rpartition("-")[2])
        for head in self.requests.values():
            if head["first_id"] <= number < head["first_id"] + head["size"]:
                position = number - head["first_id"]
                return Place(head["id"], 0, position // head["slice"], position % head["slice"])
        for head in self.heads.values():
            plan = head.get("plan")
            if plan and plan["first_id"] <= number < plan["first_id"] + plan["recipients"]:
                chunk, position = divmod(number - plan["first_id"], plan["chunk_size"])
                return Place(head["id"], chunk, position // plan["slice"], position % plan["slice"])
        return None

    def calls(self, process: Process, messages: Sequence[Message], end: int) -> None:  # noqa: ARG002
        """A call begins."""
        ids = [message.id for message in messages]
        places = [self.place(each) for each in ids]
        first = places[0]
        if first is None or any(place is None or place.part != first.part for place in places):
            self.breaks("a call of more than one slice")
            return
        part, head = first.part, self.source(first.campaign)
        if part in self.in_flight and not self.skewed:
            self.breaks(f"two calls of slice {part} at once")
        self.in_flight[part] = process
        if self.takers.get(part) is not process and not self.skewed:
            self.breaks(f"{process} calls for slice {part}, which somebody else has claimed")
        stopped = self.stopped.get(first.campaign)
        if stopped is not None and self.kernel.now - stopped > CONTROL:
            self.breaks(
                f"F5: a call of campaign {first.campaign}, {head['status']} for more than two seconds"
            )
        self._check_recipients(part, messages, [place for place in places if place], head)

    def _check_recipients(
        self, part: tuple[int, int, int], messages: Sequence[Message], places: Iterable[Place], head: Item
    ) -> None:
        vector = self.claims[part]["vector"]
        for message, place in zip(messages, places, strict=True):
            who = f"message {message.id} of slice {part}"
            self.accept_claims[message.id, self.kernel.now] = self.claimed_at[part]
            status = vector[place.index] & 0x0F
            # whoever took over its claim, by another clock, has settled it, and knew of this call to come
            late = self.skewed and (status == Status.UNCERTAIN or self.promise is Promise.DEDUPES)
            if status >= SETTLED and not late:
                self.breaks(f"{who} was handed over, though it is settled")
            if message.id not in self.submitted:
                self.breaks(f"{who} was handed over before its fact was written")
            if message.id in self.doubted and self.promise in {Promise.ECHOES, Promise.NOTHING}:
                self.breaks(f"{who} was handed over again, though its carrier can't tell repeats")
            if message.id in self.doubted and self.promise is Promise.ASKABLE and not self.skewed:
                self.breaks(f"{who} was handed over again without having asked")
            if self._suppressed(head, message.mobile, self.claimed_at[part]):
                self.breaks(f"I3: {who} was handed over by a call claimed after the opt-out")

    def _suppressed(self, head: Item, mobile: str, at: int) -> bool:
        if head.get("confirms_opt_out"):
            return False
        lists = {None, head.get("list_id", head.get("list"))}
        marks = self.suppressed.get((head["workspace"], mobile), [])
        return any(since < at and scope in lists for scope, since in marks)

    def called(self, process: Process, messages: Sequence[Message], told: Mapping[str, Result]) -> None:
        """A call ends, with or without an answer."""
        place = self.place(messages[0].id)
        if place and self.in_flight.get(place.part) is process:
            del self.in_flight[place.part]
        unknown = {message.id for message in messages if message.id not in told}
        self.doubted = (self.doubted - set(told)) | unknown
        self.excused |= unknown

    def accepts(self, message: Message) -> None:
        """The carrier takes a message that we wait for; what it takes later is out of our hands [F11]."""
        hours, place = self.hours, self.place(message.id)
        if hours is None or place is None or self.skewed:
            return
        kind = self.source(place.campaign).get("kind", CAMPAIGNS)
        covered = {CAMPAIGNS: CAMPAIGNS, Kind.API: MESSAGES}.get(kind) in hours.covers
        times = self.kernel.now, self.kernel.host_time()  # who calls knows only its own clock, seconds off
        if covered and not any(hours.is_open(message.mobile, at) for at in times):
            self.breaks(f"I4: message {message.id} was accepted outside of the sending hours")

    def asked(self, ids: Collection[str]) -> None:
        self.doubted -= set(ids)

    def died(self, process: Process) -> None:
        """Whoever dies with a claim may have called."""
        for part, taker in self.takers.items():
            if taker is process and self.claims[part]["owner"]:
                self.excused |= self._written_of(part)

    def in_doubt(self, part: tuple[int, int, int], index: int) -> bool:
        claim = self.claims.get(part)
        return claim is not None and (bool(claim["owner"]) or claim["vector"][index] & 0x0F == DOUBT)

"""What the pre-flight says is what the run does and what the carrier bills, to the segment [F6]."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kabar.carriers.base import Answer, Request
from kabar.domain.preflights import summed
from kabar.domain.segments import Encoding
from kabar.domain.statuses import Status
from kabar.legs.check import CheckTools, check, finish
from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.preflights import Preflights
from kabar.storage.reports import report
from local.carrier.segments import measure
from local.carrier.wire import Content
from tests.functions.leg_rig import LIST, TIMING, WORKSPACE, FakeInfobip, Rig

TEXTS = ["Hi %%1%%", "%%1%%", "“Günaydın” %%1%% %%2%%, [%%1%%] " + "x" * 100, "ş%%1%%" * 3, "😀 %%2%%"]
PARAMS = st.lists(
    st.sampled_from(["", "Amy", "Ayşe “x”", "€" * 40, "ğ" * 50, "😀" * 20, "è" * 50]), max_size=2
)
STANDINGS = st.sampled_from([None, None, "blacklisted", "everything", "this list", "another list"])
PEOPLE = st.lists(st.tuples(PARAMS, STANDINGS, st.sampled_from(["+90532", "+6421", "+1212"])), max_size=25)
PRICES = {"currency": "EUR", "countries": {"TR": "0.0123", "NZ": "0.1"}}
MARK = {"at": 1, "by": "api:key:1"}


class Billing(FakeInfobip):
    """Bills as the simulated carrier does, on its own reading of what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.billed = 0

    def __call__(self, request: Request, seconds: float) -> Answer:
        for message in request.body["messages"] if request.method == "POST" else ():
            content = Content.model_validate(message["content"])
            language = content.language.tables() if content.language else None
            self.billed += measure(content.text, language).segments * len(message["destinations"])
        return super().__call__(request, seconds)


def seeded(rig: Rig, people: Any) -> None:
    for number, (params, standing, prefix) in enumerate(people):
        mobile = f"{prefix}{number:07d}"
        rig.dynamo.seed("members", keys.member(LIST, mobile), params=params, at=1)
        marks = {"this list": {"lists": {str(LIST): MARK}}, "another list": {"lists": {"1": MARK}}}
        if standing:
            seed = marks.get(standing, {standing: MARK})
            rig.dynamo.seed("people", keys.standing(WORKSPACE, mobile), **seed)
    rig.dynamo.seed("workspaces", keys.prices(WORKSPACE), **PRICES, version=1)


@pytest.mark.parametrize("shards_above", [10**6, 0])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.sampled_from(TEXTS),
    encoding=st.sampled_from(sorted(set(Encoding) - {Encoding.UCS2})),
    smart=st.booleans(),
    people=PEOPLE,
)
def test_the_run_equals_its_pre_flight_and_the_bill(
    shards_above: int, text: str, encoding: Encoding, smart: bool, people: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        rig = Rig(patch)
        rig.desk, rig.carrier = replace(rig.desk, shards_above=shards_above), Billing()
        seeded(rig, people)
        rig.campaign(1)
        head = rig.dynamo.find("workspaces", keys.campaign_head(WORKSPACE, 1))
        assert head is not None
        head |= {"text": text, "encoding": encoding.value, "smart": smart}
        list_head = rig.dynamo.find("workspaces", keys.list_head(WORKSPACE, LIST)) or {}
        list_head["members"] = len(people)

        found = findings(rig)
        rig.leg(1, 1)
        rig.run_started()
        done = report(rig.head(1), rig.chunks)
        plan = rig.head(1)["plan"]

    estimate, not_sent = found.estimate, Counter(found.not_sent)
    left_out = {why: n for why, n in not_sent.items() if why in ("duplicate", "invalid", "empty")}
    suppressed = not_sent["opted_out"] + not_sent["blacklisted"]
    assert rig.head(1)["status"] == "completed"
    assert done.segments == estimate.segments == rig.carrier.billed
    assert done.cost == estimate.cost
    assert done.statuses[Status.SENT] == estimate.recipients == len(rig.carrier.accepted)
    assert done.statuses[Status.SUPPRESSED] == suppressed == done.opted_out
    assert plan["left_out"] == left_out
    assert found.members == len(people) == done.recipients + sum(left_out.values())


def findings(rig: Rig) -> Any:
    """What a pre-flight of the campaign finds."""
    head = rig.head(1)
    tools = CheckTools(
        Preflights(rig.workspaces, rig.dispatch),
        rig.workspaces,
        rig.desk.members,
        Table("people", rig.dynamo),
        TIMING.call + TIMING.skew,
        lambda: 1000,
    )
    what = {name: head[name] for name in ("list_id", "text", "carrier", "due_at")}
    what |= {"encoding": head.get("encoding", "gsm"), "smart": head.get("smart", False)}
    stored = rig.dynamo.find("workspaces", keys.settings(WORKSPACE)) or {}
    what["hours"] = {"timezone": "UTC"} | {n: stored[n] for n in ("timezone", "sending_hours") if n in stored}
    what |= {"campaign": 1, "kind": "campaigns", "rate": 10, "max_digits": 15, "prices": PRICES}
    log = Table("activity", rig.dynamo)
    tools.preflights.begin(log, WORKSPACE, 77, what, by="api:test", now=1)
    check(tools, WORKSPACE, 77, range(keys.MEMBER_SHARDS))
    assert finish(tools, WORKSPACE, 77) == "done"
    ended = tools.preflights.of_campaign(WORKSPACE, 1)
    assert ended is not None
    return summed([ended["findings"]])

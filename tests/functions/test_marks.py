"""Whoever opts out or comes back while an import writes the list: the mark follows the standing, the counters agree."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kabar.storage import dynamo, keys, lists, members
from kabar.storage.dynamo import ConditionFailed, Table, transact
from kabar.storage.marks import Marks
from kabar.storage.opt_outs import OptOuts
from kabar.storage.roster import Roster
from tests.functions.fake_dynamo import FakeDynamo

NUMBERS = [f"+642155577{n:02d}" for n in range(4)]
LIST, IMPORT = 7, "an-import"


class Place:
    """One list, everybody who changes it, and what happens before each write of an import."""

    def __init__(self) -> None:
        self.dynamo = FakeDynamo()
        tables = [Table(name) for name in ("people", "members", "workspaces")]
        self.people, self.members, self.workspaces = tables
        self.opt_outs, self.roster, self.marks = OptOuts(*tables), Roster(*tables), Marks(*tables)
        head = {"id": LIST, "name": "Gym", "members": 0, "opted_out": 0, "deleted": 0}
        self.dynamo.seed("workspaces", keys.list_head("acme", LIST), **head)

    def act(self, what: str, mobile: str) -> None:
        """As somebody else, in between: what is under way goes on behind it."""
        later, self.dynamo.before = self.dynamo.before, []
        self.act_behind(what, mobile)
        self.dynamo.before = later

    def act_behind(self, what: str, mobile: str) -> None:
        """As `act`, behind what is to happen before the next write."""
        if what == "leaves":
            self.opt_outs.leave("acme", mobile, LIST, "reply:1", lambda: 5)
        elif what == "returns":
            self.opt_outs.undo("acme", mobile, LIST)
        elif what == "is added":
            self.roster.put("acme", LIST, mobile, ["a"], 3, replace=True)
        else:
            self.roster.delete("acme", LIST, mobile, 4)

    def write(self, purpose: str, left: dict[str, int]) -> dict[str, int]:
        """One part of an import, as its function writes it."""
        none = dict.fromkeys(("added", "readded", "updated", "opted_out", "deleted", "left"), 0)
        if purpose == "deletion":
            return none | members.delete(self.members, LIST, IMPORT, NUMBERS[:3], 9)
        rows = [(mobile, ["b"]) for mobile in NUMBERS[:3]]
        return none | members.load(self.members, LIST, IMPORT, rows, 9, left)

    def left(self) -> dict[str, int]:
        """Who left the list, as the check of a part finds it."""
        at = {mobile: self.opt_outs.left_at("acme", mobile, LIST) for mobile in NUMBERS}
        return {mobile: when for mobile, when in at.items() if when is not None}

    def told(self) -> tuple[int, int, int]:
        head = self.dynamo.find("workspaces", keys.list_head("acme", LIST)) or {}
        return head["members"], head["opted_out"], head["deleted"]

    def recounted(self) -> tuple[int, int, int]:
        everybody = list(self.dynamo.tables["members"].values())
        there = [member for member in everybody if "deleted" not in member]
        return len(there), sum("opted_out" in member for member in there), len(everybody) - len(there)


@pytest.fixture(autouse=True)
def _client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamo, "client", lambda: CURRENT[0].dynamo)


CURRENT: list[Place] = []
CHANGES = st.tuples(st.sampled_from(["leaves", "returns"]), st.sampled_from(NUMBERS))
BEFORE = st.lists(
    st.tuples(st.sampled_from(["leaves", "returns", "is added", "is deleted"]), st.sampled_from(NUMBERS)),
    max_size=8,
)


@settings(deadline=None, max_examples=300)
@given(
    purpose=st.sampled_from(["append", "deletion"]),
    before=BEFORE,
    between=st.lists(CHANGES, max_size=4),
    cut=st.booleans(),
    after=st.lists(CHANGES, max_size=3),
    while_settling=st.lists(CHANGES, max_size=3),
    later=st.lists(CHANGES, max_size=2),
)
def test_counters_and_marks_agree_whoever_opts_out_while_an_import_writes(
    purpose: str,
    before: list[tuple[str, str]],
    between: list[tuple[str, str]],
    cut: bool,
    after: list[tuple[str, str]],
    while_settling: list[tuple[str, str]],
    later: list[tuple[str, str]],
) -> None:
    place = Place()
    CURRENT[:] = [place]
    for what, mobile in before:
        place.act(what, mobile)
    transact([lists.loading(place.workspaces, "acme", LIST, IMPORT)])
    left = place.left()

    def meanwhile() -> None:
        for each in between:
            place.act(*each)
        if cut:
            raise ConnectionError

    place.dynamo.before = [meanwhile]
    try:
        result = place.write(purpose, left)
    except ConnectionError:
        result = place.write(purpose, left)
    place.dynamo.before = []
    again = place.write(purpose, left)
    assert again == result
    for each in after:
        place.act(*each)
    place.dynamo.before = [partial(place.act, *each) for each in while_settling]
    place.marks.settle("acme", LIST, IMPORT)
    place.dynamo.before = []
    assert place.write(purpose, left) == result  # a part that comes late counts the same
    transact([lists.loaded(place.workspaces, "acme", LIST, IMPORT, result)])
    for each in later:
        place.act(*each)
    assert place.told() == place.recounted()
    now_left = place.left()
    for member in place.dynamo.tables["members"].values():
        assert ("opted_out" in member) == (member["sk"] in now_left), member
        assert ("by_mark_pk" in member) == ("deleted" in member)


def place_with(mobile: str) -> Place:
    place = Place()
    CURRENT[:] = [place]
    place.act("is added", mobile)
    transact([lists.loading(place.workspaces, "acme", LIST, IMPORT)])
    return place


def test_an_opt_out_between_an_imports_read_and_its_write_is_not_lost() -> None:
    place = place_with(NUMBERS[0])
    place.dynamo.before = [partial(place.act, "leaves", NUMBERS[0])]
    result = place.write("append", {})
    place.marks.settle("acme", LIST, IMPORT)
    transact([lists.loaded(place.workspaces, "acme", LIST, IMPORT, result)])
    member: Any = place.roster.get(LIST, NUMBERS[0])
    assert (member["opted_out"], member["params"]) == (5, ["b"])
    assert place.told() == place.recounted() == (3, 1, 0)


def test_an_opt_out_that_an_import_overtakes_still_marks_the_member_it_brings() -> None:
    place = Place()
    CURRENT[:] = [place]
    results = []

    def overtake() -> None:
        transact([lists.loading(place.workspaces, "acme", LIST, IMPORT)])
        results.append(place.write("append", {}))

    place.dynamo.before = [overtake]
    place.act_behind("leaves", NUMBERS[0])
    place.marks.settle("acme", LIST, IMPORT)
    transact([lists.loaded(place.workspaces, "acme", LIST, IMPORT, results[0])])
    assert (place.roster.get(LIST, NUMBERS[0]) or {})["opted_out"] == 5
    assert place.told() == place.recounted() == (3, 1, 0)


def test_who_left_before_an_import_that_asks_for_everybody_is_loaded_with_the_mark() -> None:
    place = Place()
    CURRENT[:] = [place]
    place.act("leaves", NUMBERS[1])
    transact([lists.loading(place.workspaces, "acme", LIST, IMPORT)])
    result = place.write("append", place.left())
    transact([lists.loaded(place.workspaces, "acme", LIST, IMPORT, result)])
    assert (place.roster.get(LIST, NUMBERS[1]) or {})["opted_out"] == 5
    assert place.told() == place.recounted() == (3, 1, 0)


def test_one_import_at_a_time_writes_a_list() -> None:
    place = place_with(NUMBERS[0])
    transact([lists.loading(place.workspaces, "acme", LIST, IMPORT)])  # the same again
    with pytest.raises(ConditionFailed):
        transact([lists.loading(place.workspaces, "acme", LIST, "another")])

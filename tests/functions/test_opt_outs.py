"""Opting out and coming back: what was read too early is read again, and the member's mark follows [I4] [I5]."""

from typing import Any

import pytest

from kabar.domain.replies import Leaves, OptOut
from kabar.storage import dynamo, keys
from kabar.storage.dynamo import ConditionFailed, Table, transact
from kabar.storage.opt_outs import Contended, OptOuts, taken_back
from tests.functions.fake_dynamo import FakeDynamo

MOBILE, LIST = "+6421555666", 7
THE_LIST, EVERYTHING, BLACKLIST = (
    OptOut(Leaves.LIST, LIST),
    OptOut(Leaves.EVERYTHING),
    OptOut(Leaves.BLACKLIST),
)
EVERY = [THE_LIST, EVERYTHING, BLACKLIST]
NAMES = [each.leaves.value for each in EVERY]
BY_REPLY = {"at": 5, "by": "reply:1", "to": "3774", "said": 4}
BY_HAND = {"at": 6, "by": "api:me"}


class Person:
    """A member of a list who leaves and returns; `after` is the standing that their START was answered by."""

    def __init__(self) -> None:
        self.dynamo = FakeDynamo()
        self.opt_outs = OptOuts(*(Table(name) for name in ("people", "members", "workspaces")))
        self.after: dict[str, Any] = {}
        self.dynamo.seed("workspaces", keys.list_head("acme", LIST), id=LIST, opted_out=0)
        self.dynamo.seed("members", keys.member(LIST, MOBILE), mobile=MOBILE, params=[])

    @property
    def standing(self) -> dict[str, Any]:
        return self.dynamo.find("people", keys.standing("acme", MOBILE)) or {}

    def is_marked(self) -> tuple[bool, int]:
        """Whether the member is, and how many of the list are."""
        member = self.dynamo.find("members", keys.member(LIST, MOBILE)) or {}
        head = self.dynamo.find("workspaces", keys.list_head("acme", LIST)) or {}
        return "opted_out" in member, head["opted_out"]

    def leave(self, what: OptOut, mark: dict[str, Any]) -> None:
        transact(self.leaving(what, mark))

    def leaving(self, what: OptOut, mark: dict[str, Any]) -> list[dict[str, Any]]:
        return self.opt_outs.leaving(self.standing, "acme", MOBILE, what, lambda: mark)

    def leave_by_hand(self) -> bool:
        return self.opt_outs.leave("acme", MOBILE, LIST, "api:me", lambda: 6)

    def come_back(self) -> None:
        """START."""
        standing = self.opt_outs.standing("acme", MOBILE)
        self.after, writes = self.opt_outs.coming_back(standing, "acme", MOBILE, taken_back("3774", 9))
        if writes:
            transact(writes)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Person:
    made = Person()
    monkeypatch.setattr(dynamo, "client", lambda: made.dynamo)
    return made


@pytest.mark.parametrize("what", EVERY, ids=NAMES)
def test_of_two_opt_outs_at_the_same_moment_one_is_new(person: Person, what: OptOut) -> None:
    """[I3] [I5] The other reads again, and neither confirms a second time nor has the mark as its own."""
    late = person.leaving(what, BY_REPLY | {"by": "reply:2"})
    person.leave(what, BY_REPLY)
    before = person.standing
    with pytest.raises(ConditionFailed):
        transact(late)
    assert person.standing == before


@pytest.mark.parametrize("what", EVERY, ids=NAMES)
def test_an_opt_out_that_was_known_and_is_taken_back_meanwhile_is_read_again(
    person: Person, what: OptOut
) -> None:
    """[I3] It is a new one then, to be logged and confirmed."""
    person.leave(what, BY_REPLY)
    late = person.leaving(what, BY_REPLY | {"by": "reply:2"})
    person.come_back()
    with pytest.raises(ConditionFailed):
        transact(late)
    assert not _marks(person.standing)


@pytest.mark.parametrize("left", [[each] for each in EVERY] + [EVERY], ids=[*NAMES, "all"])
def test_who_came_back_is_answered_by_the_standing_that_they_have_then(
    person: Person, left: list[OptOut]
) -> None:
    """[I9] A response obeys the opt-outs that are left."""
    for what in left:
        person.leave(what, BY_REPLY)
    person.come_back()
    assert _marks(person.after) == _marks(person.standing) == {}
    assert person.is_marked() == (False, 0)


def test_a_start_within_a_second_of_the_stop_takes_it_back(person: Person) -> None:
    """[I3] One that sees no opt-out would take none back, and its sender would get nothing more."""
    person.dynamo.lag()
    person.leave(THE_LIST, BY_REPLY)
    person.come_back()
    assert not _marks(person.standing)


@pytest.mark.parametrize("by_hand", EVERY, ids=NAMES)
def test_start_leaves_what_people_said(person: Person, by_hand: OptOut) -> None:
    """[I5]"""
    for what in EVERY:
        person.leave(what, BY_HAND if what is by_hand else BY_REPLY)
    person.come_back()
    assert len(_marks(person.standing)) == 1
    assert _marks(person.after) == _marks(person.standing)


def _marks(standing: dict[str, Any]) -> dict[str, Any]:
    lists = {f"list {name}": mark for name, mark in standing.get("lists", {}).items()}
    return lists | {name: standing[name] for name in ("everything", "blacklisted") if name in standing}


def test_an_opt_out_by_hand_stands_though_start_takes_the_replys_back_meanwhile(person: Person) -> None:
    """[I5] START undoes only what a reply did."""
    person.leave(THE_LIST, BY_REPLY)
    person.dynamo.before.append(person.come_back)
    assert person.leave_by_hand()
    assert person.standing["lists"] == {"7": BY_HAND}
    assert person.is_marked() == (True, 1)


def test_an_opt_out_that_meets_somebody_every_time_is_not_called_done(person: Person) -> None:
    """[I7] Whoever said it is to hear that it doesn't hold yet."""
    person.leave(THE_LIST, BY_REPLY)

    def in_between() -> None:
        if "7" in person.standing["lists"]:
            person.come_back()
        else:
            person.leave(THE_LIST, BY_REPLY)
        person.dynamo.before.append(in_between)

    person.dynamo.before.append(in_between)
    with pytest.raises(Contended):
        person.leave_by_hand()


def test_an_undo_takes_off_a_mark_that_no_standing_stands_for(person: Person) -> None:
    key = keys.member(LIST, MOBILE)
    person.dynamo.seed("members", key, mobile=MOBILE, params=[], opted_out=5)
    person.opt_outs.undo("acme", MOBILE, LIST)
    assert not person.is_marked()[0]


@pytest.mark.parametrize("member", [True, False])
def test_an_undo_where_nobody_left_changes_nothing(person: Person, member: bool) -> None:
    if not member:
        person.dynamo.tables["members"].clear()
    person.dynamo.calls.clear()
    person.opt_outs.undo("acme", MOBILE, LIST)
    assert not [call for call in person.dynamo.calls if "write" in call]


@pytest.mark.parametrize(
    ("to", "start_to", "undone"),
    [
        ("3774", "3774", True),
        ("+643774", "643774", True),
        ("KABAR", "KABAR", True),
        ("KABAR", "RADAR", False),
        ("3774", "3775", False),
        ("3774", "KABAR", False),
    ],
)
def test_start_undoes_what_was_said_to_the_same_number(to: str, start_to: str, undone: bool) -> None:
    """[I5] In any notation; a name is only itself."""
    assert taken_back(start_to, 9)(BY_REPLY | {"to": to}) is undone


@pytest.mark.parametrize(("said", "undone"), [(8, True), (9, False), (10, False)])
def test_start_undoes_what_was_said_before_it(said: int, undone: bool) -> None:
    assert taken_back("3774", 9)(BY_REPLY | {"said": said}) is undone
    assert not taken_back("3774", 9)(BY_HAND)

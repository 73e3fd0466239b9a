"""Callbacks that wait, callbacks that were given up, and how each endpoint is doing.

Access patterns: docs/data-model.md [P82]–[P86]. Times are epoch ms. The state of an endpoint is {version, run,
running, asleep, called, detour, failing, failures, suspects, not_before, next_at, off: {at, by, why},
last_error: {at, why}, mailed_at, replays}:
`version` grows with each parking, `run` numbers the executions of retry_callbacks, `asleep` is until when the run
sleeps, `called` that a turn is to look once more, `detour` since when everything is parked at once, `failing` since
when the endpoint doesn't answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kabar.domain.callbacks import LIFE, Callback
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact

KEPT_SECONDS = 30 * 86_400
_OUTAGE = ("detour", "failing", "failures", "suspects", "not_before", "next_at")
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Parked:
    """A callback that waits: tried `attempts` times alone, given up when it fails at `until` or later."""

    callback: Callback
    place: Place
    until: int
    attempts: int

    @property
    def due(self) -> int:
        return int(self.place[1].partition("#")[0])


class Book:
    """The callbacks table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def state(self, endpoint: int) -> Item:
        """[P82] (consistent)"""
        return self._table.get(keys.endpoint_state(endpoint), consistent=True) or {}

    def in_charge(self, endpoint: int, run: int, values: Mapping[str, Any]) -> bool:
        """[P82] Set `values` (remove those that are None) while this run is in charge; whether it is."""
        try:
            self._change_if(endpoint, "#run = :run_", {"run": run}, values)
        except ConditionFailed:
            return False
        return True

    def switch(self, endpoint: int, off: Mapping[str, Any] | None) -> None:
        """[P82] Off, with {at, by, why}, or on again. No condition: the last one who says so wins."""
        values: dict[str, Any] = {"off": dict(off) if off else None}
        if off is None:
            values |= dict.fromkeys(("failing", "failures", "suspects", "not_before"))
        self._change_if(endpoint, None, {}, values)

    def gone(self, endpoint: int, off: Mapping[str, Any]) -> bool:
        """[P82] Off, with {at, by, why}, because it says so; False when it is off already."""
        try:
            self._change_if(endpoint, "attribute_not_exists(#off)", {}, {"off": dict(off)})
        except ConditionFailed:
            return False
        return True

    def parked_more(
        self, endpoint: int, values: Mapping[str, Any], *, first: Mapping[str, Any], on_detour: bool = False
    ) -> Item:
        """[P83] Raise the version after parking, set `values`, and what isn't set yet of `first`; the state then.

        With `on_detour`, raises ConditionFailed when everything is tried at once again meanwhile.
        """
        sets = [f"#{name} = :{name}" for name in values]
        sets += [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
        return self._table.update(
            keys.endpoint_state(endpoint),
            ("SET " + ", ".join(sets) if sets else "") + " ADD #version :one",
            values={":one": 1} | {f":{name}": value for name, value in {**values, **first}.items()},
            names={f"#{name}": name for name in ("version", *values, *first)}
            | ({"#detour": "detour", "#off": "off"} if on_detour else {}),
            condition="attribute_exists(#detour) OR attribute_exists(#off)" if on_detour else None,
        )

    def take_run(self, endpoint: int, workspace: str, kind: str, after: int) -> int | None:
        """[P84] Begin a run after the run `after`, marked for `sweep` first; its number, None when somebody did."""
        run = after + 1
        mark = {"endpoint": endpoint, "workspace": workspace, "kind": kind, "run": run}
        # no condition: it only says where to look, and a mark too many is looked at once
        self._table.put(keys.open_endpoint(endpoint) | mark)
        wanted: dict[str, Any] = {"run": after} if after else {}
        idle = "#run = :run_ AND #running = :running_" if after else "attribute_not_exists(#run)"
        try:
            self._change_if(
                endpoint, idle, wanted | ({"running": False} if after else {}), {"run": run, "running": True}
            )
        except ConditionFailed:
            return None
        return run

    def hand_on(
        self, endpoint: int, workspace: str, kind: str, run: int, *, asleep: bool = False
    ) -> int | None:
        """[P84] The next run takes over from the run `run`, which goes on no more; None when another did, or when it
        is to be `asleep` and isn't.
        """
        mark = {"endpoint": endpoint, "workspace": workspace, "kind": kind, "run": run + 1}
        self._table.put(keys.open_endpoint(endpoint) | mark)  # no condition: as above
        condition = "#run = :run_" + (" AND attribute_exists(#asleep)" if asleep else "")
        values: dict[str, Any] = {"run": run + 1, "asleep": None}
        try:
            self._change_if(endpoint, condition, {"run": run}, values)
        except ConditionFailed:
            return None
        return run + 1

    def call(self, endpoint: int) -> Item:
        """[P84] Have what waits looked at once more; the state then. No condition: said twice is said."""
        return self.parked_more(endpoint, {"called": True}, first={})

    def begin_turn(self, endpoint: int, run: int) -> Item | None:
        """[P84] The run is awake, and whoever called is heard: the state then; None when it isn't in charge."""
        try:
            wanted = {"run": run, "running": True}
            values = {"asleep": None, "called": None}
            return self._change_if(endpoint, "#run = :run_ AND #running = :running_", wanted, values)
        except ConditionFailed:
            return None

    def sleep(self, endpoint: int, run: int, until: int, version: int | None = None) -> bool:
        """[P84] The run sleeps until then, unless somebody called meanwhile; whether it does.

        With a version: unless something was parked since, and what comes from now on is tried at once.
        """
        condition, wanted = "#run = :run_ AND attribute_not_exists(#called)", {"run": run}
        values: dict[str, Any] = {"asleep": until}
        if version is not None:
            condition, wanted = f"{condition} AND #version = :version_", wanted | {"version": version}
            values |= dict.fromkeys(_OUTAGE)
        try:
            self._change_if(endpoint, condition, wanted, values, ("called",))
        except ConditionFailed:
            return False
        return True

    def end(self, endpoint: int, run: int, version: int) -> bool:
        """[P84] End the run, if nothing was parked since `version`; False when something was."""
        values: dict[str, Any] = {"running": False} | dict.fromkeys(_OUTAGE)
        try:
            wanted = {"run": run, "version": version}
            self._change_if(endpoint, "#run = :run_ AND #version = :version_", wanted, values)
        except ConditionFailed:
            return False
        self.unmark(endpoint, run)
        return True

    def unmark(self, endpoint: int, run: int) -> None:
        """[P84] `sweep` need look no more, unless the next run has marked it already."""
        with suppress(ConditionFailed):
            self._table.delete(
                keys.open_endpoint(endpoint),
                condition="#run = :run",
                names={"#run": "run"},
                values={":run": run},
            )

    def every_open(self) -> Iterator[Item]:
        """[P84] Marks of endpoints with parked callbacks: {endpoint, workspace, kind, run}."""
        return self._table.every("open")

    def park(self, endpoint: int, entries: Iterable[tuple[Callback, int, int, int]]) -> None:
        """[P83] (callback, due, first attempt or parking, attempts). No condition: again says the same."""
        self._table.batch_put(
            _parked_item(endpoint, callback, due, first + LIFE, attempts)
            for callback, due, first, attempts in entries
        )

    def unpark(self, endpoint: int, entries: Iterable[tuple[Callback, int]]) -> None:
        """[P83] (callback, due) as they were parked just now. No condition: gone is gone."""
        self._table.batch_delete(keys.parked(endpoint, due, callback.id) for callback, due in entries)

    def oldest(self, endpoint: int, many: int, at: int | None = None) -> list[Parked]:
        """[P85] About so many of those that are due first (due `at` or before), in that order, with none left out
        between them (consistent).
        """
        per_shard = -(-many * 2 // keys.CALLBACK_SHARDS) + 1
        found: list[Item] = []
        upto = "~"  # behind every key
        until = None if at is None else f"{at:013d}#~"
        for shard in range(keys.CALLBACK_SHARDS):
            page = self._table.query(
                keys.parked_pk(endpoint, shard), at_most=until, limit=per_shard, consistent=True
            )
            found += page.items
            if page.next is not None:
                upto = min(upto, str(page.next["sk"]))
        found = sorted((item for item in found if item["sk"] <= upto), key=lambda item: str(item["sk"]))
        return [_parked(item) for item in found[:many]]

    def delivered(self, parked: Parked) -> None:
        """[P85] No condition: gone is gone."""
        self._table.delete(_key(parked.place))

    def later(self, endpoint: int, parked: Parked, due: int) -> None:
        """[P85] It failed alone: the next attempt is at `due`. Nothing when somebody else moved it meanwhile."""
        item = _parked_item(endpoint, parked.callback, due, parked.until, parked.attempts + 1)
        self._move(parked, item)

    def bury(self, endpoint: int, parked: Parked, at: int, why: str) -> None:
        """[P85] Give it up. Nothing when somebody else moved it meanwhile."""
        self._move(parked, _dead_item(endpoint, parked.callback, at, why, parked.attempts))

    def bury_new(self, endpoint: int, callback: Callback, at: int, why: str) -> None:
        """[P85] Give up one that was never parked. No condition: the key holds when and which."""
        self._table.put(_dead_item(endpoint, callback, at, why, 1))

    def dead(
        self, endpoint: int, many: int, before: str | None = None, *, since: int = 0
    ) -> tuple[list[Item], str | None]:
        """[P86] Given-up callbacks, newest first, and where the next page starts."""
        found: list[Item] = []
        bound = (f"{since:013d}", before or "~")
        for shard in range(keys.CALLBACK_SHARDS):
            pk = keys.dead_pk(endpoint, shard)
            page = self._table.query(pk, between=bound, reverse=True, limit=many + 2)
            found += [item for item in page.items if item["sk"] != before]
        found.sort(key=lambda item: str(item["sk"]), reverse=True)
        return found[:many], found[many - 1]["sk"] if len(found) > many else None

    def dead_one(self, endpoint: int, name: str) -> Item | None:
        """[P86] One of them by its sort key."""
        at, _, webhook_id = name.partition("#")
        return self._table.get(keys.dead(endpoint, int(at), webhook_id), consistent=True)

    def replay(self, endpoint: int, items: Iterable[Mapping[str, Any]], at: int) -> None:
        """[P86] Park given-up callbacks again, due `at`, with the same ids and 120 hours of their own, and note it.

        No condition: the same instruction again says the same.
        """
        for item in items:
            callback = _callback(item)
            self._table.put(_parked_item(endpoint, callback, at, at + LIFE, 0))
            self._table.update(
                {"pk": item["pk"], "sk": item["sk"]}, "SET replayed_at = :at", values={":at": at}
            )

    def ask_to_replay(self, endpoint: int, since: int, until: int, at: int) -> None:
        """[P86] Have what was given up in [since, until] parked again by the endpoint's execution."""
        wanted = [{"since": since, "before": f"{until:013d}#~", "at": at}]
        # no condition: each instruction is added to those that are there
        self._table.update(
            keys.endpoint_state(endpoint),
            "SET #replays = list_append(if_not_exists(#replays, :none), :wanted) ADD #version :one",
            names={"#replays": "replays", "#version": "version"},
            values={":none": [], ":wanted": wanted, ":one": 1},
        )

    def replayed(self, endpoint: int, seen: list[Item], rest: list[Item]) -> None:
        """[P86] So much is left to replay. Nothing when it isn't as seen: the same again says the same."""
        with suppress(ConditionFailed):
            self._change_if(endpoint, "#replays = :replays_", {"replays": seen}, {"replays": rest or None})

    def mail_due(self, endpoint: int, now: int, every: int) -> bool:
        """[P82] Whether somebody is to be told now that callbacks were given up: once in so many ms."""
        try:
            self._table.update(
                keys.endpoint_state(endpoint),
                "SET mailed_at = :now",
                condition="attribute_not_exists(mailed_at) OR mailed_at < :before",
                values={":now": now, ":before": now - every},
            )
        except ConditionFailed:
            return False
        return True

    def forget_state(self, endpoint: int) -> None:
        """[P82] Of an endpoint that was removed; what is parked expires. No condition: gone is gone."""
        self._table.delete(keys.endpoint_state(endpoint))
        self._table.delete(keys.endpoint_token(endpoint))

    def _move(self, parked: Parked, item: Item) -> None:
        try:
            gone = delete_in(self._table, _key(parked.place), "attribute_exists(pk)")
            transact([gone, put_in(self._table, item)], self._table.dynamo)
        except ConditionFailed:
            return

    def _change_if(
        self,
        endpoint: int,
        condition: str | None,
        wanted: Mapping[str, Any],
        values: Mapping[str, Any],
        more: Iterable[str] = (),  # names in the condition
    ) -> Item:
        sets = {name: value for name, value in values.items() if value is not None}
        removes = [name for name, value in values.items() if value is None]
        parts = ["SET " + ", ".join(f"#{n} = :{n}" for n in sets)] if sets else []
        parts += ["REMOVE " + ", ".join(f"#{n}" for n in removes)] if removes else []
        return self._table.update(
            keys.endpoint_state(endpoint),
            " ".join(parts),
            condition=condition,
            values={f":{n}": v for n, v in sets.items()} | {f":{n}_": v for n, v in wanted.items()},
            names={f"#{n}": n for n in {*values, *wanted, *more}},
        )


def _parked_item(endpoint: int, callback: Callback, due: int, until: int, attempts: int) -> Item:
    said = {"body": callback.body, "born": callback.born, "reference": callback.reference}
    key = keys.parked(endpoint, due, callback.id)
    return {**key, **said, "until": until, "attempts": attempts, "expires_at": until // 1000 + KEPT_SECONDS}


def _dead_item(endpoint: int, callback: Callback, at: int, why: str, attempts: int) -> Item:
    said = {"body": callback.body, "born": callback.born, "reference": callback.reference}
    key = keys.dead(endpoint, at, callback.id)
    return {
        **key,
        **said,
        "at": at,
        "why": why,
        "attempts": attempts,
        "expires_at": at // 1000 + KEPT_SECONDS,
    }


def _callback(item: Mapping[str, Any]) -> Callback:
    webhook_id = item["sk"].partition("#")[2]
    return Callback(webhook_id, item["body"], item["born"], item["reference"])


def _parked(item: Mapping[str, Any]) -> Parked:
    return Parked(_callback(item), (item["pk"], item["sk"]), item["until"], item["attempts"])


def _key(place: Place) -> keys.Key:
    return {"pk": place[0], "sk": place[1]}

"""Requests that wait for the sending hours, by workspace and opening. Access patterns: data-model.md [P63]–[P65]."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from kabar.storage import keys
from kabar.storage.dynamo import Table

KEPT_SECONDS = 90 * 86_400  # as long as the request itself


class Waiting(NamedTuple):
    """What waits for an opening (ms); `zones` are those of recipients whose own hours count, None where none do."""

    workspace: str
    opening: int
    zones: frozenset[str] | None = None


class Hold(NamedTuple):
    """One time that a request was held; `generation` is None for items of before there were any."""

    request: int
    generation: int | None
    key: keys.Key


class Held:
    """Items `held#<workspace>#<opening>#<shard>`, and one mark per workspace and opening that leads to them.

    Whoever is queued and held again is of another generation and has an item of its own: removing the one that was
    queued, however late, never removes what has begun to wait meanwhile.
    """

    def __init__(self, workspaces: Table, dispatch: Table) -> None:
        self._workspaces = workspaces
        self._dispatch = dispatch

    def put(
        self,
        workspace: str,
        opening: int,
        request: int,
        generation: int,
        now: int,
        zones: Collection[str] | None = None,
    ) -> None:
        """[P63] Hold a request until `opening` (ms), mark first. Without condition: the same again says the same, and
        the `zones` of all that wait for one opening come together.
        """
        places = set(filter(None, zones or ()))
        self._workspaces.update(
            keys.open_holding(workspace, opening),
            "SET #workspace = :workspace, #opening = :opening" + (" ADD #zones :zones" if places else ""),
            names={"#workspace": "workspace", "#opening": "opening"}
            | ({"#zones": "zones"} if places else {}),
            values={":workspace": workspace, ":opening": opening} | ({":zones": places} if places else {}),
            returns="NONE",
        )
        self._dispatch.put(
            keys.held(workspace, opening, request, generation)
            | {"request": request, "generation": generation, "expires_at": now // 1000 + KEPT_SECONDS}
        )

    def every(self, workspace: str, opening: int) -> Iterator[Hold]:
        """[P64] What waits for this opening."""
        for shard in range(keys.HELD_SHARDS):
            for item in self._dispatch.every(keys.held_pk(workspace, opening, shard), consistent=True):
                key = {"pk": item["pk"], "sk": item["sk"]}
                yield Hold(item["request"], item.get("generation"), key)

    def remove(self, holds: Iterable[Hold]) -> None:
        """[P64] They are in the queue again."""
        self._dispatch.batch_delete([hold.key for hold in holds])

    def openings(self, workspace: str | None = None) -> list[Waiting]:
        """[P65] What everything that waits waits for, in all workspaces or one.

        Consistent: whoever edits hours and then looks here sees who began to wait by the old ones.
        """
        prefix = f"held#{workspace}#" if workspace else "held#"
        return [
            Waiting(item["workspace"], item["opening"], frozenset(item["zones"]) if "zones" in item else None)
            for item in self._workspaces.every("open", prefix=prefix, consistent=True)
        ]

    def forget(self, workspace: str, opening: int) -> None:
        """[P65] Nothing waits for this opening, nor can any more."""
        self._workspaces.delete(keys.open_holding(workspace, opening))

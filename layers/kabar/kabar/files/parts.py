"""One task on one part of an import: its rows in, what came of them kept and logged [D3]."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kabar.domain.imports import PartRow, part_rows
from kabar.log import logger
from kabar.storage import work
from kabar.storage.dynamo import Table
from kabar.storage.import_parts import Parts
from kabar.storage.work import Work


@dataclass(frozen=True)
class PartSettings:
    """Of every function that works on parts."""

    dispatch_table: str
    work_bucket: str


@dataclass(frozen=True)
class Part:
    """One part that is being worked on since `now`, in ms."""

    workspace: str
    import_id: str
    number: int
    rows: list[PartRow]
    now: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    @property
    def mobiles(self) -> list[str]:
        return [mobile for mobile, _, _ in self.rows]


class Desk:
    """Where the parts of all imports are taken from and their results go."""

    def __init__(self, settings: PartSettings) -> None:
        self.work = Work(settings.work_bucket)
        self._parts = Parts(Table(settings.dispatch_table))

    def take(self, event: Mapping[str, Any], place: Callable[[str, int], str] = work.import_part) -> Part:
        """The part {workspace, import_id, part} of an event, from its `place` in the bucket."""
        logger.set_correlation_id(event.get("request_id"))
        name, number = event["import_id"], event["part"]
        return Part(event["workspace"], name, number, part_rows(self.work.get_part(place(name, number))))

    def checked(self, part: Part, result: dict[str, int]) -> dict[str, Any]:
        """The task's answer, once it is kept what the rows would come to."""
        self._parts.keep_checked(part.import_id, part.number, result, part.now)
        return self._done("part checked", part, result)

    def loaded(self, part: Part, result: dict[str, int]) -> dict[str, Any]:
        """The task's answer, once it is kept what became of the rows."""
        self._parts.keep_loaded(part.import_id, part.number, result, part.now)
        return self._done("part loaded", part, result)

    def _done(self, what: str, part: Part, result: dict[str, int]) -> dict[str, Any]:
        logger.info(what, workspace=part.workspace, import_id=part.import_id, part=part.number, result=result)
        return {"part": part.number}

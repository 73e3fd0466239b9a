"""`limit` and `cursor` of every listing, and the page that answers them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from aws_lambda_powertools.event_handler.openapi.params import Query

from cursors import Cursors
from schemas import Page

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  # an item as stored

Limit = Annotated[int, Query(ge=1, le=100, description="How many to show at most.")]
Cursor = Annotated[
    str | None, Query(max_length=1024, description="next_cursor of the page before; the first page has none.")
]


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing of one workspace; `scope` holds the route and what it is filtered by."""

    cursors: Cursors
    scope: tuple[str, ...]

    def position(self, cursor: str | None) -> str | None:
        """Where the page starts. Raises Problem for a cursor from elsewhere."""
        return None if cursor is None else self.cursors.open(self.scope, cursor)

    def page(self, items: Iterable[I], position: str | None, view: Callable[[I], T]) -> Page[T]:
        following = None if position is None else self.cursors.sign(self.scope, position)
        return Page(data=[view(item) for item in items], next_cursor=following)

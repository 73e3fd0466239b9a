"""Lists and imports as they are looked through, page by page. [P7]

A page is its items and where the next one starts (None at the end). Positions are plain JSON values; whoever
hands them to a client signs them.
"""

from kabar.storage import keys
from kabar.storage.dynamo import Item, Table

Position = str


def list_head(workspaces: Table, workspace: str, list_id: int) -> Item | None:
    """One list's head, or None."""
    return workspaces.get(keys.list_head(workspace, list_id))


def lists(
    workspaces: Table, workspace: str, limit: int, before: Position | None = None
) -> tuple[list[Item], Position | None]:
    """List heads, newest first."""
    return _newest(workspaces, workspace, "list#", limit, before)


def import_head(workspaces: Table, workspace: str, import_id: str) -> Item | None:
    """One import's head, or None."""
    return workspaces.get(keys.import_head(workspace, import_id))


def newest_import_of(workspaces: Table, workspace: str, object_key: str) -> Item | None:
    """The newest import of an object, or None before it exists."""
    pointer = workspaces.get(keys.import_object(workspace, object_key))
    return import_head(workspaces, workspace, pointer["import_id"]) if pointer else None


def imports(
    workspaces: Table, workspace: str, limit: int, before: Position | None = None
) -> tuple[list[Item], Position | None]:
    """Import heads, newest first."""
    pointers, position = _newest(workspaces, workspace, "importtime#", limit, before)
    wanted = [keys.import_head(workspace, pointer["import_id"]) for pointer in pointers]
    heads = workspaces.batch_get(wanted)
    return [heads[key["pk"], key["sk"]] for key in wanted if (key["pk"], key["sk"]) in heads], position


def _newest(
    workspaces: Table, workspace: str, prefix: str, limit: int, before: Position | None
) -> tuple[list[Item], Position | None]:
    pk = keys.workspace_pk(workspace)
    start = {"pk": pk, "sk": before} if before else None
    page = workspaces.query(pk, prefix=prefix, reverse=True, limit=limit + 1, start=start)
    more = len(page.items) > limit
    return page.items[:limit], page.items[limit - 1]["sk"] if more else None

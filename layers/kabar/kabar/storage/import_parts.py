"""What the parts of an import came to [D3]. [P9]"""

from kabar.storage import keys
from kabar.storage.dynamo import Table

CHECKED = ("opted_out", "accepted", "corrected", "implausible")
COUNTED = ("to_delete", "missing")
LOADED = ("added", "readded", "updated", "opted_out", "deleted", "left", "blacklisted")
_KEPT_SECONDS = 90 * 86_400


class Parts:
    """Those of all imports, in the dispatch table: {checked?, loaded?} each."""

    def __init__(self, dispatch: Table) -> None:
        self._dispatch = dispatch

    def keep_checked(self, import_id: str, part: int, result: dict[str, int], now: int) -> None:
        """What the check of one part found: {opted_out, accepted, corrected, implausible}."""
        self._keep(import_id, part, "checked", result, now)

    def keep_loaded(self, import_id: str, part: int, result: dict[str, int], now: int) -> None:
        """What loading one part did, see members.py."""
        self._keep(import_id, part, "loaded", result, now)

    def sums(self, import_id: str) -> tuple[int, dict[str, int], dict[str, int]]:
        """(how many parts are loaded, the sums of what was checked, those of what was loaded)."""
        done, checked, loaded = 0, dict.fromkeys((*CHECKED, *COUNTED), 0), dict.fromkeys(LOADED, 0)
        for part in self._dispatch.every(keys.import_part(import_id, 0)["pk"], consistent=True):
            done += "loaded" in part
            for sums, what in ((checked, "checked"), (loaded, "loaded")):
                for name, count in part.get(what, {}).items():
                    sums[name] += count
        return done, checked, loaded

    def loaded_by_list(self, import_id: str, parts_per_list: int) -> dict[int, dict[str, int]]:
        """The sums of what was loaded into each list of a split import, by its position from 0."""
        found: dict[int, dict[str, int]] = {}
        for part in self._dispatch.every(keys.import_part(import_id, 0)["pk"], consistent=True):
            at = (int(part["sk"].rpartition("#")[2]) - 1) // parts_per_list
            sums = found.setdefault(at, dict.fromkeys(LOADED, 0))
            for name, count in part.get("loaded", {}).items():
                sums[name] += count
        return found

    def _keep(self, import_id: str, part: int, what: str, result: dict[str, int], now: int) -> None:
        # no condition: a part that is done again finds the same
        self._dispatch.update(
            keys.import_part(import_id, part),
            "SET #what = :result, expires_at = :until",
            names={"#what": what},
            values={":result": result, ":until": now // 1000 + _KEPT_SECONDS},
        )

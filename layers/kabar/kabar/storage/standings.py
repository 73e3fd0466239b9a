"""Who may not be messaged through a list. [P30]"""

from collections.abc import Mapping, Sequence

from kabar.domain.standing import suppression
from kabar.domain.statuses import Reason
from kabar.storage import keys
from kabar.storage.dynamo import Table


def suppressed(
    people: Table, workspace: str, list_id: int | None, mobiles: Sequence[str]
) -> Mapping[str, Reason]:
    """One consistent read per 100 numbers; absent ones may be messaged."""
    found = people.batch_get([keys.standing(workspace, m) for m in dict.fromkeys(mobiles)], consistent=True)
    reasons = {
        mobile: suppression(found.get((keys.person_pk(workspace, mobile), "standing")), list_id)
        for mobile in mobiles
    }
    return {mobile: reason for mobile, reason in reasons.items() if reason is not Reason.NONE}

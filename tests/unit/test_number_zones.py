"""Where a number may be: every zone of its country unless its digits say more [G3]."""

from zoneinfo import ZoneInfo

import pytest

from kabar.domain.number_zones import NOWHERE, _table, zones_of


@pytest.mark.parametrize(
    ("mobile", "zones"),
    [
        ("+905321234567", "Europe/Istanbul"),
        ("+12125551234", "America/New_York"),
        ("+13105551234", "America/Los_Angeles"),
        ("+12425551234", "America/Nassau"),  # the Bahamas share +1, and have a zone of their own
        ("+64211234567", "Pacific/Auckland Pacific/Chatham"),
        ("+34612345678", "Atlantic/Canary Europe/Madrid"),  # a Spanish mobile may be on the Canaries
        ("+34922123456", "Atlantic/Canary"),  # and a landline of Tenerife is
        ("+447911123456", "Europe/Guernsey Europe/Isle_of_Man Europe/Jersey Europe/London"),
        ("+529981234567", "America/Cancun"),
        ("+77011234567", "Asia/Almaty Asia/Aqtobe"),
        ("+74012123456", "Europe/Kaliningrad"),
        ("+870771234567", NOWHERE),  # Inmarsat
        ("+80012345678", NOWHERE),  # freephone, of no country
        ("+9999999999", NOWHERE),
    ],
)
def test_a_number_tells_where_it_may_be(mobile: str, zones: str) -> None:
    assert zones_of(mobile) == zones


@pytest.mark.parametrize(
    ("mobile", "some"),
    [
        ("+61412345678", {"Australia/Perth", "Australia/Sydney", "Australia/Lord_Howe"}),
        ("+79161234567", {"Europe/Moscow", "Asia/Kamchatka", "Europe/Kaliningrad"}),
        ("+18005551234", {"America/New_York", "Pacific/Honolulu", "Pacific/Guam"}),
        ("+529001234567", {"America/Mexico_City", "America/Tijuana"}),
        ("+2995551234", {"America/Godthab", "America/Thule"}),
    ],
)
def test_mobiles_and_freephone_may_be_anywhere_in_their_country(mobile: str, some: set[str]) -> None:
    assert some <= set(zones_of(mobile).split())


def test_all_zones_of_the_table_are_known_here() -> None:
    table = _table()
    assert len(table.zones) > 3000
    for zones in set(table.zones.values()):
        for name in zones.split():
            assert ZoneInfo(name).key == name

"""Which country a number belongs to, against libphonenumber's numbering plans."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.countries import COUNTRIES, country_of

# numbers of one plan that no digits tell apart
SHARED = {"AX": "FI", "BL": "GP", "CC": "AU", "CX": "AU", "EH": "MA", "MF": "GP", "SJ": "NO", "VA": "IT"}
MOBILE = phonenumbers.PhoneNumberType.MOBILE
EITHER = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE


def example(region: str) -> str | None:
    number = phonenumbers.example_number_for_type(region, MOBILE)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if number else None


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_mobile_of_every_country_is_told(region: str) -> None:
    mobile = example(region)
    assert mobile is None or country_of(mobile) == SHARED.get(region, region)


@pytest.mark.parametrize(
    ("mobile", "country"),
    [
        ("+14165550123", "CA"),
        ("+12125550123", "US"),
        ("+77011234567", "KZ"),
        ("+79161234567", "RU"),
        ("+80012345678", None),
        ("+88612345678", "TW"),
        ("+2101234567", None),
        ("+1", "US"),
        ("+", None),
    ],
)
def test_the_longest_prefix_counts(mobile: str, country: str | None) -> None:
    assert country_of(mobile) == country


@pytest.mark.parametrize("third", range(10))
def test_the_mobiles_of_british_islands_are_theirs_to_the_last_prefix(third: int) -> None:
    wrong = []
    for rest in range(1000):
        mobile = f"+447{third}{rest:03d}12345"
        owner = phonenumbers.region_code_for_number(phonenumbers.parse(mobile))
        if owner and country_of(mobile) != owner and not mobile.startswith("+447924"):
            wrong.append(mobile)
    assert not wrong


@given(st.sampled_from(sorted(COUNTRIES)), st.integers(1, 9), st.text("0123456789", min_size=12, max_size=12))
def test_no_mobile_is_given_to_another_country(region: str, kept: int, digits: str) -> None:
    known = example(region)
    if known is None:
        return
    mobile = known[: 1 + kept] + digits[: len(known) - 1 - kept]
    try:
        number = phonenumbers.parse(mobile)
    except phonenumbers.NumberParseException:
        return
    owner = phonenumbers.region_code_for_number(number)
    if owner and phonenumbers.number_type(number) in (MOBILE, EITHER) and not mobile.startswith("+447924"):
        assert country_of(mobile) == SHARED.get(owner, owner)  # +447924 is the Isle of Man's only in part

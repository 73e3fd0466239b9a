"""Numbers are as plausible as libphonenumber finds them [B3]."""

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kabar.domain import plausibility

EXAMPLES = [
    phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in range(11)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]


def told(mobile: str) -> bool:
    """What libphonenumber says."""
    try:
        return not phonenumbers.is_valid_number(phonenumbers.parse(mobile))
    except phonenumbers.NumberParseException:
        return True


def test_every_regions_numbers_of_every_kind_are_plausible() -> None:
    assert len(EXAMPLES) > 1_000
    assert [mobile for mobile in EXAMPLES if plausibility.implausible(mobile)] == []


@given(
    st.sampled_from(EXAMPLES),
    st.lists(st.tuples(st.integers(2, 14), st.sampled_from("0123456789")), max_size=4),
)
def test_a_number_that_is_like_a_plausible_one_is_judged_alike(
    like: str, edits: list[tuple[int, str]]
) -> None:
    mobile = like
    for at, digit in edits:
        mobile = mobile[:at] + digit + mobile[at + (at % 3 > 0) :]
    assert plausibility.implausible(mobile) == told(mobile)


@given(st.integers(10**6, 10**15 - 1).map("+{}".format))
@example("+6427123456")
@example("+642912345")
@example("+6421000000")
def test_any_number_is_judged_alike(mobile: str) -> None:
    assert plausibility.implausible(mobile) == told(mobile)


@pytest.mark.parametrize(
    ("mobile", "implausible"),
    [
        ("+6427123456", True),  # the source's own samples [B3]
        ("+642912345", True),
        ("+6421000000", False),  # its "typical bad number"
        ("+6402112345678", False),  # the national prefix is left out
        ("+39061234567", False),  # a leading zero that belongs to the number
        ("+999123456789", True),
    ],
)
def test_the_sources_samples(mobile: str, implausible: bool) -> None:
    assert plausibility.implausible(mobile) is implausible is told(mobile)

"""Whether a number can exist, by the numbering plans that libphonenumber knows [B3].

libphonenumber parses and judges one number in 16 µs. A number in international form that has no national prefix
needs no parsing: for such a one its plans, as one pattern a region, say the same in a tenth of the time.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

_TYPES = (
    *("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail"),
    *("fixed_line", "mobile"),
)
_NOT_GEOGRAPHIC = "001"

Test = Callable[[str], object]


def implausible(mobile: str) -> bool:
    """Whether no numbering plan has this number, which is in international form [B2]."""
    for end in (2, 3, 4):
        code = _plan(mobile[1:end])
        if code is None:
            continue
        needs_parsing, regions = code
        national = mobile[end:]
        if needs_parsing(national) or len(national) < 2:
            break
        for belongs, is_valid in regions:
            if belongs(national):
                return not is_valid(national)
        return True
    return _implausible(mobile)


def _implausible(mobile: str) -> bool:
    """As libphonenumber itself says."""
    import phonenumbers  # only here, and in no layer but that of imports

    try:
        return not phonenumbers.is_valid_number(phonenumbers.parse(mobile))
    except phonenumbers.NumberParseException:  # an unknown country, say
        return True


@cache
def _plan(code: str) -> tuple[Test, list[tuple[Test, Test]]] | None:
    """(what has to be parsed, the regions in order: whether a number belongs there, whether it is valid there).

    None when `code` is no country's.
    """
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    if regions is None:
        return None
    plans = [PhoneMetadata.metadata_for_region(region, None) for region in regions]
    if regions[0] == _NOT_GEOGRAPHIC or plans[0] is None:
        return str, []  # always parsed
    prefix = plans[0].national_prefix_for_parsing
    tests: list[tuple[Test, Test]] = []
    for plan in filter(None, plans):
        is_valid: Test = re.compile(_numbers(plan)).fullmatch
        belongs: Test = re.compile(plan.leading_digits).match if plan.leading_digits else is_valid
        tests.append((belongs, is_valid))
    needs_parsing: Test = re.compile(f"0|(?:{prefix})" if prefix else "0").match
    return needs_parsing, tests


def _numbers(plan: Any) -> str:
    """A pattern of all numbers of a region: they fit its general description and one of a type."""
    types = [getattr(plan, name) for name in _TYPES]
    return f"(?={_described(plan.general_desc)}$)(?:{'|'.join(filter(None, map(_described, types)))})"


def _described(description: Any) -> str:
    if description is None or not description.national_number_pattern:
        return ""
    lengths = "|".join(f".{{{length}}}" for length in description.possible_length)
    return (
        f"(?:(?=(?:{lengths})$)(?:{description.national_number_pattern}))"
        if lengths
        else (f"(?:{description.national_number_pattern})")
    )

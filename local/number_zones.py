"""`make zones`: the table of the time zones that numbers may be in, from libphonenumber's data.

libphonenumber knows zones for the first digits of numbers that have a place. Numbers of the same digits that have none
(mobiles of most countries, freephone, voice over IP) may be anywhere in their country. The table answers by digits
alone, so where both kinds begin alike it says the zones of the whole country: never fewer than there may be.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]  # what a pattern is made of; no other module says
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType
from phonenumbers.phonenumberutil import is_number_type_geographical
from phonenumbers.tzdata import (  # type: ignore[import-not-found]  # not in phonenumberslite, which checks see
    TIMEZONE_DATA,
    TIMEZONE_LONGEST_PREFIX,
)

from local.trouble import Trouble, run

TABLE = Path(__file__).parent.parent / "layers/kabar/kabar/domain/number_zones.json"
TYPES = {
    name: getattr(PhoneNumberType, name.upper())
    for name in (
        *("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail"),
        *("fixed_line", "mobile"),
    )
}
Zones = tuple[str, ...]


class _Fits(Exception):
    """A number that fits the pattern begins with all the digits."""


def may_begin(pattern: str, digits: str) -> bool:
    """Whether some number that fits `pattern` begins with `digits`; lookaheads count as fulfilled."""
    try:
        _walk(_parser.parse(pattern), digits, 0)
    except _Fits:
        return True
    return False


def _walk(nodes: Iterable[Any], digits: str, start: int) -> set[int]:
    """How many of the digits may be used up behind `nodes`. Raises _Fits."""
    here = {start}
    for kind, what in nodes:
        here = {after for at in here for after in _step(kind, what, digits, at)}
    if len(digits) in here:
        raise _Fits
    return here


def _step(kind: Any, what: Any, digits: str, at: int) -> set[int]:
    if kind in (_constants.ASSERT, _constants.ASSERT_NOT):
        return {at}
    if kind is _constants.SUBPATTERN:
        return _walk(what[3], digits, at)
    if kind is _constants.BRANCH:
        return {after for branch in what[1] for after in _walk(branch, digits, at)}
    if kind is _constants.MAX_REPEAT:
        least, most, inner = what
        reached, here = ({at} if not least else set()), {at}
        for times in range(1, min(most, 20) + 1):
            here = {after for each in here for after in _walk(inner, digits, each)}
            reached |= here if times >= least else set()
        return reached
    if at == len(digits):
        raise _Fits
    return {at + 1} if _is(kind, what, digits[at]) else set()


def _is(kind: Any, what: Any, digit: str) -> bool:
    if kind is _constants.LITERAL:
        return bool(ord(digit) == what)
    if kind is _constants.RANGE:
        return bool(what[0] <= ord(digit) <= what[1])
    if kind is _constants.IN:
        return any(_is(inner, of, digit) for inner, of in what)
    if kind in (_constants.ANY, _constants.CATEGORY):
        return True
    raise Trouble(
        f"A numbering plan has a pattern of a new kind, {kind}: teach local/number_zones.py to read it."
    )


@cache
def _kinds(code: str, region: str) -> list[tuple[str, bool]]:
    """(pattern, whether it has a place) of each kind of number of a region; those that no SMS reaches are left out.

    Short numbers that only the region itself can dial (Canada's 310) would widen the zones of long ones.
    """
    plan = PhoneMetadata.metadata_for_region(region, None)
    found = {name: getattr(plan, name) for name in TYPES}
    lengths = {n for name in ("fixed_line", "mobile") if found[name] for n in found[name].possible_length}
    one = bool(found["mobile"] and found["fixed_line"]) and (
        found["mobile"].national_number_pattern == found["fixed_line"].national_number_pattern
    )
    return [
        (
            each.national_number_pattern,
            (name == "mobile" and one) or is_number_type_geographical(TYPES[name], int(code)),
        )
        for name, each in found.items()
        if each
        and each.national_number_pattern
        and not (lengths and lengths.isdisjoint(each.possible_length))
    ]


def _regions(code: str, national: str) -> Iterator[str]:
    for region in COUNTRY_CODE_TO_REGION_CODE[int(code)]:
        plan = PhoneMetadata.metadata_for_region(region, None)
        if plan and may_begin(f"(?:{plan.leading_digits or ''}).*", national):
            yield region


def _code(prefix: str) -> str:
    return next(prefix[:n] for n in (1, 2, 3) if int(prefix[:n]) in COUNTRY_CODE_TO_REGION_CODE)


@cache
def _anywhere(code: str, region: str) -> frozenset[str]:
    """All zones that numbers of a region may be in."""
    kinds = [pattern for pattern, _ in _kinds(code, region)]
    there = [
        zones
        for prefix, zones in TIMEZONE_DATA.items()
        if prefix != code == _code(prefix)
        and region in _regions(code, prefix[len(code) :])
        and any(may_begin(pattern, prefix[len(code) :]) for pattern in kinds)
    ]
    return frozenset(zone for zones in there or [TIMEZONE_DATA[code]] for zone in zones)


def split(prefix: str, zones: Zones) -> Iterator[tuple[str, Zones]]:
    """The zones of a prefix; of longer ones where that parts numbers that have a place from those that have none."""
    code = _code(prefix)
    national, placed, free = prefix[len(code) :], False, set[str]()
    for region in _regions(code, national):
        for pattern, has_place in _kinds(code, region):
            if may_begin(pattern, national):
                placed = placed or has_place
                free |= set() if has_place else _anywhere(code, region)
    if free <= set(zones):
        yield prefix, zones
    elif not placed or len(prefix) >= TIMEZONE_LONGEST_PREFIX:
        yield prefix, tuple(sorted(free.union(zones)))
    else:
        for digit in "0123456789":
            longer = prefix + digit
            yield from split(longer, TIMEZONE_DATA.get(longer, zones))


def table() -> dict[str, Zones]:
    """Zones by the first digits of a number without its +; the longest that fit count."""
    found = {prefix: zones for prefix, zones in TIMEZONE_DATA.items() if prefix == _code(prefix)}
    for prefix, zones in TIMEZONE_DATA.items():
        if prefix != _code(prefix):
            parts = dict(split(prefix, zones))
            found |= {each: parts[each] for each in parts if each == prefix or each not in TIMEZONE_DATA}
    return {
        prefix: _corrected(_code(prefix), zones)
        for prefix, zones in found.items()
        if zones != _longest(found, prefix[:-1])
    }


def _longest(found: Mapping[str, Zones], digits: str) -> Zones:
    return next((found[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in found), ())


def _corrected(code: str, zones: Zones) -> Zones:
    """Kaliningrad has had no summer time since 2011, and libphonenumber writes a zone that has."""
    return tuple(
        "Europe/Kaliningrad" if (code, zone) == ("7", "Europe/Bucharest") else zone for zone in zones
    )


def check(found: dict[str, Zones]) -> int:
    """Hold the table against libphonenumber's example numbers; how many. Raises Trouble."""
    checked = 0
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            for kind in TYPES.values():
                number = phonenumbers.example_number_for_type(region, kind)
                if number is None or str(code) not in TIMEZONE_DATA:
                    continue
                digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
                placed = is_number_type_geographical(phonenumbers.number_type(number), code)
                least = _corrected(str(code), _longest(TIMEZONE_DATA, digits)) if placed else ()
                if not set(least) <= set(_longest(found, digits)):
                    raise Trouble(
                        f"+{digits} may be in {least}, and the table says {_longest(found, digits)}."
                    )
                checked += 1
    return checked


def main() -> int:
    """Write the table anew."""
    found = table()
    for zone in {zone for zones in found.values() for zone in zones}:
        ZoneInfo(zone)
    by_zones: dict[str, list[str]] = defaultdict(list)
    for prefix in sorted(found):
        by_zones[" ".join(found[prefix])].append(prefix)
    told = {
        "source": f"libphonenumber {version('phonenumbers')}",
        "prefixes": {zones: " ".join(by_zones[zones]) for zones in sorted(by_zones)},
    }
    TABLE.write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")
    print(f"{len(found)} prefixes, {len(by_zones)} sets of zones; {check(found)} example numbers agree.")
    return 0


if __name__ == "__main__":
    run(main)

"""Merging a text and counting its segments, against the obvious way to do both."""

from collections.abc import Callable, Sequence
from time import process_time

from kabar.domain import segments, text

RECIPIENTS = 2_000
ROUNDS = 9

_ONE = "Hi %%1%%, your order %%2%% is ready at %%3%%. Show this message until Friday. To stop, answer STOP."
_TWO = _ONE + (
    " Opening hours: Monday to Friday 9 to 18, Saturday 10 to 16. Questions? Call us, write to us, or come"
    " by: we are in the street behind the station."
)
_CASES = {"": _ONE, "_2": _TWO, "_2_escape": _TWO.replace("Saturday", "[Saturday]")}
_BASIC = frozenset(segments.BASIC)
_EXTENSION = frozenset(segments.EXTENSION)

Params = Sequence[str]


def measure() -> dict[str, float]:
    """`merge_segments_vs_naive` (texts of one segment), `…_2` (two), `…_2_escape` (two, with brackets)."""
    people = [(f"Budi {n % 97}", f"TR-{n:06d}", "Kadikoy", "", "", "") for n in range(RECIPIENTS)]
    figures: dict[str, float] = {}
    for suffix, source in _CASES.items():
        if _ours(source, people) != _naive(source, people):
            raise AssertionError(f"the two ways to count disagree on: {source}")
        ours, naive = [], []
        for _ in range(ROUNDS):  # by turns, and the best of each: noise only ever adds
            ours.append(_us_per_message(_ours, source, people))
            naive.append(_us_per_message(_naive, source, people))
        figures[f"merge_segments_vs_naive{suffix}"] = min(naive) / min(ours)
        figures[f"merge_segments_us{suffix}"] = min(ours)
        figures[f"merge_segments_naive_us{suffix}"] = min(naive)
    return figures


def _us_per_message(
    way: Callable[[str, Sequence[Params]], int], source: str, people: Sequence[Params]
) -> float:
    start = process_time()
    way(source, people)
    return (process_time() - start) / len(people) * 1e6


def _ours(source: str, people: Sequence[Params]) -> int:
    merge = text.parse(source).merge
    count = segments.count
    return sum(count(merge(params)).segments for params in people)


def _naive(source: str, people: Sequence[Params]) -> int:
    return sum(_naive_segments(_naive_merge(source, params)) for params in people)


def _naive_merge(source: str, params: Params) -> str:
    for number, value in enumerate(params, 1):
        source = source.replace(f"%%{number}%%", value)
    return source


def _naive_segments(merged: str) -> int:
    costs = []
    for character in merged:
        if character in _BASIC:
            costs.append(1)
        elif character in _EXTENSION:
            costs.append(2)
        else:
            raise ValueError("the measured texts are GSM-7")
    if sum(costs) <= 160:
        return 1
    parts, used = 1, 0
    for cost in costs:
        if used + cost > 153:
            parts, used = parts + 1, 0
        used += cost
    return parts

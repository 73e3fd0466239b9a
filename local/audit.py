"""Does what the product says agree with what the carrier saw? Every difference is a sentence."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from local.job import Accepted

SHOWN = 5  # examples of one kind of difference
BUCKETS = ("accepted", "corrected", "duplicates", "opted_out", "rejected")


def buckets(found: Mapping[str, Any], expected: Mapping[str, int]) -> list[str]:
    """An import's numbers against those of the answers; rows read must be their sum."""
    wrong = [
        f"import: {found.get(name)} {name} instead of {count}"
        for name, count in expected.items()
        if found.get(name) != count
    ]
    total = sum(found.get(name) or 0 for name in BUCKETS)
    if found.get("rows_read") != total:
        wrong.append(f"import: {found.get('rows_read')} rows read, but its buckets hold {total}")
    return wrong


def sent(
    name: str,
    accepted: Sequence[Accepted],
    texts: Mapping[str, str],
    *,
    left_out: Collection[str] = (),
    missing_allowed: int = 0,
) -> list[str]:
    """One message each to those of `texts` (mobile -> text) who aren't `left_out`, with exactly that text.

    `missing_allowed` is how many may be missing because the report says *uncertain*.
    """
    wrong: list[str] = []
    times = Counter(message.to for message in accepted)
    wrong += _examples(name, "messaged more than once", [to for to, count in times.items() if count > 1])
    wrong += _examples(name, "messaged without being a recipient", [to for to in times if to not in texts])
    wrong += _examples(name, "messaged though left out", [to for to in times if to in left_out])
    skipped = [to for to in texts if to not in times and to not in left_out]
    if len(skipped) > missing_allowed:
        wrong += _examples(name, f"skipped ({missing_allowed} are uncertain)", skipped)
    wrong += _examples(
        name,
        "sent another text than asked",
        [f"{m.to} {m.text!r}" for m in accepted if texts.get(m.to, m.text) != m.text],
    )
    return wrong


def report(
    name: str, found: Mapping[str, Any], recipients: int, statuses: Mapping[str, int], segments: int | None
) -> list[str]:
    """A campaign's report against the carrier's statuses; whatever isn't named must be zero.

    `segments` is None where the carrier can't know them: some messages never reached it.
    """
    counts = {word: count for word, count in found["statuses"].items() if count}
    expected = {word: count for word, count in statuses.items() if count}
    wrong = [
        f"{name}: the report says {counts.get(word, 0)} {word} instead of {expected.get(word, 0)}"
        for word in sorted(counts.keys() | expected.keys())
        if counts.get(word, 0) != expected.get(word, 0)
    ]
    if found["recipients"] != recipients:
        wrong.append(f"{name}: the report has {found['recipients']} recipients instead of {recipients}")
    if sum(counts.values()) != found["recipients"]:
        wrong.append(f"{name}: the statuses add up to {sum(counts.values())}, not to {found['recipients']}")
    if segments is not None and found["segments"] != segments:
        wrong.append(f"{name}: the report has {found['segments']} segments, the carrier {segments}")
    return wrong


def _examples(name: str, what: str, cases: Sequence[str]) -> list[str]:
    if not cases:
        return []
    more = ", …" if len(cases) > SHOWN else ""
    return [f"{name}: {len(cases)} {what}: {', '.join(cases[:SHOWN])}{more}"]

"""What goes in and out of the API about previews and pre-flights [E1]–[E4] [F6]."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from kabar.domain.estimates import Estimate
from kabar.domain.preflights import RULES, Findings, NotSent
from kabar.domain.prices import amount
from list_schemas import Params
from price_schemas import Cost, CountryCost
from schemas import Count, Id, Mobile, View
from text_schemas import EncodingName, Message

Alphabet = Annotated[
    Literal["gsm7", "turkish_single", "turkish_locking", "turkish_both", "ucs2"],
    Field(description="What the text takes on the air."),
]
Why = Literal["duplicate", "invalid", "empty", "opted_out", "blacklisted", "no_consent", "no_common_hours"]
Placeholder = Annotated[int, Field(ge=1, le=6)]
LOOKED_FOR = [why for why in RULES if why is not NotSent.NO_COMMON_HOURS]


class Draft(Message):
    """A message to look at before it is sent: with these params, for the members of a list, or both."""

    params: Params = Field(default_factory=list)
    list_id: Id | None = Field(default=None, description="The list whose members it would go to.")


class Replacement(View):
    """A character that smart encoding replaces."""

    character: str = Field(examples=["“"])
    by: str = Field(examples=['"'])
    times: Count


class Outsider(View):
    """A character that the encoding doesn't hold, so that texts with it take UCS-2."""

    character: str = Field(examples=["😀"])
    times: Count = Field(description="In how many texts it is.")


class MissingParam(View):
    """A placeholder that some have nothing for."""

    placeholder: Placeholder
    recipients: Count
    mobiles: list[Mobile] = Field(description="Some of them.")


class SegmentCount(View):
    """How many recipients get so many segments."""

    segments: Count
    recipients: Count


class AlphabetCount(View):
    """How many texts take an alphabet."""

    alphabet: Alphabet
    recipients: Count


class NotSentCount(View):
    """How many get nothing for one reason."""

    reason: Why
    rule: str = Field(examples=["The number is on the blacklist."])
    recipients: Count


class Sample(View):
    """The text as one recipient would get it."""

    mobile: Mobile
    text: str
    alphabet: Alphabet
    segments: Count


class Figures(View):
    """What a message to many comes to."""

    segments: Count
    by_segments: list[SegmentCount]
    by_alphabet: list[AlphabetCount]
    missing: list[MissingParam]
    replaced: list[Replacement]
    outside: list[Outsider]
    cost: Cost | None = Field(description="Null while no prices are set (`/v1/settings/prices`).")

    @staticmethod
    def fields_of(estimate: Estimate, currency: str | None) -> dict[str, Any]:
        """The fields that all figures have."""
        countries = [
            CountryCost(country=country or None, recipients=n, segments=segments, amount=amount(cost))
            for country, (n, segments, cost) in sorted(estimate.by_country.items())
        ]
        return {
            "segments": estimate.segments,
            "by_segments": [
                SegmentCount(segments=segments, recipients=n)
                for segments, n in sorted(estimate.by_segments.items())
            ],
            "by_alphabet": [
                AlphabetCount.model_validate({"alphabet": alphabet, "recipients": n})
                for alphabet, n in sorted(estimate.by_alphabet.items())
            ],
            "missing": [
                MissingParam(placeholder=n, recipients=hit, mobiles=estimate.examples[n])
                for n, hit in sorted(estimate.missing.items())
            ],
            "replaced": replacements(estimate.replaced),
            "outside": [Outsider(character=c, times=n) for c, n in estimate.outside.most_common()],
            "cost": Cost(
                currency=currency,
                amount=amount(estimate.cost),
                unpriced_segments=estimate.unpriced,
                countries=countries,
            )
            if currency
            else None,
        }


class ListPreview(Figures):
    """What the message comes to for the members of a list, as they are now."""

    list_id: Id
    members: Count = Field(description="Members of the list, without deleted ones.")
    looked_at: Count = Field(description="How many of them were looked at.")
    complete: bool = Field(description="Whether that is all of them; a pre-flight looks at all.")
    recipients: Count = Field(
        description="Those looked at who would get the message, as far as is known now."
    )
    not_sent: list[NotSentCount] = Field(
        description="Why the others would get nothing; the sending hours are looked at by a pre-flight only."
    )
    samples: list[Sample]

    @classmethod
    def of(
        cls,
        head: Mapping[str, Any],
        found: Findings,
        samples: list[Sample],
        currency: str | None,
        *,
        complete: bool,
    ) -> "ListPreview":
        return cls(
            list_id=head["id"],
            members=head.get("members", 0),
            looked_at=found.members,
            complete=complete,
            recipients=found.estimate.recipients,
            not_sent=not_sent(found, LOOKED_FOR),
            samples=samples,
            **cls.fields_of(found.estimate, currency),
        )


class PreviewView(View):
    """How a message looks and what it takes on the air."""

    text: str = Field(description="Merged with the params that were given.")
    encoding: EncodingName
    alphabet: Alphabet
    units: Count = Field(description="Septets in GSM-7 and the Turkish tables, UTF-16 units in UCS-2.")
    segments: Count
    placeholders: list[Placeholder] = Field(description="Those that the text uses.")
    missing: list[Placeholder] = Field(description="Those of them whose param is missing or empty.")
    replaced: list[Replacement]
    outside: list[str] = Field(
        description="Characters that the encoding doesn't hold: they cost the alphabet."
    )
    carrier: str
    offered: list[EncodingName] = Field(description="The encodings that the workspace's carrier offers.")
    list_preview: ListPreview | None = Field(description="For the members of the list, if one was named.")


def not_sent(found: Findings, reasons: Iterable[NotSent]) -> list[NotSentCount]:
    """Of each of these reasons, whether it was met or not."""
    return [
        NotSentCount(reason=why.value, rule=RULES[why], recipients=found.not_sent[why.value])
        for why in reasons
    ]


def replacements(counted: Mapping[tuple[str, str], int]) -> list[Replacement]:
    """Most frequent first."""
    ranked = sorted(counted.items(), key=lambda each: -each[1])
    return [Replacement(character=old, by=new, times=times) for (old, new), times in ranked]

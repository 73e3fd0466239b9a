"""How a message looks and what it takes on the air, before it is sent [E1]–[E4]."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from aws_lambda_powertools.event_handler.api_gateway import Router

from kabar.domain import smart
from kabar.domain.composing import Composer, composer
from kabar.domain.preflights import Findings
from kabar.domain.prices import prices as price_list
from kabar.domain.recipients import Member, Selection
from kabar.domain.segments import outside
from kabar.storage import browse, keys, prices, standings, workspaces
from message_texts import offered, text_of
from preview_schemas import Draft, ListPreview, PreviewView, Sample, replacements
from problems import invalid
from wiring import CallerOf, table

router = Router()
LOOKED_AT = 1000  # members at most: more is what a pre-flight is for
SAMPLES = 5


@router.post(
    "/v1/previews",
    summary="Preview a message: merged text, segments, replaced characters, missing params, cost",
    description="For a list the figures are about its first 1,000 members, judged as a run would. Nothing is stored.",
    tags=["Previews"],
    operation_id="preview_message",
)
def preview_message(draft: Draft, caller: CallerOf) -> PreviewView:
    settings = workspaces.settings(table("workspaces"), caller.workspace)
    text = text_of(draft, table("workspaces"), caller.workspace)
    made = composer({"text": text, "encoding": draft.encoding, "smart": draft.smart})
    merged = made.text(draft.params)
    counted = made.count(merged)
    replaced = smart.replaced(made.template.merge(draft.params), made.encoding) if draft.smart else {}
    return PreviewView(
        text=merged,
        encoding=draft.encoding,
        alphabet=counted.encoding,
        units=counted.units,
        segments=counted.segments,
        placeholders=list(made.template.placeholders),
        missing=list(made.template.missing(draft.params)),
        replaced=replacements(replaced),
        outside=outside(merged, made.encoding),
        carrier=settings["carrier"],
        offered=[encoding.value for encoding in offered(settings["carrier"], caller.workspace)],
        list_preview=None
        if draft.list_id is None
        else _of_list(draft.list_id, caller.workspace, made, settings["max_digits"]),
    )


def _of_list(list_id: int, workspace: str, made: Composer, max_digits: int) -> ListPreview:
    """What a run would do to the first members, the sending hours apart."""
    head = browse.list_head(table("workspaces"), workspace, list_id)
    if head is None:
        raise invalid("list_id", "there is no list with this id")
    known = price_list(prices.get(table("workspaces"), workspace))
    members = _members(list_id)
    looked_at = list(islice(members, LOOKED_AT))
    selection = Selection(made, max_digits)
    texts = list(selection.texts(looked_at))
    mobiles = [mobile for mobile, *_ in texts]
    suppressed = standings.suppressed(table("people"), workspace, list_id, mobiles)
    found = Findings(Counter(reason.word for reason in suppressed.values()))
    found.not_sent.update({why.value: times for why, times in selection.left_out.items()})
    samples: list[Sample] = []
    for mobile, params, text in texts:
        if mobile in suppressed:
            continue
        found.estimate.add(made, known, mobile, params)
        if len(samples) < SAMPLES:
            counted = made.count(text)
            samples.append(
                Sample(mobile=mobile, text=text, alphabet=counted.encoding, segments=counted.segments)
            )
    for mobile, params in looked_at:
        if not made.text(params):
            found.estimate.lacks(made, mobile, params)
    currency = known.currency if known else None
    return ListPreview.of(head, found, samples, currency, complete=next(members, None) is None)


def _members(list_id: int) -> Iterator[Member]:
    """Those on the list, in the order in which a campaign would freeze them."""
    for shard in range(keys.MEMBER_SHARDS):
        for item in table("members").every(keys.member_pk(list_id, shard), limit=LOOKED_AT):
            if "deleted" not in item:
                yield item["sk"], item["params"]

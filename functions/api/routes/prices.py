"""What a segment costs by country [E3]."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

import etags
from etags import IfMatch
from kabar.storage import prices
from kabar.storage.dynamo import Item
from price_schemas import PriceList, PriceListView
from wiring import CallerOf, Now, table

router = Router()


@router.get(
    "/v1/settings/prices",
    summary="Show what a segment costs by country",
    tags=["Settings"],
    operation_id="get_prices",
)
def get_prices(caller: CallerOf) -> Response[PriceListView]:
    return _shown(prices.get(table("workspaces"), caller.workspace))


@router.put(
    "/v1/settings/prices",
    summary="Set what a segment costs by country",
    description="Previews, pre-flights and campaigns that start from now on are reckoned with these prices.",
    tags=["Settings"],
    operation_id="set_prices",
)
def set_prices(
    new: PriceList, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[PriceListView]:
    seen = prices.get(table("workspaces"), caller.workspace)
    etags.require(if_match, etags.etag(PriceListView.of(seen)))
    where = (table("workspaces"), table("activity"), caller.workspace)
    try:
        return _shown(prices.save(*where, seen, new.stored(), by=caller.who, now=at))
    except prices.Stale as error:
        raise etags.stale() from error


def _shown(item: Item | None) -> Response[PriceListView]:
    view = PriceListView.of(item)
    return Response(200, "application/json", view, headers={"ETag": etags.etag(view)})

"""Infobip's routes that only tell: logs, reports, preview."""

from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from local.carrier.receipts import now_ms
from local.carrier.segments import measure
from local.carrier.simulator import SIMULATOR
from local.carrier.wire import ApiError, LanguageOptions, PreviewRequest, answer, read_body

Texts = list[str]


class Query(BaseModel):
    """A query string; every name may repeat, `limit` may not, nothing unknown."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    message_id: Texts = []
    bulk_id: Texts = []
    limit: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(max_length=1)] = [50]


async def logs(request: web.Request) -> web.Response:
    """What became of messages; reading takes nothing away."""
    simulator = request.app[SIMULATOR]
    simulator.authenticate(request)
    simulator.count_log_read()
    query = _read_query(request, Query)
    now = now_ms()
    found = simulator.log.find(query.message_id, query.bulk_id)[: query.limit[0]]
    return answer({"results": [message.log_line(now) for message in found]})


async def reports(request: web.Request) -> web.Response:
    """Delivery reports that no webhook gets; each is returned once."""
    simulator = request.app[SIMULATOR]
    simulator.authenticate(request)
    query = _read_query(request, Query)
    taken = simulator.receipts.pull(set(query.message_id), set(query.bulk_id), query.limit[0])
    return answer({"results": taken})


async def preview(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    simulator.authenticate(request)
    wanted = await read_body(request, PreviewRequest)
    text, code = wanted.text, wanted.language_code
    size = measure(text, LanguageOptions.model_validate({"languageCode": code}).tables() if code else None)
    return answer(
        {
            "originalText": text,
            "previews": [
                {
                    "textPreview": text,
                    "messageCount": size.segments,
                    "charactersRemaining": size.remaining,
                    "configuration": {"language": {"languageCode": code}} if code else {},
                }
            ],
        }
    )


Model = TypeVar("Model", bound=BaseModel)


def _read_query(request: web.Request, model: type[Model]) -> Model:
    values = {name: request.query.getall(name) for name in request.query}
    try:
        return model.model_validate(values)
    except ValidationError as wrong:
        problems = wrong.errors(include_url=False, include_input=False, include_context=False)
        raise ApiError(400, [(str(problem["loc"][0]), problem["msg"]) for problem in problems]) from None

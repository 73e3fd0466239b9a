"""What a client may send, strictly: every field by name, type and length, unknown ones refused.

Source: Infobip SMS OpenAPI 3.210.0. Two limits are guesses, the specification names none: the number of
recipients per request (a setting), and that a sender or a text may not be empty.
"""

import json
import sys
from typing import Annotated, Literal, NamedTuple, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from local.carrier.registry import Json
from local.carrier.segments import Language

Name255 = Annotated[str, Field(max_length=255)]
MAX_VIOLATIONS = 20


class Wire(BaseModel):
    """A JSON object in Infobip's camelCase: no coercion, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class Destination(Wire):
    to: Annotated[str, Field(pattern=r"^[0-9]{1,64}$")]
    message_id: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    network_id: int | None = None


class LanguageOptions(Wire):
    """Shift tables for the letters of a language."""

    language_code: Literal["TR", "ES", "PT", "AUTODETECT", "NONE"]
    single_shift: bool | None = None
    locking_shift: bool | None = None

    def tables(self) -> Language | None:
        """Turkish ones; the others are not simulated."""
        if self.language_code != "TR":
            return None
        locking = bool(self.locking_shift)
        return Language(
            single_shift=not locking if self.single_shift is None else self.single_shift,
            locking_shift=locking,
        )


class Content(Wire):
    text: Annotated[str, Field(min_length=1)]
    language: LanguageOptions | None = None


class Platform(Wire):
    entity_id: Name255 | None = None
    application_id: Name255 | None = None


class ValidityPeriod(Wire):
    amount: Annotated[int, Field(ge=1)]
    time_unit: Literal["SECONDS", "MINUTES", "HOURS"] = "MINUTES"


class TurkeyIys(Wire):
    recipient_type: Literal["BIREYSEL", "TACIR"]
    brand_code: Annotated[int | None, Field(ge=-(2**31), lt=2**31)] = None


class IndiaDlt(Wire):
    principal_entity_id: str
    content_template_id: str | None = None
    telemarketer_id: str | None = None


class SouthKorea(Wire):
    title: Annotated[str | None, Field(max_length=66)] = None
    reseller_code: int | None = None


class Regional(Wire):
    turkey_iys: TurkeyIys | None = None
    india_dlt: IndiaDlt | None = None
    south_korea: SouthKorea | None = None


class MessageOptions(Wire):
    platform: Platform | None = None
    validity_period: ValidityPeriod | None = None
    campaign_reference_id: Name255 | None = None
    regional: Regional | None = None
    flash: bool = False


class Delivery(Wire):
    url: Annotated[str | None, Field(pattern=r"^https?://[^\s/]+")] = None
    intermediate_report: bool = False
    notify: bool = True


class Webhooks(Wire):
    delivery: Delivery | None = None
    content_type: Literal["application/json"] = "application/json"
    callback_data: Annotated[str | None, Field(max_length=4000)] = None


class SmsMessage(Wire):
    sender: Annotated[str | None, Field(min_length=1)] = None
    destinations: Annotated[list[Destination], Field(min_length=1)]
    content: Content
    options: MessageOptions = MessageOptions()
    webhooks: Webhooks = Webhooks()


class Terms(NamedTuple):
    """What is remembered of a message for all its recipients, small because there are millions."""

    sender: str | None
    text: str
    language: Language | None
    report_url: str | None
    notify: bool
    intermediate: bool
    callback_data: str | None
    campaign_reference_id: str | None
    platform: Json | None
    gateway: bool = False  # taken by the gateway of one message a call, which reports in its own shape

    @classmethod
    def of(cls, message: SmsMessage) -> "Terms":
        delivery = message.webhooks.delivery or Delivery()
        platform = message.options.platform
        return cls(
            sender=message.sender,
            text=message.content.text,
            language=message.content.language.tables() if message.content.language else None,
            report_url=delivery.url and sys.intern(delivery.url),
            notify=delivery.notify,
            intermediate=delivery.intermediate_report,
            callback_data=message.webhooks.callback_data,
            campaign_reference_id=message.options.campaign_reference_id,
            platform=platform.model_dump(by_alias=True, exclude_none=True) if platform else None,
        )


class Schedule(Wire):
    bulk_id: Annotated[str | None, Field(max_length=100)] = None


class ConversionTracking(Wire):
    use_conversion_tracking: bool = False
    conversion_tracking_name: str | None = None


class RequestOptions(Wire):
    schedule: Schedule = Schedule()
    include_sms_count_in_response: bool = False
    conversion_tracking: ConversionTracking | None = None


class SendRequest(Wire):
    """The body of `POST /sms/3/messages`."""

    messages: Annotated[list[SmsMessage], Field(min_length=1)]
    options: RequestOptions = RequestOptions()


class PreviewRequest(Wire):
    """The body of `POST /sms/1/preview`."""

    text: Annotated[str, Field(min_length=1)]
    language_code: Literal["TR", "ES", "PT", "AUTODETECT", "NONE"] | None = None


REFUSALS = {
    400: ("Request cannot be processed.", "Check the syntax, violations and adjust the request."),
    401: ("The request lacks valid authentication.", "Check the credentials and try again."),
    404: ("Requested resource was not found.", "Check the resource path and adjust the request."),
    405: ("Method is not allowed.", "Check the method and adjust the request."),
    409: ("The simulator cannot do this now.", "Check the violations."),
    413: ("Request is too large.", "Send fewer messages per request."),
    429: ("Too many requests.", "Wait and try again."),
    500: ("Something went wrong on our side.", "Contact support."),
}


class ApiError(Exception):
    """A refusal of the whole request, in Infobip's v3 shape."""

    def __init__(
        self, code: int, violations: list[tuple[str, str]] | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(code)
        self.code = code
        self.violations = violations or []
        self.retry_after = retry_after

    def response(self) -> web.Response:
        description, action = REFUSALS.get(self.code, REFUSALS[400])
        body: Json = {
            "errorCode": f"E{self.code}",
            "description": description,
            "action": action,
            "violations": [{"property": name, "violation": text} for name, text in self.violations],
            "resources": [],
        }
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        return web.json_response(body, status=self.code, headers=headers)


Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """The request's body as `model`; ApiError 400 with one violation per wrong property."""
    if request.content_type != "application/json":
        raise ApiError(400, [("Content-Type", "must be application/json")])
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as wrong:
        problems = wrong.errors(include_url=False, include_input=False, include_context=False)
        raise ApiError(
            400, [(_path(problem["loc"]), problem["msg"]) for problem in problems[:MAX_VIOLATIONS]]
        ) from None


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or "body"


def encode(body: Json) -> bytes:
    """JSON without the blanks that it does not need."""
    return json.dumps(body, separators=(",", ":")).encode()


def answer(body: Json) -> web.Response:
    return web.Response(body=encode(body), content_type="application/json")

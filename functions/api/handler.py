"""The HTTPS API: every /v1 route."""

import time
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

import intake
import permissions
import problems
import repeats
import wiring
from kabar.log import logger, masked
from problems import Problem
from resources import Resources

wiring.settings()

app = APIGatewayRestResolver(
    enable_validation=True,
    json_body_deserializer=intake.parse,
    # an answer of ours that breaks its own schema is our mistake, never the client's
    response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
)
RESOURCES = Resources(app)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request and log it in one line: ids, no bodies, numbers masked."""
    began = time.monotonic()
    request = event.get("requestContext") or {}
    request_id = intake.request_id(event)
    logger.set_correlation_id(request_id)
    try:
        answer = _answered(intake.checked(event), context)
    except Problem as problem:
        answer = _answer(problem, request_id)
    except Exception as error:  # noqa: BLE001  # the outermost edge
        answer = _answer(_mistake(error), request_id)
    # numbers, texts and keys are in answers: nobody on the way keeps one
    ours = {"X-Request-Id": request_id, "Cache-Control": "no-store"}
    answer["headers"] = (answer.get("headers") or {}) | ours
    logger.info(
        "call",
        method=event.get("httpMethod"),
        route=masked(str(event.get("resource"))),
        status=answer["statusCode"],
        workspace=(request.get("authorizer") or {}).get("workspace"),
        milliseconds=round(1000 * (time.monotonic() - began)),
    )
    return answer


def _answered(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What every request goes through on its way to a route: who calls, how often, what they may, whether again."""

    def resolve(event: dict[str, Any]) -> dict[str, Any]:
        answer = dict(app.resolve(event, context))
        answer["body"] = answer["body"] or ""  # the local engine takes no null
        return answer

    route = _route(event["httpMethod"], event["path"])
    if route is not None and route.operation_id in permissions.OPEN:
        return resolve(event)
    caller, now = wiring.caller_of(event), wiring.now()
    wiring.limits().take(caller.workspace, caller.principal, now)
    if route is None:
        return resolve(event)  # which says what is wrong
    permissions.check(route.operation_id, caller.scopes)
    return repeats.once(
        event,
        wiring.table("idempotency"),
        caller.workspace,
        route.operation_id,
        now,
        reserve=wiring.reserve,
        resolve=resolve,
    )


def _problem(problem: Problem) -> Response[str]:
    body = problem.body(intake.request_id(app.current_event.raw_event))
    return Response(problem.kind.status, problems.MEDIA_TYPE, body, headers=problem.headers)


def _invalid(error: RequestValidationError) -> Response[str]:
    return _problem(problems.of_validation(error.errors()))


def _nothing_here(_: NotFoundError) -> Response[str]:
    path, method = app.current_event.path, app.current_event.http_method
    RESOURCES.open_all()
    takes = sorted({route.method for route in _routes() if route.rule.match(path)})
    if not takes:
        return _problem(Problem(problems.NOT_FOUND, "There is no such address. The API is under /v1."))
    allowed = ", ".join(takes)
    detail = f"{method} is not possible here, only {allowed}."
    return _problem(Problem(problems.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed}))


def _our_mistake(error: Exception) -> Response[str]:
    return _problem(_mistake(error))


def _mistake(error: Exception) -> Problem:
    logger.error("unexpected", exc_info=error)
    detail = "It is logged under this request_id; the same request may be sent again."
    return Problem(problems.INTERNAL_ERROR, detail)


app.exception_handler(Problem)(_problem)
app.exception_handler(RequestValidationError)(_invalid)
app.exception_handler(NotFoundError)(_nothing_here)
app.exception_handler(Exception)(_our_mistake)


def _route(method: str, path: str) -> Any | None:
    RESOURCES.open_for(path)
    return next((route for route in _routes() if route.method == method and route.rule.match(path)), None)


def _routes() -> list[Any]:
    return [*app._static_routes, *app._dynamic_routes]  # noqa: SLF001  # Powertools shows them nowhere else


def _answer(problem: Problem, request_id: str) -> dict[str, Any]:
    headers = {"Content-Type": problems.MEDIA_TYPE} | problem.headers
    return {
        "statusCode": problem.kind.status,
        "headers": headers,
        "body": problem.body(request_id),
        "isBase64Encoded": False,
    }

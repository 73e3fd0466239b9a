"""The HTTP server: Infobip's routes, a gateway of one message a call, and our control routes under an underscore."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from local.carrier import asking, control, gateway, sending
from local.carrier.simulator import SIMULATOR, Simulator
from local.carrier.wire import ApiError

MAX_BODY = 16 * 1024 * 1024  # a thousand long personal texts
SHUTDOWN = 0.5  # seconds; hanging requests are part of the simulation and not waited for


def build(simulator: Simulator) -> web.Application:
    app = web.Application(middlewares=[errors], client_max_size=MAX_BODY)
    app[SIMULATOR] = simulator
    app.cleanup_ctx.append(_deliveries)
    app.router.add_post("/sms/3/messages", sending.send_messages)
    app.router.add_post("/gateway/send", gateway.send)
    app.router.add_get("/sms/3/logs", asking.logs)
    app.router.add_get("/sms/3/reports", asking.reports)
    app.router.add_post("/sms/1/preview", asking.preview)
    app.router.add_get("/_truth", control.truth)
    app.router.add_post("/_faults", control.set_faults)
    app.router.add_delete("/_faults", control.clear_faults)
    app.router.add_post("/_replies", control.reply)
    app.router.add_post("/_account", control.set_account)
    app.router.add_get("/_health", control.health)
    app.router.add_get("/_stats", control.stats)
    return app


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal in Infobip's shape."""
    try:
        return await handler(request)
    except ApiError as error:
        return error.response()
    except web.HTTPException as error:
        return ApiError(error.status, [("request", error.reason)]).response()


async def _deliveries(app: web.Application) -> AsyncIterator[None]:
    simulator = app[SIMULATOR]
    async with simulator.outlet:
        task = asyncio.create_task(simulator.receipts.run())
        yield
        task.cancel()


async def start(simulator: Simulator, port: int) -> tuple[web.AppRunner, str]:
    """Listen on 127.0.0.1 (port 0: any free one); returns what to clean up, and the URL."""
    runner = web.AppRunner(build(simulator), access_log=None, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"

"""Which modules of routes/ answer which addresses, each imported when it is first asked for.

A cold start so pays for the resource that is called and not for every other one.
"""

import importlib

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

# by the first word of the address after /v1
MODULES: dict[str, tuple[str, ...]] = {
    "lists": ("lists", "members", "exports", "imports"),
    "imports": ("imports",),
    "campaigns": ("campaigns", "campaign_changes", "campaign_tests", "conversations"),
    "conversations": ("conversations",),
    "previews": ("previews",),
    "quick-campaigns": ("quick_campaigns",),
    "preflights": ("preflights",),
    "reports": ("reports",),
    "templates": ("templates",),
    "inbox": ("inbox", "inbox_exports"),
    "keywords": ("keywords",),
    "messages": ("messages",),
    "blacklist": ("blacklist",),
    "carriers": ("carriers",),
    "api-keys": ("api_keys",),
    "users": ("users",),
    "settings": ("settings", "prices", "prefixes", "replies", "sending_hours"),
    "callbacks": ("callbacks",),
    "activity": ("activity",),
    "openapi.json": ("document",),
}


class Resources:
    """The routes of one application."""

    def __init__(self, app: APIGatewayRestResolver) -> None:
        self._app = app
        self._open: set[str] = set()

    def open_for(self, path: str) -> None:
        """Add the routes that `path` may belong to."""
        word, *_ = path.removeprefix("/v1").removeprefix("/").split("/")
        for module in MODULES.get(word, ()):
            if module not in self._open:
                self._app.include_router(importlib.import_module(f"routes.{module}").router)
                self._open.add(module)

    def open_all(self) -> None:
        """Add every route."""
        for word in MODULES:
            self.open_for(word)

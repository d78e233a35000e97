"""HEAD for every GET (RFC 9110, section 9.3.2): the same head, without the body."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FROM_ROUTING = ("route", "endpoint", "path_params", "fastapi")
"""Keys that routing adds to the scope, and outer middleware reads."""


class HeadAsGet:
    """Answers HEAD by the GET route, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a HEAD to the application as a GET, and every other request unchanged."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET"}

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(inner, receive, without_body)
        finally:
            scope.update({name: inner[name] for name in _FROM_ROUTING if name in inner})


def allowing_head(headers: dict[str, str]) -> dict[str, str]:
    """The headers of a 405 whose `Allow` names HEAD beside GET (RFC 9110, section 15.5.6)."""
    allowed = MutableHeaders(headers)
    methods = [method.strip() for method in allowed.get("allow", "").split(",")]
    if "GET" in methods and "HEAD" not in methods:
        allowed["allow"] = ", ".join([*methods, "HEAD"])
    return dict(allowed.items())

"""HEAD wherever GET is (RFC 9110, section 9.3.2): the same head, without the body."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FROM_ROUTING = ("route", "endpoint", "path_params", "fastapi")
"""What routing adds to the scope, and whoever stands before it reads."""


class HeadAsGet:
    """Answers HEAD by what answers GET. The server sends no body after the head, because the request that it holds stays a HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a HEAD on as a GET; everything else as it is."""
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

"""Headers of every response, and redirects to the path with or without its last slash."""

from collections.abc import Sequence

from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")


class SafeHeaders:
    """Adds `nosniff` to every response, and `no-store` to each without a `Cache-Control` of its own (RFC 9111, section 5.2.2.5).

    Most answers hold somebody's data, so a route states that its answer may be cached.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                names = {name.lower() for name, _ in headers}
                message["headers"] = [*headers, *(each for each in (_NOSNIFF, _NO_STORE) if each[0] not in names)]
            await send(message)

        await self.app(scope, receive, sending)


class SlashRedirect:
    """Answers a path without a route: a redirect to the path with or without its last slash if that has a route, else 404.

    Starlette's own redirect repeats the request's `Host`. This one is relative (RFC 9110, section 10.2.2).
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = get_route_path(scope)
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        if scope["type"] == "http" and path != "/" and self._has(scope, other):
            query = scope.get("query_string", b"").decode("latin-1")
            raw = scope.get("raw_path", path.encode()).decode("latin-1")
            target = "/" + (raw.rstrip("/") if path.endswith("/") else f"{raw}/").lstrip("/")  # `//host` names another host
            await RedirectResponse(f"{target}?{query}" if query else target)(scope, receive, send)
            return
        raise HTTPException(404)

    def _has(self, scope: Scope, path: str) -> bool:
        looked_for = {**scope, "path": scope.get("root_path", "") + path}
        return any(route.matches(looked_for)[0] is not Match.NONE for route in self._routes)

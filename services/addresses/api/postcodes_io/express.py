"""Request handling of postcodes.io's server around its routes (Express 4 and the `cors` package, as it configures them).

Paths match in any case and with a trailing slash, HEAD works as GET, OPTIONS answers CORS preflights, and `callback` wraps a result as
JSONP: `/**/ typeof show === 'function' && show({...});`.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.addresses.api.cors import ANY_ORIGIN, PREFLIGHT

SURFACE = frozenset({"postcodes", "outcodes", "places", "ping", "random", "scotland", "terminated_postcodes"})
"""First segments of the API's paths."""
_WORDS = SURFACE | {"autocomplete", "lat", "lon", "nearest", "validate"}
"""Path segments that are names, not values."""
_NAME = re.compile(r"[A-Za-z_$][\w$]{0,63}(?:\.[A-Za-z_$][\w$]{0,63}){0,3}", re.ASCII)
"""A function name, optionally with object names: the middleware writes no other text into a script."""
_ENDS_LINES = {"\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that end lines in old JavaScript, but not in JSON."""


class AsExpress:
    """ASGI middleware for the paths of this API; it passes others on unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"][1:].partition("/")[0].lower() not in SURFACE:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=PREFLIGHT)(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        callback = _callback(scope["query_string"])
        is_head = scope["method"] == "HEAD"
        read = {**scope, "path": _as_written(scope["path"]), "method": "GET" if is_head else scope["method"]}
        if callback is not None and not _NAME.fullmatch(callback):
            error = {"status": 400, "error": "Invalid callback: it must be the name of a JavaScript function"}
            await JSONResponse(error, 400, ANY_ORIGIN)(scope, receive, send)
        elif callback is not None:
            await self._app(read, receive, _Wrapped(callback, send).take)
        elif is_head:
            await self._app(read, receive, _without_body(send))
        else:
            await self._app(read, receive, send)


def _as_written(path: str) -> str:
    """Normalise a path for the routes: no trailing slash, names in lower case."""
    parts = [part.lower() if part.lower() in _WORDS else part for part in path.split("/")]
    return "/".join(parts).rstrip("/")


def _callback(query: bytes) -> str | None:
    """Return the JSONP function that the query names, or None."""
    if b"callback" not in query:
        return None
    given: Mapping[str, list[str]] = parse_qs(query.decode("latin-1"))
    return given["callback"][0] if given.get("callback") else None


def _without_body(send: Send) -> Send:
    async def passed(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return passed


class _Wrapped:
    """Wraps a result as JSONP; leaves errors unchanged, as postcodes.io does."""

    def __init__(self, callback: str, send: Send) -> None:
        self._callback, self._send = callback, send
        self._start: Message | None = None
        self._body = b""

    async def take(self, message: Message) -> None:
        """Send a part of the response, or buffer it until the response is complete."""
        if message["type"] == "http.response.start" and message["status"] == 200:
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        text = self._body.decode()
        for character, escaped in _ENDS_LINES.items():
            text = text.replace(character, escaped)
        body = f"/**/ typeof {self._callback} === 'function' && {self._callback}({text});".encode()
        headers = MutableHeaders(scope={"headers": list(start["headers"])})
        headers["content-type"] = "text/javascript; charset=utf-8"
        headers["content-length"] = str(len(body))
        headers["x-content-type-options"] = "nosniff"
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})

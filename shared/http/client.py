"""HTTP calls to other services: traced, with timeouts."""

import ssl
from functools import cache

import httpx
from opentelemetry.propagate import inject

from shared import telemetry

TIMEOUT = httpx.Timeout(10.0, connect=3.0)


class _Traced(httpx.AsyncBaseTransport):
    """Makes a client span and a `traceparent` header for each call (HTTP semantic conventions for clients)."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        attributes: dict[str, str | int | float | bool] = {
            "http.request.method": request.method,
            "server.address": request.url.host,
            "server.port": request.url.port or (443 if request.url.scheme == "https" else 80),
        }
        with telemetry.span(request.method, kind=telemetry.CLIENT, attributes=attributes) as current:
            inject(request.headers)
            response = await self._inner.handle_async_request(request)
            current.set_attribute("http.response.status_code", response.status_code)
            return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _trust() -> ssl.SSLContext:
    """The trusted certificates. Reading them takes a tenth of a second, so a process reads them once."""
    return httpx.create_ssl_context()


def client(base_url: str = "", *, auth: httpx.Auth | None = None, timeout: httpx.Timeout = TIMEOUT) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` whose calls belong to the current trace. It follows no redirect."""
    transport = _Traced(httpx.AsyncHTTPTransport(verify=_trust(), retries=1))
    return httpx.AsyncClient(base_url=base_url, auth=auth, timeout=timeout, transport=transport)

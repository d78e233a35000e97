"""Dependencies of the endpoints, by type."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from services.identity.provider import Provider

from .browser import Browser


async def _provider(request: Request) -> Provider:
    """Return the provider after it reloaded stale keys."""
    provider: Provider = request.app.state.provided[Provider]
    await provider.keys.reload_if_stale()
    return provider


Op = Annotated[Provider, Depends(_provider)]


async def _browser(request: Request, op: Op) -> Browser:
    return Browser(request, op)


ThisBrowser = Annotated[Browser, Depends(_browser)]

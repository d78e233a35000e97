"""What the endpoints are given, by type."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from services.identity.provider import Provider
from shared.http import provided

from .browser import Browser

Op = Annotated[Provider, Depends(provided(Provider))]


async def _browser(request: Request, op: Op) -> Browser:
    return Browser(request, op)


ThisBrowser = Annotated[Browser, Depends(_browser)]

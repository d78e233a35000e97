"""The front page: the services of this platform and their addresses."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from services.portal.settings import Settings
from shared.http import Router, provided
from shared.pages import Pages

router = Router(tags=["pages"])

PURPOSES = {
    "identity": "Citizens, staff and systems sign in here. OpenID Connect and OAuth 2.0.",
    "addresses": "London's postcodes and premises: search, look up, follow changes.",
    "notifications": "Email and text messages to citizens. Works with GOV.UK Notify's client libraries.",
    "data_sharing": "Agreements between boroughs, and the data that they permit to share.",
    "collaboration": "Boroughs work on the same case.",
    "move_home": "Example app: a citizen tells the boroughs about a move, once.",
}


@router.get("/", response_model=None, include_in_schema=False)
async def home(
    request: Request, settings: Annotated[Settings, Depends(provided(Settings))], pages: Annotated[Pages, Depends(provided(Pages))]
) -> Response:
    """Show the blocks and their addresses."""
    blocks = [
        {
            "name": name.replace("_", " ").capitalize(),
            "url": url,
            "purpose": PURPOSES.get(name, ""),
            "has_docs": name in PURPOSES,
        }
        for name, url in settings.blocks.items()
    ]
    return pages.render(request, "home.html", blocks=blocks, capture=settings.capture)

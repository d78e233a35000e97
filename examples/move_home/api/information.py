"""Information pages: cookies, privacy and accessibility."""

from starlette.requests import Request
from starlette.responses import Response

from examples.move_home.domain.boroughs import BOROUGHS, council_name
from examples.move_home.store.sessions import KEPT, LIFE
from shared.http import Router

from .dependencies import Config, Rendering, failure_as_page
from .sign_in import ATTEMPT_SECONDS

router = Router(errors=failure_as_page, include_in_schema=False)

LINKS = (("Cookies", "/cookies"), ("Privacy", "/privacy"), ("Accessibility statement", "/accessibility"))


@router.get("/cookies")
async def cookies(request: Request, pages: Rendering, config: Config) -> Response:
    """Show the cookies, each with its purpose and lifetime."""
    return pages.render(
        request,
        "cookies.html",
        session=config.session_cookie,
        attempt=config.attempt_cookie,
        attempt_minutes=ATTEMPT_SECONDS // 60,
        sign_in=config.issuer.rstrip("/"),
    )


@router.get("/privacy")
async def privacy(request: Request, pages: Rendering, config: Config) -> Response:
    """Show which details the app keeps, who gets them, why, for how long, and whom to ask."""
    return pages.render(
        request,
        "privacy.html",
        council=council_name(config.borough),
        site=BOROUGHS[config.borough].site,
        session_hours=int(LIFE.total_seconds() // 3600),
        kept_hours=int(KEPT.total_seconds() // 3600),
    )


@router.get("/accessibility")
async def accessibility(request: Request, pages: Rendering) -> Response:
    """Show how far the pages meet WCAG 2.2, and how that was tested."""
    return pages.render(request, "accessibility.html")

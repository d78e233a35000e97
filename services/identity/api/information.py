"""Pages about cookies, privacy and accessibility."""

from starlette.requests import Request
from starlette.responses import Response

from services.identity.domain.sessions import ABSOLUTE_LIFE, IDLE_LIFE
from services.identity.domain.sign_in import CODE_LIFE, DEVICE_LIFE
from shared.http import Router

from .browser import failure_as_page
from .dependencies import Op

router = Router(errors=failure_as_page, include_in_schema=False)

LINKS = (("Cookies", "/cookies"), ("Privacy", "/privacy"), ("Accessibility statement", "/accessibility"))


@router.get("/cookies")
async def cookies(request: Request, op: Op) -> Response:
    """Show each cookie with its purpose and lifetime."""
    hours = int(ABSOLUTE_LIFE.total_seconds() // 3600)
    return op.pages.render(request, "cookies.html", session_hours=hours, device_days=DEVICE_LIFE.days, is_https=op.has_https)


@router.get("/privacy")
async def privacy(request: Request, op: Op) -> Response:
    """Show which personal data identity stores, why, for how long, and whom to ask."""
    return op.pages.render(
        request,
        "privacy.html",
        session_hours=int(ABSOLUTE_LIFE.total_seconds() // 3600),
        idle_minutes=int(IDLE_LIFE.total_seconds() // 60),
        code_minutes=int(CODE_LIFE.total_seconds() // 60),
    )


@router.get("/accessibility")
async def accessibility(request: Request, op: Op) -> Response:
    """Show how far the pages meet WCAG 2.2, and how that was tested."""
    return op.pages.render(request, "accessibility.html")

"""Pages for a borough's own staff: the shares that their borough received."""

from datetime import datetime
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response

from examples.move_home.adapters.data_sharing import DataSharing
from examples.move_home.domain.boroughs import council_name
from examples.move_home.domain.purposes import ITEMS, PURPOSES
from shared.http import Problem, Router

from .dependencies import Rendering, Sharing, SignedInStaff, Staff, failure_as_page

router = Router(errors=failure_as_page, include_in_schema=False)

DOWN = Problem(503, "We cannot show what your borough received at the moment.")


@router.get("/borough")
async def inbox(request: Request, staff: SignedInStaff, sharing: Sharing, pages: Rendering) -> Response:
    """List the borough's shares without content: opening one is a reading, which the record shows."""
    _check(staff, sharing)
    try:
        shares = await sharing.inbox(staff.borough)
    except httpx.HTTPError:
        raise DOWN from None
    return pages.render(
        request,
        "borough_inbox.html",
        shares=[_readable(share) for share in shares],
        council=council_name(staff.borough),
        staff=staff,
        wide=True,
    )


@router.get("/borough/{share}")
async def one_share(request: Request, share: str, staff: SignedInStaff, sharing: Sharing, pages: Rendering) -> Response:
    """Show one share with the items that the agreement opens to this borough."""
    _check(staff, sharing)
    try:
        found = await sharing.received(staff.borough, share)
    except PermissionError:
        raise Problem(403, "The agreement under which your borough received this is not in force, so it cannot be read.") from None
    except httpx.HTTPError:
        raise DOWN from None
    if found is None:
        raise Problem(404, "Your borough has received nothing under this address.", title="Page not found")
    return pages.render(
        request, "borough_share.html", share=_readable(found), items=ITEMS, council=council_name(staff.borough), staff=staff
    )


def _check(staff: Staff, sharing: DataSharing) -> None:
    if not sharing.serves(staff.borough):
        raise Problem(404, f"{council_name(staff.borough)} does not read its inbox here.", title="Page not found")


def _readable(share: dict[str, Any]) -> dict[str, Any]:
    purpose = str(share["purpose"])
    delivered = share.get("delivered_at")
    return share | {
        "purpose": PURPOSES[purpose].name if purpose in PURPOSES else purpose,
        "delivered_at": datetime.fromisoformat(delivered) if delivered else None,
    }

"""The captured messages, and the text provider that captures them. Only for loopback clients, because messages are personal."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.portal.settings import Settings
from services.portal.store import Captured, Store
from shared import telemetry
from shared.clock import now
from shared.http import Problem, Router, provided
from shared.http.accept import prefers_page
from shared.pages import Pages

Db = Annotated[Store, Depends(provided(Store))]
MOST = 1000
FIELDS = ("id", "channel", "to", "subject", "body", "html", "created_at", "notification_id", "trace_id", "deliveries")


async def _loopback_only(request: Request, settings: Annotated[Settings, Depends(provided(Settings))]) -> None:
    """Refuse requests from other machines.

    Behind a proxy every caller looks local, so this refuses forwarded requests too. It also refuses requests for another host: any site's
    name can point to this machine (DNS rebinding), and that site's page would read the answer.
    """
    address = request.client.host if request.client else ""
    forwarded = any(name in request.headers for name in ("x-forwarded-for", "forwarded"))
    try:
        local = ipaddress.ip_address(address).is_loopback
    except ValueError:
        local = False
    if not local or forwarded or not _is_own(request.url.hostname or "", settings):
        raise Problem(403, "Captured messages are shown on this machine only.", type="loopback-only")


CAPTURED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}, "text/html": {}}}
}


def _is_own(host: str, settings: Settings) -> bool:
    own = {"localhost", urlsplit(settings.public_url).hostname, settings.host}
    try:
        return host in own or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


router = Router(tags=["capture"], dependencies=[Depends(_loopback_only)])


class TextMessage(BaseModel):
    """A text message, as notifications sends it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    dedupe_key: str = Field(min_length=1, max_length=200)
    to: str = Field(min_length=1, max_length=50)
    sender: str = Field(alias="from", max_length=50)
    body: str = Field(max_length=5000)
    notification_id: str | None = Field(default=None, max_length=100)


@router.post("/capture/sms", status_code=201)
async def capture_text(text: TextMessage, store: Db, settings: Annotated[Settings, Depends(provided(Settings))]) -> dict[str, str]:
    """Store a text before the answer. The same `dedupe_key` again is another delivery of the same message."""
    message = Captured(
        channel="sms",
        key=text.dedupe_key,
        to=text.to,
        sender=text.sender,
        subject=None,
        body=text.body,
        html=None,
        notification_id=text.notification_id,
        trace_id=telemetry.trace_id(),
    )
    await store.captured.add(message, at=now(), keep=timedelta(days=settings.capture_days))
    return {"id": text.dedupe_key}


@router.get("/captured", response_model=None, responses=CAPTURED)
async def list_captured(
    *,
    request: Request,
    store: Db,
    pages: Annotated[Pages, Depends(provided(Pages))],
    to: Annotated[str | None, Query(max_length=400)] = None,
    channel: Literal["email", "sms", "letter"] | None = None,
    since: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> Response:
    """List captured messages, newest first: JSON, or a page for a browser."""
    rows = await store.captured.find(to=to or None, channel=channel, since=since, limit=limit)
    if prefers_page(request):
        response: Response = pages.render(request, "captured.html", messages=rows, to=to or "", channel=channel or "")
    else:
        response = JSONResponse([_as_json(row) for row in rows])
    response.headers["Vary"] = "Accept"
    response.headers["Cache-Control"] = "no-store"
    return response


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: row[name] for name in FIELDS}
    created: datetime = row["created_at"]
    shown["created_at"] = created.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return shown

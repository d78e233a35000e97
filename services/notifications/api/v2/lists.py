"""GET /v2/notifications and /v2/notifications/{id}: the status of messages."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request

from services.notifications.domain import sms
from services.notifications.domain.notifications import FAILURES, Notification, Status
from services.notifications.domain.refusals import Refusal
from services.notifications.store import Filters
from shared.clock import now

from . import replies, schemas
from .surface import Caller, Config, Db, NotifyRouter, Sealing

router = NotifyRouter()
PAGE = 250
_STATUSES = frozenset(Status)


@router.get("/v2/notifications/{notification_id}", responses={200: {"model": replies.NotificationReply}})
async def get_notification(notification_id: str, *, caller: Caller, store: Db, settings: Config, vault: Sealing) -> dict[str, Any]:
    """Return one message of the caller's service, whichever of its keys sent it."""
    schemas.checked({"notification_id": notification_id}, schemas.NOTIFICATION_ID)
    kept = await store.notifications.get(str(UUID(notification_id)), service=caller.service.id, at=now())
    if kept is None:
        raise Refusal.not_found()
    return _as_notify(vault.read(kept), settings.public_url)


@router.get(
    "/v2/notifications",
    responses={200: {"model": replies.NotificationPage}},
    openapi_extra=schemas.query_of(schemas.LIST_NOTIFICATIONS),
)
async def list_notifications(request: Request, *, caller: Caller, store: Db, settings: Config, vault: Sealing) -> dict[str, Any]:
    """Return the service's messages sent by this kind of key, newest first, 250 a page. A page that is not empty has a next link."""
    query: dict[str, Any] = {name: request.query_params.getlist(name) for name in request.query_params}
    for single in ("reference", "older_than", "include_jobs"):
        if single in query:
            query[single] = query[single][0]
    schemas.checked(query, schemas.LIST_NOTIFICATIONS)
    wanted = _statuses(query.get("status", []))
    filters = Filters(
        statuses=wanted,
        types=query.get("template_type", []),
        references=vault.references(caller.service.id, query["reference"]) if "reference" in query else (),
        older_than=str(UUID(query["older_than"])) if "older_than" in query else None,
    )
    nothing = "status" in query and not wanted
    service, kind = caller.service.id, caller.key.type
    found = [] if nothing else await store.notifications.page(filters, service=service, key_type=kind, size=PAGE, at=now())
    links = {"current": _link(settings.public_url, query)}
    if found:
        links["next"] = _link(settings.public_url, query | {"older_than": found[-1].id})
    return {"notifications": [_as_notify(vault.read(kept), settings.public_url) for kept in found], "links": links}


def _statuses(names: list[str]) -> list[Status]:
    """Return the states that the names select: `failed` selects every failure, and states of letters select nothing."""
    wanted: list[Status] = []
    for name in names:
        wanted.extend(FAILURES if name == "failed" else [Status(name)] if name in _STATUSES else [])
    return wanted


def _link(url: str, query: dict[str, Any]) -> str:
    text = urlencode(query, doseq=True)
    return f"{url}/v2/notifications{'?' if text else ''}{text}"


def when(instant: datetime | None) -> str | None:
    """Return an instant in Notify's form, UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if instant else None


def _as_notify(notification: Notification, url: str) -> dict[str, Any]:
    is_email = notification.channel == "email"
    return {
        "id": notification.id,
        "reference": notification.reference,
        "email_address": notification.original_recipient if is_email else None,
        "phone_number": None if is_email else notification.original_recipient,
        **dict.fromkeys(("line_1", "line_2", "line_3", "line_4", "line_5", "line_6", "postcode", "postage")),
        "type": notification.channel.value,
        "status": notification.status.value,
        "template": {
            "id": notification.template,
            "version": notification.template_version,
            "uri": f"{url}/v2/template/{notification.template}/version/{notification.template_version}",
        },
        "body": notification.content.body,
        "subject": notification.content.subject,
        "created_at": when(notification.created_at),
        "created_by_name": None,
        "sent_at": when(notification.sent_at),
        "completed_at": when(notification.completed_at),
        "scheduled_for": None,
        "one_click_unsubscribe_url": notification.envelope.unsubscribe_url,
        "cost_details": {} if is_email else {"billable_sms_fragments": sms.fragments(notification.content.body)},
        "cost_in_pounds": 0.0,
        "is_cost_data_ready": True,
    }

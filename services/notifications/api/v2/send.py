"""POST /v2/notifications/email and /sms: commits a message, which accepts it; a worker delivers it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends

from services.notifications.delivery import DeliveryWorker
from services.notifications.domain import sanitisation
from services.notifications.domain.notifications import Envelope, Notification, accept
from services.notifications.domain.recipients import email_address, is_simulated, phone
from services.notifications.domain.refusals import Refusal
from services.notifications.domain.templates import Content, Template
from shared import telemetry
from shared.clock import now
from shared.events import new_id
from shared.http import provided

from . import replies, schemas
from .composition import composed, sanitised
from .surface import Config, Db, NotifyRouter, Sealing, SendingCaller, json_body

router = NotifyRouter()
Deliveries = Annotated[DeliveryWorker, Depends(provided(DeliveryWorker))]


async def _sms_form(caller: SendingCaller, body: Annotated[dict[str, Any], Depends(json_body)]) -> dict[str, Any]:  # noqa: ARG001 (first)
    return schemas.checked(body, schemas.SEND_SMS)


async def _email_form(caller: SendingCaller, body: Annotated[dict[str, Any], Depends(json_body)]) -> dict[str, Any]:  # noqa: ARG001 (first)
    return schemas.checked(body, schemas.SEND_EMAIL)


class NotificationRequest:
    """A caller's request to send: finds the template, and accepts the message."""

    def __init__(self, caller: SendingCaller, store: Db, settings: Config, deliveries: Deliveries, vault: Sealing) -> None:
        self.caller, self.service = caller, caller.service
        self._store, self._settings, self._deliveries, self._vault = store, settings, deliveries, vault

    @property
    def default_sms_sender(self) -> str:
        """The sender name of a text if the service has none."""
        return self._settings.default_sms_sender

    async def template(self, template_id: str, wanted: str) -> Template:
        """Return the current version of a template of the caller's service, for the requested channel."""
        template = await self._store.templates.get(str(UUID(template_id)), service=self.service.id)
        if template is None:
            raise Refusal.bad_request("Template not found")
        if template.type != wanted:
            raise Refusal.bad_request(f"{template.type} template is not suitable for {wanted} notification")
        if template.archived:
            raise Refusal.bad_request("Template has been deleted")
        return template

    async def accept(
        self, template: Template, content: Content, envelope: Envelope, *, original_recipient: str, reference: str | None
    ) -> dict[str, Any]:
        """Commit the message and its event, and return the reply's common part. Stores no message to a simulated recipient."""
        notification, events = accept(
            new_id(), self.caller, template, content, envelope, original_recipient=original_recipient, reference=reference, at=now()
        )
        if not is_simulated(envelope.recipient):
            stored = self._vault.seal(notification)
            async with self._store.transaction() as tx:
                await tx.notifications.insert(stored)
                await tx.delivery_jobs.add(notification.id, at=notification.created_at, traceparent=telemetry.traceparent())
                await tx.publish(*events, borough=notification.borough)
                tx.after_commit(lambda: self._deliveries.note_accepted(notification.id))
        return _reply(notification, self._settings.public_url)


async def notification_request(
    caller: SendingCaller, store: Db, settings: Config, worker: Deliveries, vault: Sealing
) -> NotificationRequest:
    """Make the NotificationRequest in a coroutine, because FastAPI would call the class itself in a thread."""
    return NotificationRequest(caller, store, settings, worker, vault)


Asked = Annotated[NotificationRequest, Depends(notification_request)]


@router.post(
    "/v2/notifications/sms",
    status_code=201,
    responses={201: {"model": replies.AcceptedSms}},
    openapi_extra=schemas.body_of(schemas.SEND_SMS),
)
async def send_sms(asked: Asked, form: Annotated[dict[str, Any], Depends(_sms_form)]) -> dict[str, Any]:
    """Accept one text message."""
    values = values_of(form, file_refusal="Can only send a file by email")
    template = await asked.template(form["template_id"], "sms")
    sender = asked.service.chosen_sms_sender(form.get("sms_sender_id"))
    content = await composed(template, values, prefix=None if sender else asked.service.name)
    recipient = phone(form["phone_number"])
    asked.service.allow_recipient(recipient.number, asked.caller.key)
    asked.service.allow_phone(recipient)
    envelope = Envelope(recipient.number, sender or asked.default_sms_sender)
    accepted = await asked.accept(template, content, envelope, original_recipient=form["phone_number"], reference=form.get("reference"))
    return accepted | {"content": {"body": content.body, "from_number": envelope.sender}}


@router.post(
    "/v2/notifications/email",
    status_code=201,
    responses={201: {"model": replies.AcceptedEmail}},
    openapi_extra=schemas.body_of(schemas.SEND_EMAIL),
)
async def send_email(asked: Asked, form: Annotated[dict[str, Any], Depends(_email_form)]) -> dict[str, Any]:
    """Accept one email."""
    given = values_of(form, file_refusal="Send files by email has not been set up")
    values = await sanitised(given, form.get("sanitise_content_for") or ())
    template = await asked.template(form["template_id"], "email")
    unsubscribe = form.get("one_click_unsubscribe_url")
    content = await composed(template, values, unsubscribe_url=unsubscribe)
    recipient = email_address(form["email_address"])
    asked.service.allow_recipient(recipient, asked.caller.key)
    reply_to = asked.service.chosen_reply_to(form.get("email_reply_to_id"))
    envelope = Envelope(recipient, asked.service.from_address, asked.service.name, reply_to, unsubscribe)
    accepted = await asked.accept(template, content, envelope, original_recipient=form["email_address"], reference=form.get("reference"))
    return accepted | {
        "content": {
            "subject": content.subject,
            "body": content.body,
            "from_email": envelope.sender,
            "one_click_unsubscribe_url": unsubscribe,
        },
        "sanitised_content": sanitisation.report(given, values),
    }


def values_of(form: dict[str, Any], *, file_refusal: str) -> dict[str, Any]:
    """Return the personalisation. Refuses values other than texts, numbers, booleans and lists of these."""
    values: dict[str, Any] = form.get("personalisation", {})
    for name, value in values.items():
        if isinstance(value, dict):
            if "file" in value:
                raise Refusal.bad_request(file_refusal)
            raise Refusal.invalid(f"personalisation {name[:100]} is not of type string")
        if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            raise Refusal.invalid(f"personalisation {name[:100]} is not a list of strings")
    return values


def _reply(notification: Notification, url: str) -> dict[str, Any]:
    return {
        "id": notification.id,
        "reference": notification.reference,
        "uri": f"{url}/v2/notifications/{notification.id}",
        "template": {
            "id": notification.template,
            "version": notification.template_version,
            "uri": f"{url}/services/{notification.service}/templates/{notification.template}",
        },
        "scheduled_for": None,
    }

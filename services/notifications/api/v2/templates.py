"""GET and preview of templates."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from services.notifications.domain.refusals import Refusal
from services.notifications.domain.templates import Template
from services.notifications.store import Store

from . import replies, schemas
from .composition import composed
from .lists import when
from .send import values_of
from .surface import Caller, Db, NotifyRouter, json_body

router = NotifyRouter()


@router.get("/v2/template/{template_id}", responses={200: {"model": replies.TemplateReply}})
async def get_template(template_id: str, caller: Caller, store: Db) -> dict[str, Any]:
    """Return the current version of a template of the caller's service."""
    return _as_notify(await _template(store, template_id, caller.service.id))


@router.get("/v2/template/{template_id}/version/{version}", responses={200: {"model": replies.TemplateReply}})
async def get_template_version(template_id: str, version: str, caller: Caller, store: Db) -> dict[str, Any]:
    """Return a given version of a template."""
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 12 else version
    schemas.checked({"id": template_id, "version": number}, schemas.TEMPLATE_ID)
    template = await store.templates.version(str(UUID(template_id)), int(version), service=caller.service.id)
    if template is None:
        raise Refusal.not_found()
    return _as_notify(template)


@router.get("/v2/templates", responses={200: {"model": replies.TemplatesReply}}, openapi_extra=schemas.query_of(schemas.LIST_TEMPLATES))
async def list_templates(request: Request, caller: Caller, store: Db) -> dict[str, Any]:
    """Return the service's templates, in the order of their names."""
    query = schemas.checked(dict(request.query_params), schemas.LIST_TEMPLATES)
    found = await store.templates.of_services([caller.service.id], type_=query.get("type"))
    return {"templates": [_as_notify(template) for template in found]}


@router.get("/service/{service_id}/template/{template_id}/versions", responses={200: {"model": replies.VersionsReply}})
async def list_template_versions(service_id: str, template_id: str, caller: Caller, store: Db) -> dict[str, Any]:
    """Return every version, newest first, as the official client's `get_all_template_versions` expects."""
    schemas.checked({"id": template_id}, schemas.TEMPLATE_ID)
    if service_id.lower() != caller.service.id:
        raise Refusal.not_found()
    found = await store.templates.versions(str(UUID(template_id)), service=caller.service.id)
    if not found:
        raise Refusal.not_found()
    return {"versions": [_as_notify(template) for template in found]}


@router.post(
    "/v2/template/{template_id}/preview",
    responses={200: {"model": replies.Preview}},
    openapi_extra=schemas.body_of({**schemas.PREVIEW, "required": []}),
)
async def preview_template(
    template_id: str, caller: Caller, body: Annotated[dict[str, Any], Depends(json_body)], store: Db
) -> dict[str, Any]:
    """Return the message that a template makes with these values."""
    form = schemas.checked({**schemas.as_object(body), "id": template_id}, schemas.PREVIEW)
    template = await _template(store, template_id, caller.service.id)
    values = values_of(form, file_refusal="Can only send a file by email")
    sender = caller.service.chosen_sms_sender(None)
    content = await composed(template, values, prefix=None if sender else caller.service.name)
    return {
        "id": template.id,
        "type": template.type,
        "version": template.version,
        "body": content.body,
        "html": content.html,
        "subject": content.subject,
        "postage": None,
    }


async def _template(store: Store, template_id: str, service: str) -> Template:
    schemas.checked({"id": template_id}, schemas.TEMPLATE_ID)
    template = await store.templates.get(str(UUID(template_id)), service=service)
    if template is None:
        raise Refusal.not_found()
    return template


def _as_notify(template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "type": template.type,
        "created_at": when(template.created_at),
        "updated_at": when(template.updated_at),
        "created_by": template.created_by,
        "version": template.version,
        "body": template.body,
        "subject": template.subject,
        "name": template.name,
        "postage": None,
        "personalisation": {name: {"required": True} for name in template.placeholders},
        "letter_contact_block": None,
    }

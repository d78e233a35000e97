"""The platform's own API, for staff and pipelines: they create and revise templates with an access token of the service's borough."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID, uuid4

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.notifications.domain.placeholders import names_in
from services.notifications.domain.templates import MAX_PLACEHOLDERS, MAX_TEMPLATE_CHARACTERS, Template
from services.notifications.store import Store, Tx
from shared import security
from shared.auth import Caller, require
from shared.clock import now
from shared.http import Problem, Router, provided
from shared.mongo import Conflict, Duplicate

router = Router(tags=["templates"])
Db = Annotated[Store, Depends(provided(Store))]
Writer = Annotated[Caller, require("notifications:template:write")]


class Text(BaseModel):
    """The text of a version of a template."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=255)
    subject: str | None = Field(default=None, min_length=1, max_length=1000, description="Emails only, and required there.")
    body: str = Field(min_length=1, max_length=MAX_TEMPLATE_CHARACTERS)

    @model_validator(mode="after")
    def _has_few_placeholders(self) -> Self:
        if len(names_in(self.subject, self.body)) > MAX_PLACEHOLDERS:
            raise ValueError(f"a template has at most {MAX_PLACEHOLDERS} placeholders")
        return self


class NewTemplate(Text):
    """A new template of one of the caller's borough's services."""

    service: UUID
    type: Literal["email", "sms"]

    @model_validator(mode="after")
    def _subject_fits_type(self) -> Self:
        if (self.type == "email") != (self.subject is not None):
            raise ValueError("an email has a subject, a text message has none")
        return self


class TemplateOut(BaseModel):
    """One version of a template."""

    id: str
    service: str
    type: Literal["email", "sms"]
    name: str
    version: int
    subject: str | None
    body: str
    placeholders: list[str]
    created_at: datetime
    updated_at: datetime | None
    archived: bool

    @classmethod
    def of(cls, template: Template) -> Self:
        """Return the view of a template."""
        return cls(
            id=template.id,
            service=template.service,
            type=template.type,
            name=template.name,
            version=template.version,
            subject=template.subject,
            body=template.body,
            placeholders=template.placeholders,
            created_at=template.created_at,
            updated_at=template.updated_at,
            archived=template.archived,
        )


class TemplateList(BaseModel):
    """Templates in the order of their names."""

    templates: list[TemplateOut]


@router.post("/v1/templates", status_code=201)
async def create_template(new: NewTemplate, caller: Writer, store: Db) -> TemplateOut:
    """Create a template. Its first version is 1."""
    async with store.transaction() as tx:
        await _own_service(tx, str(new.service), caller)
        template = Template(
            id=str(uuid4()),
            service=str(new.service),
            type=new.type,
            name=new.name,
            version=1,
            body=new.body,
            subject=new.subject,
            created_at=now(),
            updated_at=None,
            created_by=caller.client_id,
        )
        await tx.templates.add(template)
    return TemplateOut.of(template)


@router.get("/v1/templates")
async def list_templates(caller: Writer, store: Db, service: UUID | None = None) -> TemplateList:
    """The templates of the caller's borough, or of one of its services."""
    services = await store.services.ids_of_borough(caller.own_borough)
    if service is not None:
        services = [id_ for id_ in services if id_ == str(service)]
    return TemplateList(templates=[TemplateOut.of(template) for template in await store.templates.of_services(services)])


@router.get("/v1/templates/{template_id}")
async def get_template(template_id: UUID, caller: Writer, store: Db) -> TemplateOut:
    """The current version."""
    return TemplateOut.of(await _own_template(store, template_id, caller))


@router.post("/v1/templates/{template_id}/versions", status_code=201)
async def revise_template(template_id: UUID, text: Text, caller: Writer, store: Db) -> TemplateOut:
    """Make the next version, which new messages use. The same text again makes none."""
    async with store.transaction() as tx:
        template = await _own_template(tx, template_id, caller)
        if (template.type == "email") != (text.subject is not None):
            raise Problem(400, "An email has a subject, a text message has none.", type="invalid-input", field="body.subject")
        if template.same_text(name=text.name, body=text.body, subject=text.subject):
            return TemplateOut.of(template)
        revised = template.revised(name=text.name, body=text.body, subject=text.subject, by=caller.client_id, at=now())
        try:
            await tx.templates.revise(revised)
        except Duplicate:
            raise Conflict("another version of this template was made at the same time") from None
    return TemplateOut.of(revised)


async def _own_service(store: Store | Tx, service: str, caller: Caller) -> None:
    if await store.services.of_borough(service, caller.own_borough) is None:
        if await store.services.get(service) is not None:
            _another_boroughs("service", caller)
        raise Problem(404, "No such service", type="not-found", field="body.service")


async def _own_template(store: Store | Tx, template_id: UUID, caller: Caller) -> Template:
    for service in await store.services.ids_of_borough(caller.own_borough):
        template = await store.templates.get(str(template_id), service=service)
        if template is not None:
            return template
    if await store.templates.exists(str(template_id)):
        _another_boroughs("template", caller)
    raise Problem(404, "No such template", type="not-found")


def _another_boroughs(what: str, caller: Caller) -> None:
    """Record that the resource belongs to another borough. The caller gets the same answer as for a resource that does not exist."""
    security.record(security.Event.OTHER_BOROUGH, what, client=caller.client_id, borough=caller.borough)

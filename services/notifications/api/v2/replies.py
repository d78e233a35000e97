"""Models of the replies, for the OpenAPI document alone: the routes build replies as Notify's clients read them."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from services.notifications.domain.notifications import Status

Channel = Literal["email", "sms"]


class TemplateUsed(BaseModel):
    """The template's version that made a message."""

    id: str
    version: int
    uri: str


class SmsContent(BaseModel):
    """A text message to send."""

    body: str
    from_number: str


class EmailContent(BaseModel):
    """An email to send."""

    subject: str
    body: str
    from_email: str
    one_click_unsubscribe_url: str | None


class Accepted(BaseModel):
    """A committed message, which a worker will deliver."""

    id: str = Field(description="Of the notification; a simulated recipient's leads nowhere.")
    reference: str | None
    uri: str
    template: TemplateUsed
    scheduled_for: None


class AcceptedSms(Accepted):
    """A committed text message, which a worker will deliver."""

    content: SmsContent


class AcceptedEmail(Accepted):
    """A committed email, which a worker will deliver."""

    content: EmailContent
    sanitised_content: dict[str, dict[str, Any]] = Field(description="Values that `sanitise_content_for` changed, before and after.")


class NotificationReply(BaseModel):
    """One message and its status."""

    id: str
    reference: str | None
    email_address: str | None
    phone_number: str | None
    line_1: None
    line_2: None
    line_3: None
    line_4: None
    line_5: None
    line_6: None
    postcode: None
    postage: None
    type: Channel
    status: Status
    template: TemplateUsed
    body: str
    subject: str | None
    created_at: AwareDatetime
    created_by_name: None
    sent_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    scheduled_for: None
    one_click_unsubscribe_url: str | None
    cost_details: dict[str, int]
    cost_in_pounds: float
    is_cost_data_ready: bool


class Links(BaseModel):
    """The link of the page, and of the next one if this page is not empty."""

    current: str
    next: str = ""


class NotificationPage(BaseModel):
    """Messages, newest first."""

    notifications: list[NotificationReply]
    links: Links


class Required(BaseModel):
    """Whether a placeholder requires a value."""

    required: bool


class TemplateReply(BaseModel):
    """One version of a template."""

    id: str
    type: Channel
    created_at: AwareDatetime
    updated_at: AwareDatetime | None
    created_by: str
    version: int
    body: str
    subject: str | None
    name: str
    postage: None
    personalisation: dict[str, Required]
    letter_contact_block: None


class TemplatesReply(BaseModel):
    """The service's templates."""

    templates: list[TemplateReply]


class VersionsReply(BaseModel):
    """A template's versions, newest first."""

    versions: list[TemplateReply]


class Preview(BaseModel):
    """A rendered message that nobody sends."""

    id: str
    type: Channel
    version: int
    body: str
    html: str | None
    subject: str | None
    postage: None

"""Templates, their versions, and the message that a template and its values make."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from . import sms
from .markdown import EmailBody
from .placeholders import Personalisation, as_bullets, as_sentence, fill, filled_size, names_in
from .refusals import Refusal

TemplateType = Literal["email", "sms"]
MAX_EMAIL_BYTES = 2_000_000
"""Of the markdown with its values in, as GOV.UK Notify limits it."""
MAX_HTML_BYTES = 4_000_000
"""Of the HTML that is made of it: escapes (`"` takes six bytes) and marks around each line may multiply a text."""
MAX_SUBJECT_CHARACTERS = 2_000
MAX_TEMPLATE_CHARACTERS = 100_000
MAX_PLACEHOLDERS = 500


@dataclass(frozen=True)
class Template:
    """One version of a message that a service sends. A version is never changed; a new text is a new version."""

    id: str
    service: str
    type: TemplateType
    name: str
    version: int
    body: str
    subject: str | None
    """Emails only."""
    created_at: datetime
    updated_at: datetime | None
    created_by: str
    archived: bool = False

    @property
    def placeholders(self) -> list[str]:
        """The names of the values that it wants, subject first."""
        return names_in(self.subject, self.body)

    def revised(self, *, name: str, body: str, subject: str | None, by: str, at: datetime) -> "Template":
        """The next version."""
        return replace(self, version=self.version + 1, name=name, body=body, subject=subject, created_by=by, updated_at=at)

    def same_text(self, *, name: str, body: str, subject: str | None) -> bool:
        """Whether a new version with this text would change nothing."""
        return (self.name, self.body, self.subject) == (name, body, subject)


@dataclass(frozen=True)
class Content:
    """A message as its recipient gets it."""

    body: str
    """A text message as it is sent; an email's markdown with the values in."""
    subject: str | None = None
    html: str | None = None
    """An email's body as HTML elements."""
    text: str | None = None
    """An email's body as plain text."""


def compose(template: Template, values: Mapping[str, Any], *, prefix: str | None = None, unsubscribe_url: str | None = None) -> Content:
    """Write the message. `prefix` (the service's name) goes in front of a text message.

    Refuses a missing value, an empty message, and one that is too long, in Notify's words.
    """
    personalisation = Personalisation(values)
    if missing := personalisation.missing(template.placeholders):
        raise Refusal.bad_request(f"Missing personalisation: {', '.join(missing)}")
    if template.type == "sms":
        return _text_message(template, personalisation, prefix)
    return _email(template, personalisation, unsubscribe_url)


def _text_message(template: Template, values: Personalisation, prefix: str | None) -> Content:
    if (size := filled_size(template.body, values, as_sentence)) > sms.MAX_RAW_CHARACTERS:
        raise _text_too_long(size)
    filled = fill(template.body, values, as_sentence)
    length = len(sms.to_gsm(sms.tidy(filled)))
    if not length:
        raise Refusal.bad_request("Your message is empty.")
    if length > sms.MAX_CHARACTERS:
        raise _text_too_long(length)
    return Content(body=sms.to_gsm(sms.tidy(sms.with_prefix(filled, prefix))))


def _text_too_long(length: int) -> Refusal:
    return Refusal.bad_request(
        f"Your message is too long. Text messages cannot be longer than {sms.MAX_CHARACTERS} characters. "
        f"Your message is {length} characters long."
    )


def _email(template: Template, values: Personalisation, unsubscribe_url: str | None) -> Content:
    if (size := filled_size(template.body, values, as_bullets)) > MAX_EMAIL_BYTES:
        raise Refusal.bad_request(
            f"Your message is too long. Emails cannot be longer than {MAX_EMAIL_BYTES} bytes. Your message is {size} bytes."
        )
    body = fill(template.body, values, as_bullets).strip()
    if not body:
        raise Refusal.bad_request("Your message is empty.")
    subject = _subject(template, values)
    foot = f"\n\n---\n\n[Unsubscribe from these emails]({unsubscribe_url})" if unsubscribe_url else ""
    written = EmailBody(template.body + foot, values)
    html, text = written.html(), written.text()
    if (size := max(len(html.encode()), len(text.encode()))) > MAX_HTML_BYTES:
        raise Refusal.bad_request(
            f"Your message is too long. As HTML, emails cannot be longer than {MAX_HTML_BYTES} bytes. Your message is {size} bytes."
        )
    return Content(body=body, subject=subject, html=html, text=text)


def _subject(template: Template, values: Personalisation) -> str:
    subject = template.subject or ""
    if (size := filled_size(subject, values, as_sentence)) <= 4 * MAX_SUBJECT_CHARACTERS:  # UTF-8 takes at most four bytes a character
        filled = re.sub(r"\s+", " ", fill(subject, values, as_sentence)).strip()
        size = len(filled)
        if size <= MAX_SUBJECT_CHARACTERS:
            return filled
    raise Refusal.bad_request(
        f"Your subject is too long. Subjects cannot be longer than {MAX_SUBJECT_CHARACTERS} characters. "
        f"Your subject is {size} characters long."
    )

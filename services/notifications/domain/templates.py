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
"""The most bytes of markdown with its values, as at GOV.UK Notify."""
MAX_HTML_BYTES = 4_000_000
"""The most bytes of HTML. Escapes (`"` takes six bytes) and marks around each line may multiply a text."""
MAX_SUBJECT_CHARACTERS = 2_000
MAX_TEMPLATE_CHARACTERS = 100_000
MAX_PLACEHOLDERS = 500


@dataclass(frozen=True)
class Template:
    """One version of a template. A version never changes; a new text is a new version."""

    id: str
    service: str
    type: TemplateType
    name: str
    version: int
    body: str
    subject: str | None
    """The subject, of emails only."""
    created_at: datetime
    updated_at: datetime | None
    created_by: str
    archived: bool = False

    @property
    def placeholders(self) -> list[str]:
        """The names of its placeholders, those of the subject first."""
        return names_in(self.subject, self.body)

    def revised(self, *, name: str, body: str, subject: str | None, by: str, at: datetime) -> "Template":
        """Return the next version."""
        return replace(self, version=self.version + 1, name=name, body=body, subject=subject, created_by=by, updated_at=at)

    def same_text(self, *, name: str, body: str, subject: str | None) -> bool:
        """Return whether a new version with this text would change nothing."""
        return (self.name, self.body, self.subject) == (name, body, subject)


@dataclass(frozen=True)
class Content:
    """The content of a message as its recipient gets it."""

    body: str
    """The text of a text message, or an email's markdown with its values."""
    subject: str | None = None
    html: str | None = None
    """An email's body as HTML elements."""
    text: str | None = None
    """An email's body as plain text."""


def compose(template: Template, values: Mapping[str, Any], *, prefix: str | None = None, unsubscribe_url: str | None = None) -> Content:
    """Compose the message. `prefix` (the service's name) precedes a text message.

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
    length = len(sms.to_gsm(sms.collapse_spaces(filled)))
    if not length:
        raise Refusal.bad_request("Your message is empty.")
    if length > sms.MAX_CHARACTERS:
        raise _text_too_long(length)
    return Content(body=sms.to_gsm(sms.collapse_spaces(sms.with_prefix(filled, prefix))))


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

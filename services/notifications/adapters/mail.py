"""Emails as MIME messages (RFC 5322)."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from html import escape

from services.notifications.domain.notifications import Notification

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=200)


def message_id(notification: str, domain: str) -> str:
    """Return the Message-ID of a notification. It is always the same, so a delivery repeated after a crash is the same message (RFC 5322,
    3.6.4).
    """
    return f"<{notification}@{domain}>"


def compose(notification: Notification, *, domain: str, traceparent: str | None) -> EmailMessage:
    """Compose the message with plain text and HTML. The same notification makes the same message each time."""
    envelope, content = notification.envelope, notification.content
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = formataddr((envelope.sender_name, envelope.sender))
    mail["To"] = in_ascii(envelope.recipient)
    mail["Subject"] = content.subject or ""
    mail["Date"] = format_datetime(notification.created_at)
    mail["Message-ID"] = message_id(notification.id, domain)
    mail["X-Notification-Id"] = notification.id
    mail["Auto-Submitted"] = "auto-generated"
    if envelope.reply_to:
        mail["Reply-To"] = envelope.reply_to
    if envelope.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{envelope.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if traceparent:
        mail["traceparent"] = traceparent
    mail.set_content(content.text or content.body)
    if content.html:
        mail.add_alternative(_document(content.subject or "", content.html), subtype="html")
    return mail


def in_ascii(address: str) -> str:
    """Return the address with its host in ASCII (IDNA), which every mail server accepts."""
    local, _, host = address.rpartition("@")
    return f"{local}@{host.encode('idna').decode('ascii')}"


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n</head>\n"
        '<body style="margin: 0; padding: 30px; max-width: 580px; font-family: Helvetica, Arial, sans-serif; color: #0b0c0c;">\n'
        f"{body}\n</body>\n</html>\n"
    )

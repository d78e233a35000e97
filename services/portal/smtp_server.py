"""An SMTP server (RFC 5321) that stores each message before it acknowledges it."""

import asyncio
import logging
import re
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as mime
from hashlib import sha256

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.portal.settings import Settings
from services.portal.store import Captured, Store
from shared import telemetry
from shared.clock import now
from shared.mongo import DatabaseError

log = logging.getLogger(__name__)
MOST_BYTES = 20_000_000
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, 3.2.1."""


class SmtpServer:
    """Listens on `port` from `start` to `stop`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._keep = timedelta(days=settings.capture_days)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port; the operating system chooses it if the setting is 0."""
        if self._server is None:
            return self._settings.smtp_port
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises OSError if the port is in use."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="capture.localhost", ident="London Building Blocks capture", data_size_limit=MOST_BYTES, loop=loop),
            self._settings.smtp_host,
            self._settings.smtp_port,
            backlog=self._settings.smtp_most_connections,
        )

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],  # noqa: ARG002
    ) -> str:
        """Accept one recipient a message, because a row is one message to one person. Further recipients need transactions of their own."""
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Store the message, then acknowledge it."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        try:
            mail = message_from_bytes(content, _class=EmailMessage, policy=mime)
            message = read(mail, content, to=envelope.rcpt_tos[0], sender=envelope.mail_from or "")
        except (ValueError, LookupError, RecursionError) as error:
            log.info("a message could not be read: %s", type(error).__name__)
            return "554 5.6.0 The message is not readable"
        try:
            with telemetry.continued(str(mail["traceparent"] or "") or None, "capture email", kind=telemetry.SERVER):
                await self._store.captured.add(message, at=now(), keep=self._keep)
        except DatabaseError as error:
            log.warning("a message could not be stored: %s", type(error).__name__)
            return "451 4.3.0 Try again later"
        return "250 2.0.0 Stored"


def read(mail: EmailMessage, content: bytes, *, to: str, sender: str) -> Captured:
    """Parse a message. Its content identifies a message without a Message-ID."""
    traceparent = _TRACEPARENT.fullmatch(str(mail["traceparent"] or "").strip())
    return Captured(
        channel="email",
        key=str(mail["Message-ID"] or "").strip()[:500] or f"<{sha256(content).hexdigest()}@capture>",
        to=to,
        sender=_clean(str(mail["From"] or sender)),
        subject=_clean(str(mail["Subject"] or "")),
        body=_part(mail, "plain") or "",
        html=_part(mail, "html"),
        notification_id=_clean(str(mail["X-Notification-Id"])).strip() if mail["X-Notification-Id"] else None,
        trace_id=traceparent.group(1) if traceparent else None,
    )


def _part(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    if part is None:
        return None
    content = part.get_content()
    return _clean(content).replace("\r\n", "\n") if isinstance(content, str) else None


def _clean(text: str) -> str:
    """Return text that every database stores: undecodable bytes become the replacement character."""
    return text.encode("utf-8", "replace").decode()

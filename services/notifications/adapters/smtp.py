"""Email by SMTP (RFC 5321), over connections that it reuses."""

import asyncio
import logging
import ssl
import time
from collections import deque

import aiosmtplib

from services.notifications.domain.delivery import Answer
from services.notifications.domain.notifications import Notification
from services.notifications.settings import Settings
from shared import telemetry

from . import mail

log = logging.getLogger(__name__)
IDLE_SECONDS = 10.0
"""Closes a connection that was idle for longer: servers hang up."""
CONFIGURATION_REPLIES = frozenset({500, 501, 502, 503, 504, 530, 534, 535, 538})
"""Refusals of our own configuration (RFC 5321, 4.2.2; RFC 4954, 6), which an operator may repair before the next attempt."""


class SmtpProvider:
    """Sends emails to one SMTP server, each over a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: deque[tuple[aiosmtplib.SMTP, float]] = deque()

    async def send(self, notification: Notification) -> Answer:
        """Send the message to the server and return its answer. Raises no error of a server or a network."""
        settings = self._settings
        with telemetry.span("SMTP send", kind=telemetry.CLIENT) as span:
            span.set_attributes({"server.address": settings.smtp_host, "server.port": settings.smtp_port})
            content = mail.compose(notification, domain=settings.mail_domain, traceparent=telemetry.carried(span)).as_bytes()
            try:
                async with asyncio.timeout(settings.provider_timeout * 2):
                    answer = await self._send(notification, content)
            except (aiosmtplib.SMTPException, OSError, TimeoutError, ssl.SSLError) as failure:
                answer = _answer_of(failure)
                log.info("the mail server did not take a message: %s, %s", type(failure).__name__, answer.value)
                span.set_attribute("error.type", type(failure).__name__)
            return answer

    async def close(self) -> None:
        """Quit every idle connection."""
        while self._idle:
            connection, _ = self._idle.popleft()
            connection.close()

    async def _send(self, notification: Notification, content: bytes) -> Answer:
        connection = await self._connection()
        try:
            await connection.sendmail(notification.envelope.sender, [mail.in_ascii(notification.envelope.recipient)], content)
        except aiosmtplib.SMTPResponseException:
            await self._reset(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._idle.append((connection, time.monotonic()))
        return Answer.TAKEN

    async def _reset(self, connection: aiosmtplib.SMTP) -> None:
        """Reset the transaction after a refusal, or close the connection."""
        try:
            await connection.rset()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            connection.close()
        else:
            self._idle.append((connection, time.monotonic()))

    async def _connection(self) -> aiosmtplib.SMTP:
        while self._idle:
            connection, since = self._idle.pop()
            if connection.is_connected and time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.close()
        settings = self._settings
        connection = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            timeout=settings.provider_timeout,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
        )
        try:
            await connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection


def _answer_of(failure: Exception) -> Answer:
    if isinstance(failure, aiosmtplib.SMTPRecipientsRefused):
        return _answer_of_code(min((refused.code for refused in failure.recipients), default=450))
    if isinstance(failure, aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPDataError | aiosmtplib.SMTPRecipientRefused):
        return _answer_of_code(failure.code)
    return Answer.NOT_NOW


def _answer_of_code(code: int) -> Answer:
    return Answer.REFUSED if 500 <= code < 600 and code not in CONFIGURATION_REPLIES else Answer.NOT_NOW

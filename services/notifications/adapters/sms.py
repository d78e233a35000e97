"""Texts by HTTP POST. The dedupe key is the notification's id, so that a repeated delivery is the same text to the provider."""

import logging

import httpx

from services.notifications.domain.delivery import Answer
from services.notifications.domain.notifications import Notification
from services.notifications.settings import Settings
from shared.http import client

log = logging.getLogger(__name__)
PERMANENT_STATUSES = frozenset({400, 410, 413, 422})
"""These statuses refuse the text for good; others concern the connection, its permissions or the moment."""


class SmsProvider:
    """Sends texts to one provider's HTTP interface."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.sms_url
        self._http = client(timeout=httpx.Timeout(settings.provider_timeout))

    async def send(self, notification: Notification) -> Answer:
        """Send the text to the provider and return its answer. Raises no error of a server or a network."""
        try:
            response = await self._http.post(
                self._url,
                headers={"Idempotency-Key": notification.id},
                json={
                    "dedupe_key": notification.id,
                    "notification_id": notification.id,
                    "to": notification.envelope.recipient,
                    "from": notification.envelope.sender,
                    "body": notification.content.body,
                },
            )
        except httpx.HTTPError as failure:
            log.info("the text provider did not answer: %s", type(failure).__name__)
            return Answer.NOT_NOW
        if response.is_success:
            return Answer.TAKEN
        log.info("the text provider did not take a message: status %d", response.status_code)
        return Answer.REFUSED if response.status_code in PERMANENT_STATUSES else Answer.NOT_NOW

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

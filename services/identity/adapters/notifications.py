"""Sends emails through the notifications block, over its GOV.UK Notify API."""

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import SecretStr

from shared.clock import now
from shared.http import client

SERVICE_ID = slice(-73, -37)
SECRET = slice(-36, None)
TRANSIENT_STATUSES = {408, 409, 425, 429}
"""HTTP statuses of failures that a later attempt may not meet."""


class RefusedError(Exception):
    """Notifications rejects the recipient's address for good."""


class MisconfiguredError(Exception):
    """Notifications rejects every message of this service: its key, the template or the placeholders are wrong. An operator must correct
    them.
    """


class UnreachableError(Exception):
    """Notifications did not accept the message; a later attempt may succeed."""


class Notifications:
    """A client of notifications with one key, `name-service_id-secret` as GOV.UK Notify writes it."""

    def __init__(self, url: str, key: SecretStr, template: str) -> None:
        self._http = client(url)
        self._service = key.get_secret_value()[SERVICE_ID]
        self._secret = OctKey.import_key(key.get_secret_value()[SECRET])
        self._template = template

    async def send_code(self, message: str, address: str, code: str) -> None:
        """Send a sign-in code. Repeated calls with the same `message` id send it once.

        Raises RefusedError, MisconfiguredError or UnreachableError. `message` is the Idempotency-Key, and never the reference:
        notifications seals its stored reply under that key, and stores references.
        """
        body = {"email_address": address, "template_id": self._template, "personalisation": {"code": code}}
        headers = {"Authorization": f"Bearer {self._token()}", "Idempotency-Key": message}
        try:
            answer = await self._http.post("/v2/notifications/email", json=body, headers=headers)
        except httpx.HTTPError as error:
            raise UnreachableError(type(error).__name__) from error
        if answer.status_code == 400 and '"ValidationError"' in answer.text and '"email_address ' in answer.text:
            raise RefusedError("the address is not one that it sends to")
        if 400 <= answer.status_code < 500 and answer.status_code not in TRANSIENT_STATUSES:
            raise MisconfiguredError(f"status {answer.status_code}")
        if answer.status_code != 201:
            raise UnreachableError(f"status {answer.status_code}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _token(self) -> str:
        claims = {"iss": self._service, "iat": int(now().timestamp())}
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, self._secret, algorithms=["HS256"])

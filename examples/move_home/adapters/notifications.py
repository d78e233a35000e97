"""The notifications service, as a council service uses GOV.UK Notify: its API, its key, its token."""

from typing import Literal

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey

from shared import clock

NEVER_TAKEN = {400, 404, 413, 422}
Channel = Literal["email", "sms"]


class Notifications:
    """A client of notifications for one service's key `name-service_id-secret`."""

    def __init__(self, http: httpx.AsyncClient, key: str, templates: dict[Channel, str]) -> None:
        self._http = http
        self._service, self._secret = key[-73:-37], OctKey.import_key(key[-36:])
        self._templates = templates

    async def send(self, channel: Channel, to: str, personalisation: dict[str, str | list[str]], *, reference: str, key: str) -> bool:
        """Send one message, once for each `key`; False if it is refused for good. Raises httpx.HTTPError for a temporary failure."""
        recipient = {"email": "email_address", "sms": "phone_number"}[channel]
        body = {recipient: to, "template_id": self._templates[channel], "personalisation": personalisation, "reference": reference}
        response = await self._http.post(f"/v2/notifications/{channel}", json=body, headers=self._headers(key))
        if response.status_code in NEVER_TAKEN:
            return False
        response.raise_for_status()
        return True

    async def status(self, channel: Channel, reference: str) -> str | None:
        """Return the status of the message with that reference, in GOV.UK Notify's terms; None without one."""
        query = {"reference": reference, "template_type": channel}
        response = await self._http.get("/v2/notifications", params=query, headers=self._headers())
        found = response.raise_for_status().json()["notifications"]
        return str(found[0]["status"]) if found else None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _headers(self, key: str | None = None) -> dict[str, str]:
        token = jwt.encode({"typ": "JWT", "alg": "HS256"}, {"iss": self._service, "iat": int(clock.now().timestamp())}, self._secret)
        return {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})

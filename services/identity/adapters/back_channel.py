"""Sends logout tokens to clients' servers (OpenID Connect Back-Channel Logout 1.0 section 2.5)."""

import httpx

from shared.http import client

TIMEOUT = httpx.Timeout(5.0, connect=3.0)


class LogoutNotDeliveredError(Exception):
    """The client did not accept the logout token; a later attempt may succeed."""


class BackChannel:
    """Posts logout tokens, and follows no redirect."""

    def __init__(self) -> None:
        self._http = client(timeout=TIMEOUT)

    async def send(self, url: str, logout_token: str) -> None:
        """Deliver one logout token. Raises LogoutNotDeliveredError unless the client answers with success."""
        try:
            answer = await self._http.post(url, data={"logout_token": logout_token})
        except httpx.HTTPError as error:
            raise LogoutNotDeliveredError(type(error).__name__) from error
        if not answer.is_success:
            raise LogoutNotDeliveredError(f"status {answer.status_code}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

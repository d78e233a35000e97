"""Sends logout tokens to clients' servers (OpenID Connect Back-Channel Logout 1.0 section 2.5)."""

import httpx

from shared.http import client

TIMEOUT = httpx.Timeout(5.0, connect=3.0)


class NotToldError(Exception):
    """The client did not take the logout token now; it may later."""


class BackChannel:
    """Posts logout tokens. Redirects are not followed."""

    def __init__(self) -> None:
        self._http = client(timeout=TIMEOUT)

    async def send(self, url: str, logout_token: str) -> None:
        """Deliver one logout token. Raises NotToldError unless the client answers with success."""
        try:
            answer = await self._http.post(url, data={"logout_token": logout_token})
        except httpx.HTTPError as error:
            raise NotToldError(type(error).__name__) from error
        if not answer.is_success:
            raise NotToldError(f"status {answer.status_code}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

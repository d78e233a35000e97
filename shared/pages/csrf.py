"""Protection of forms against cross-site request forgery.

Each form carries a token: a nonce, and its HMAC-SHA256 together with the value of a cookie. The cookie is the session or, without one, a
random value (OWASP's signed double-submit cookie). If `Sec-Fetch-Site` names another origin, the check fails before it reads the token.
"""

import hashlib
import hmac
import secrets

from starlette.exceptions import HTTPException

from shared import security

FIELD = "csrf_token"
OWN = {"same-origin", "none"}


class ForgeryError(HTTPException):
    """403: another site sent the form, or the page is older than the session."""

    def __init__(self) -> None:
        super().__init__(403, "This page is too old, or it was not ours. Go back, load the page again, and send it once more.")


class Tokens:
    """Issues and checks form tokens. Every replica of a service has the same secret."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"form tokens\0" + secret.encode()).digest()

    def issue(self, cookie: str) -> str:
        """Return a token for a browser with this cookie value."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._seal(nonce, cookie)}"

    def check(self, token: str, cookie: str, fetch_site: str | None) -> None:
        """Raise `ForgeryError` unless the token was issued for this cookie value, and the browser names no other origin in `fetch_site`."""
        if fetch_site is not None and fetch_site not in OWN:
            security.record(security.Event.FORM_FORGED, "other_site")
            raise ForgeryError
        nonce, _, seal = token.partition(".")
        if not cookie or not hmac.compare_digest(seal.encode(), self._seal(nonce, cookie).encode()):
            security.record(security.Event.FORM_FORGED, "token")
            raise ForgeryError

    def _seal(self, nonce: str, cookie: str) -> str:
        return hmac.new(self._key, f"{nonce}\0{cookie}".encode(), hashlib.sha256).hexdigest()

"""Protection of forms against cross-site request forgery.

Each form carries a token: a nonce, and its HMAC-SHA256 together with what the browser holds in a cookie: the session
where there is one, a random value where there is none yet (OWASP's signed double-submit cookie). A browser that says by
`Sec-Fetch-Site` that another origin sent the form is refused before any token is looked at.
"""

import hashlib
import hmac
import secrets

from starlette.exceptions import HTTPException

from shared import security

FIELD = "csrf_token"
OWN = {"same-origin", "none"}


class ForgeryError(HTTPException):
    """403: the form was not sent from our own page, or the page is older than the session."""

    def __init__(self) -> None:
        super().__init__(403, "This page is too old, or it was not ours. Go back, load the page again, and send it once more.")


class Tokens:
    """Makes and checks form tokens; every replica of a service has the same secret."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"form tokens\0" + secret.encode()).digest()

    def issue(self, held: str) -> str:
        """A token for a browser that holds `held` in its cookie."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._seal(nonce, held)}"

    def check(self, token: str, held: str, fetch_site: str | None) -> None:
        """Raise `ForgeryError` unless `token` was issued to a browser that holds `held`, and our own page sent it."""
        if fetch_site is not None and fetch_site not in OWN:
            security.record(security.Event.FORM_FORGED, "other_site")
            raise ForgeryError
        nonce, _, seal = token.partition(".")
        if not held or not hmac.compare_digest(seal.encode(), self._seal(nonce, held).encode()):
            security.record(security.Event.FORM_FORGED, "token")
            raise ForgeryError

    def _seal(self, nonce: str, held: str) -> str:
        return hmac.new(self._key, f"{nonce}\0{held}".encode(), hashlib.sha256).hexdigest()

"""GOV.UK Notify's request tokens: JWTs (RFC 7519) that the client signs with its key's secret for each call."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from .refusals import Refusal
from .senders import ApiKey, Service, is_in_time

MALFORMED = (
    "Invalid token: make sure your API token matches the example at "
    "https://docs.notifications.service.gov.uk/rest-api.html#authorisation-header"
)
CLOCK = "Error: Your system clock must be accurate to within 30 seconds"
MAX_TOKEN_CHARACTERS = 4096


def bearer_token(authorization: str | None) -> str:
    """Return the token in an Authorization header; the scheme's case does not count."""
    if not authorization:
        raise Refusal.unauthenticated(401, "Unauthorized: authentication token must be provided")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refusal.unauthenticated(401, "Unauthorized: authentication bearer scheme must be used")
    return token.strip()


class RequestToken:
    """A parsed token, not verified yet."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TOKEN_CHARACTERS:
            raise Refusal.unauthenticated(403, MALFORMED)
        try:
            self._signed = jws.extract_compact(text.encode("ascii"))
            claims = json.loads(self._signed.payload)
            self._header = self._signed.headers()
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise Refusal.unauthenticated(403, MALFORMED) from None
        if not isinstance(claims, dict):
            raise Refusal.unauthenticated(403, MALFORMED)
        self._claims = claims

    def service_id(self) -> str:
        """Return the service that the token names, as a UUID in lower case."""
        if "iss" not in self._claims:
            raise Refusal.unauthenticated(403, "Invalid token: iss field not provided")
        try:
            return str(UUID(self._claims["iss"]))
        except (ValueError, AttributeError, TypeError):
            raise Refusal.unauthenticated(403, "Invalid token: service id is not the right data type") from None

    def key_of(self, service: Service, at: datetime) -> ApiKey:
        """Return the key that signed the token. Tries every key of the service; recognises and refuses a revoked one."""
        if not service.keys:
            raise Refusal.unauthenticated(403, "Invalid token: service has no API keys")
        if not service.active:
            raise Refusal.unauthenticated(403, "Invalid token: service is archived")
        if self._header.get("alg") != "HS256":
            raise Refusal.unauthenticated(403, "Invalid token: algorithm used is not HS256")
        key = self._signer(service.keys)
        if key is None or "iat" not in self._claims:
            raise Refusal.unauthenticated(403, "Invalid token: API key not found")
        if not is_in_time(self._claims["iat"], at):
            raise Refusal.unauthenticated(403, CLOCK)
        if key.revoked:
            raise Refusal.unauthenticated(403, "Invalid token: API key revoked")
        return key

    def _signer(self, keys: Sequence[ApiKey]) -> ApiKey | None:
        for key in keys:
            try:
                if jws.validate_compact(self._signed, OctKey.import_key(key.secret), algorithms=["HS256"]):
                    return key
            except JoseError:
                continue
        return None

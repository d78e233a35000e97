"""Client authentication at the token endpoint (RFC 6749 section 2.3, RFC 7523, OpenID Connect Core section 9)."""

import base64
import binascii
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import unquote_plus

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.identity.domain.clients import AuthenticationMethod, Client
from services.identity.domain.errors import OAuthError
from services.identity.domain.parameters import Parameters
from services.identity.provider import Provider
from shared import security
from shared.clock import now

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ("ES256", "PS256", "RS256", "Ed25519")
ASSERTION_LIFE = timedelta(minutes=10)
MAX_ASSERTION = 8192


class ClientAuthentication:
    """Authenticates the client. Every failure has the same answer, which reveals no reason."""

    def __init__(self, op: Provider) -> None:
        self._store = op.store
        self._vault = op.vault
        self._issuer = op.issuer

    async def client(self, authorization: str | None, parameters: Parameters) -> Client:
        """Return the authenticated client. Raises invalid_client, or invalid_request for two methods in one request."""
        used = _methods_used(authorization, parameters)
        if len(used) > 1:
            raise OAuthError("invalid_request", "Use one method of client authentication")
        method = used[0] if used else "none"
        match method:
            case "client_secret_basic":
                client_id, secret = _basic(authorization or "")
                if parameters.get("client_id") not in {None, client_id}:
                    raise _failed("malformed")
                return await self._by_secret(client_id, secret, method)
            case "client_secret_post":
                return await self._by_secret(parameters.get("client_id") or "", parameters.get("client_secret") or "", method)
            case "private_key_jwt":
                return await self._by_assertion(parameters)
            case "none":
                return await self._registered(parameters.get("client_id") or "", method)

    async def _registered(self, client_id: str, method: AuthenticationMethod) -> Client:
        client = await self._store.clients.get(client_id)
        if client is None:
            raise _failed("unknown_client")
        if not client.accepts(method):
            raise _failed("method", client)
        return client

    async def _by_secret(self, client_id: str, secret: str, method: AuthenticationMethod) -> Client:
        client = await self._registered(client_id, method)
        if not hmac.compare_digest(client.secret_digest or "", self._vault.digest("client-secret", secret)):
            raise _failed("wrong_secret", client)
        return client

    async def _by_assertion(self, parameters: Parameters) -> Client:
        assertion = parameters.get("client_assertion") or ""
        if parameters.get("client_assertion_type") != ASSERTION_TYPE or len(assertion) > MAX_ASSERTION:
            raise _failed("malformed")
        client = await self._registered(_unverified_subject(assertion), "private_key_jwt")
        if parameters.get("client_id") not in {None, client.client_id}:
            raise _failed("malformed")
        try:
            keys = KeySet.import_key_set(cast(Any, client.jwks))
            claims = jwt.decode(assertion, keys, algorithms=list(ASSERTION_ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise _failed("forged_assertion", client) from None
        expires_at = self._check_assertion(claims, client)
        digest = self._vault.digest("assertion", f"{client.client_id}:{claims['jti']}")
        if not await self._store.clients.note_assertion(digest, expires_at):
            raise _failed("assertion_reused", client)
        return client

    def _check_assertion(self, claims: dict[str, Any], client: Client) -> datetime:
        """Check the claims that RFC 7523 section 3 requires. Returns the assertion's expiry, at most ten minutes from now."""
        audiences: list[Any] = [self._issuer]
        if client.policy.token_url_as_assertion_audience:
            audiences += [f"{self._issuer}/token", [self._issuer], [f"{self._issuer}/token"]]
        expires, token_id = claims.get("exp"), claims.get("jti")
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id or claims.get("aud") not in audiences:
            raise _failed("assertion", client)
        if not isinstance(expires, int | float) or not isinstance(token_id, str) or not 1 <= len(token_id) <= 200:
            raise _failed("assertion", client)
        at = now().timestamp()
        if not at < expires <= at + ASSERTION_LIFE.total_seconds() or not token_id.isprintable():
            raise _failed("assertion", client)
        return datetime.fromtimestamp(expires, UTC)


def _failed(reason: str, client: Client | None = None) -> OAuthError:
    """Log the reason, and return the answer of every failure. `client` is the registered client that the request names."""
    security.record(
        security.Event.CLIENT_REFUSED, reason, client=client.client_id if client else None, borough=client.borough if client else None
    )
    return OAuthError("invalid_client", "Client authentication failed")


def _methods_used(authorization: str | None, parameters: Parameters) -> list[AuthenticationMethod]:
    used: list[AuthenticationMethod] = []
    if authorization is not None:
        used.append("client_secret_basic")
    if parameters.get("client_secret") is not None:
        used.append("client_secret_post")
    if parameters.get("client_assertion") is not None or parameters.get("client_assertion_type") is not None:
        used.append("private_key_jwt")
    return used


def _basic(authorization: str) -> tuple[str, str]:
    """Return client id and secret of a Basic header; each was form-encoded before they were joined (RFC 6749 section 2.3.1)."""
    scheme, _, credentials = authorization.partition(" ")
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise _failed("malformed") from None
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise _failed("malformed")
    return unquote_plus(client_id), unquote_plus(secret)


def _unverified_subject(assertion: str) -> str:
    """Return the unverified `sub` of an assertion. It serves only to find the keys that verify the assertion."""
    try:
        subject = str(json.loads(jws.extract_compact(assertion.encode()).payload)["sub"])
        subject.encode()  # JSON may contain a lone surrogate, which no database stores
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        raise _failed("malformed") from None
    return subject

"""A relying party of identity: OpenID Connect's authorization code flow with PKCE (RFC 7636)."""

import asyncio
import hmac
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict

from examples.move_home.seal import new_secret
from examples.move_home.settings import Settings
from shared import clock
from shared.http import client as traced

Kind = Literal["citizen", "staff"]
SCOPES: dict[Kind, str] = {
    "citizen": "openid email profile data_sharing:record:read",
    "staff": "openid profile staff",
}
METADATA_SECONDS = 300.0
CLOCK_SECONDS = 5
"""Seconds that identity's clock and ours may differ."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class SignInFailed(Exception):  # noqa: N818 (what happened, not a fault of ours)
    """Identity returned the person without a sign-in, or with a token for another client. `code` is OAuth's error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Attempt(BaseModel):
    """One round trip to identity; the browser keeps it, encrypted."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    state: str
    nonce: str
    verifier: str
    back_to: str
    """The path to show after sign-in."""
    silent: bool = False


@dataclass(frozen=True)
class SignedIn:
    """A signed-in person, and the token that acts for them."""

    subject: str
    email: str | None
    name: str | None
    borough: str | None
    """GSS code of a member of staff's borough."""
    access_token: str
    expires_at: datetime
    id_token: str
    """Names the session to identity at sign-out."""
    session: str | None
    """Identity's session (`sid`); back-channel logout reports its end."""


class LogoutRefused(Exception):  # noqa: N818 (what happened, not a fault of ours)
    """The logout token is not one of identity's for this client."""


@dataclass(frozen=True)
class SignOut:
    """The form that ends identity's own session (OpenID Connect RP-Initiated Logout 1.0, section 2): sent by POST, never in an address."""

    address: str
    fields: dict[str, str]


class Identity:
    """The relying party's side of identity."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.issuer.rstrip("/")
        self._client_id = settings.client_id
        self._client_secret = settings.client_secret
        self._redirect_uri = f"{settings.public_url}/sign-in/callback"
        self._after_sign_out = f"{settings.public_url}/"
        self._http = traced()
        self._registry = JWSRegistry(algorithms=["ES256"])
        self._metadata: dict[str, Any] = {}
        self._keys = KeySet([])
        self._fetched = float("-inf")
        self._lock = asyncio.Lock()

    async def begin(self, kind: Kind, back_to: str, *, silent: bool = False) -> tuple[str, Attempt]:
        """Return the address to redirect to, and the attempt that the browser keeps. Raises httpx.HTTPError while identity is down.

        Staff always sign in anew, so a citizen's session never lets them in. `silent` shows no page (`prompt=none`) and succeeds only
        while identity's own session lasts.
        """
        metadata, _ = await self._discovered()
        attempt = Attempt(kind=kind, state=new_secret(), nonce=new_secret(), verifier=new_secret(), back_to=back_to, silent=silent)
        prompt = {"prompt": "none"} if silent else {"prompt": "login"} if kind == "staff" else {}
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPES[kind],
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": urlsafe_b64encode(sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | prompt
        return f"{metadata['authorization_endpoint']}?{urlencode(query)}", attempt

    async def finish(self, attempt: Attempt, answer: dict[str, str]) -> SignedIn:
        """Exchange identity's answer, the callback's query, for a person. Raises `SignInFailed` or httpx.HTTPError."""
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise SignInFailed("state_mismatch")
        if answer.get("iss", "").rstrip("/") != self._issuer:  # RFC 9207: reject another server's answer
            raise SignInFailed("issuer_mismatch")
        if "error" in answer or "code" not in answer:
            raise SignInFailed(answer.get("error", "invalid_response"))
        tokens = await self._redeem(answer["code"], attempt.verifier)
        claims = await self._verified(str(tokens.get("id_token", "")), attempt.nonce)
        if attempt.kind == "staff":
            claims |= await self._userinfo(str(tokens["access_token"]), str(claims["sub"]))
        return SignedIn(
            subject=str(claims["sub"]),
            email=claims.get("email"),
            name=claims.get("name"),
            borough=claims.get("borough") if attempt.kind == "staff" else None,
            access_token=str(tokens["access_token"]),
            expires_at=clock.now() + timedelta(seconds=float(tokens.get("expires_in", 60))),
            id_token=str(tokens["id_token"]),
            session=claims.get("sid"),
        )

    async def sign_out(self, id_token: str) -> SignOut:
        """Return the form that signs the browser out of identity too. Raises httpx.HTTPError while identity is down."""
        metadata, _ = await self._discovered()
        fields = {"id_token_hint": id_token, "client_id": self._client_id, "post_logout_redirect_uri": self._after_sign_out}
        return SignOut(str(metadata["end_session_endpoint"]), fields)

    async def signed_out(self, logout_token: str) -> str:
        """Validate a logout token and return its session (OpenID Connect Back-Channel Logout 1.0, section 2.6).

        Raises `LogoutRefused`, or httpx.HTTPError.
        """
        try:
            decoded = await self._decoded(logout_token)
        except SignInFailed:
            raise LogoutRefused from None
        claims: dict[str, Any] = dict(decoded.claims)
        now, issued = clock.now().timestamp(), claims.get("iat")
        right = (
            decoded.header.get("typ") == "logout+jwt"
            and self._is_for_us(claims)
            and isinstance(issued, int | float)
            and issued <= now + CLOCK_SECONDS
            and LOGOUT_EVENT in (claims.get("events") or {})
            and "nonce" not in claims
            and isinstance(claims.get("jti"), str)
            and isinstance(claims.get("sid"), str)
        )
        if not right:
            raise LogoutRefused
        return str(claims["sid"])

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _redeem(self, code: str, verifier: str) -> dict[str, Any]:
        metadata, _ = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
        }
        response = await self._http.post(metadata["token_endpoint"], data=form)
        if response.status_code == 400:
            raise SignInFailed(str(response.json().get("error", "invalid_grant")))
        response.raise_for_status()
        tokens: dict[str, Any] = response.json()
        return tokens

    async def _verified(self, id_token: str, nonce: str) -> dict[str, Any]:
        """Validate an ID token for this client and attempt, and return its claims (OpenID Connect Core 1.0, section 3.1.3.7)."""
        claims: dict[str, Any] = dict((await self._decoded(id_token)).claims)
        nonce_fits = hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())
        if not nonce_fits or not self._is_for_us(claims) or not isinstance(claims.get("sub"), str):
            raise SignInFailed("invalid_id_token")
        return claims

    def _is_for_us(self, claims: dict[str, Any]) -> bool:
        """Whether identity made the token for this client, and it has not expired."""
        from_identity = str(claims.get("iss", "")).rstrip("/") == self._issuer
        expires = claims.get("exp")
        in_time = isinstance(expires, int | float) and expires > clock.now().timestamp() - CLOCK_SECONDS
        return from_identity and in_time and claims.get("aud") in (self._client_id, [self._client_id])

    async def _decoded(self, token: str) -> jwt.Token:
        """Verify a token's signature; fetch the keys once more if none fits. Raises `SignInFailed`."""
        for fresh in (False, True):
            _, keys = await self._discovered(anew=fresh)
            try:
                return jwt.decode(token, keys, registry=self._registry)
            except (JoseError, ValueError) as error:
                if fresh:
                    raise SignInFailed("invalid_id_token") from error
        raise SignInFailed("invalid_id_token")  # pragma: no cover (the second round either returns or raises)

    async def _userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        metadata, _ = await self._discovered()
        response = await self._http.get(metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {access_token}"})
        claims: dict[str, Any] = response.raise_for_status().json()
        if claims.get("sub") != subject:  # OpenID Connect Core, section 5.3.4
            raise SignInFailed("subject_mismatch")
        return claims

    async def _discovered(self, *, anew: bool = False) -> tuple[dict[str, Any], KeySet]:
        """Return identity's metadata and keys, cached for five minutes."""
        async with self._lock:
            age = time.monotonic() - self._fetched
            if age > METADATA_SECONDS or (anew and age > 1.0):
                response = await self._http.get(f"{self._issuer}/.well-known/openid-configuration")
                metadata = response.raise_for_status().json()
                if metadata.get("issuer", "").rstrip("/") != self._issuer:
                    raise httpx.RequestError("the discovery document is another issuer's")
                keys = (await self._http.get(metadata["jwks_uri"])).raise_for_status().json()
                self._metadata, self._keys = metadata, KeySet.import_key_set(keys)
                self._fetched = time.monotonic()
        return self._metadata, self._keys

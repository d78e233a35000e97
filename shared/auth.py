"""Access tokens: validation of incoming ones (RFC 9068), and client credentials for calls to other services (RFC 6749).

Validation checks the signature against the issuer's keys, and `iss`, `aud`, `exp`, `typ` and the algorithm. Cached keys serve while the
issuer is down. The validator remembers a valid token by its hash until it expires, at most a minute. A person's token ends with its session
(`sid`): the issuer lists recently ended sessions, and the validator reads the list every few seconds while such tokens come.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from starlette.requests import Request

from shared import clock, context, security
from shared.http.client import client as traced_client
from shared.http.errors import Problem
from shared.limits import Quota
from shared.mongo import Collection, Unavailable
from shared.settings import ServiceSettings

ALGORITHMS = ["ES256"]
LEEWAY_SECONDS = 5
REMEMBERED = 10_000
REMEMBERED_SECONDS = 60.0
MAX_TOKEN = 8_192
JWKS_LIFE_SECONDS = 300.0
JWKS_MIN_INTERVAL_SECONDS = 5.0
ENDED_LIFE_SECONDS = 5.0
"""The longest time that a token outlives its session. While the issuer is down, a token lives until it expires."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated client, and the person on whose behalf it calls, if the token names one."""

    client_id: str
    subject: str
    borough: str | None
    """GSS code of the client's borough."""
    scopes: frozenset[str]
    claims: dict[str, Any] = field(repr=False)

    @property
    def own_borough(self) -> str:
        """The caller's borough. Raises a 403 problem if the token has none."""
        if self.borough is None:
            raise Problem(403, "This token does not belong to a borough.", type="no-borough")
        return self.borough


class InvalidToken(Problem):
    """401 with the challenge of RFC 6750, section 3. `kind` is the reason of the security event, in one word."""

    def __init__(self, reason: str, kind: str, *, error: str | None = "invalid_token") -> None:
        self.kind = kind
        challenge = f'Bearer error="{error}", error_description="{reason}"' if error else "Bearer"
        super().__init__(401, reason, type="unauthorized", headers={"WWW-Authenticate": challenge})


class IssuerKeys:
    """The issuer's published keys, cached. Old ones serve while the issuer is down."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: KeySet | None = None
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, *, unknown_kid: bool = False) -> KeySet:
        """Return the keys. `unknown_kid` fetches them anew, at most every five seconds. Raises `Unavailable` before the first fetch."""
        age = time.monotonic() - self._fetched
        if self._keys is not None and age < JWKS_LIFE_SECONDS and not unknown_kid:
            return self._keys
        async with self._lock:
            if time.monotonic() - self._tried > JWKS_MIN_INTERVAL_SECONDS or self._keys is None:
                self._tried = time.monotonic()
                await self._fetch()
        if self._keys is None:
            raise Unavailable("the issuer's keys cannot be had")
        return self._keys

    async def _fetch(self) -> None:
        try:
            if self._url.startswith("file:"):
                text = await asyncio.to_thread(Path(url2pathname(urlsplit(self._url).path)).read_text, "utf-8")
                document = json.loads(text)
            else:
                async with traced_client(timeout=httpx.Timeout(3.0)) as http:
                    document = (await http.get(self._url)).raise_for_status().json()
            self._keys = KeySet.import_key_set(document)
            self._fetched = time.monotonic()
        except (httpx.HTTPError, OSError, ValueError, JoseError):
            return


class EndedSessions:
    """The issuer's list of ended sessions and revoked tokens. The last list serves while the issuer is down."""

    def __init__(self, jwks_url: str) -> None:
        self._url = "" if jwks_url.startswith("file:") else f"{jwks_url.rpartition('/')[0]}/ended-sessions.json"
        self._ended: frozenset[str] = frozenset()
        self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def hold(self, ids: set[str]) -> bool:
        """Return whether one of these ids has ended."""
        if self._url and time.monotonic() - self._tried > ENDED_LIFE_SECONDS:
            async with self._lock:
                if time.monotonic() - self._tried > ENDED_LIFE_SECONDS:
                    await self._fetch()
        return not self._ended.isdisjoint(ids)

    async def _fetch(self) -> None:
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
            async with traced_client(timeout=httpx.Timeout(2.0)) as http:
                self._ended = frozenset((await http.get(self._url)).raise_for_status().json()["ended"])
        self._tried = time.monotonic()


class TokenValidator:
    """Validates bearer tokens."""

    def __init__(self, settings: ServiceSettings, counts: Collection | None = None) -> None:
        """Make a validator. `counts` is the collection in which replicas count requests together."""
        self._issuer = settings.issuer.rstrip("/")
        self._audience = settings.audience
        self._keys = IssuerKeys(settings.jwks_url)
        self._ended = EndedSessions(settings.jwks_url)
        self._registry = JWSRegistry(algorithms=ALGORITHMS)
        self.quota = Quota("caller", settings.requests_per_minute, rows=counts)
        """Requests a minute of each client, and of each person behind it, over all replicas."""
        self._remembered: OrderedDict[bytes, tuple[Caller, float, float]] = OrderedDict()

    async def caller(self, token: str) -> Caller:
        """Return the caller that a token names. Raises `InvalidToken`."""
        found = await self._valid(token)
        if "sid" in found.claims and await self._ended.hold({str(found.claims["sid"]), str(found.claims.get("jti"))}):
            raise InvalidToken("The session that the token belongs to has ended.", "ended")
        return found

    async def _valid(self, token: str) -> Caller:
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if known is not None and time.monotonic() < known[1] and clock.now().timestamp() < known[2]:
            return known[0]
        claims = await self._claims(token)
        found = Caller(
            client_id=str(claims.get("client_id", "")),
            subject=str(claims["sub"]),
            borough=claims.get("borough"),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            claims=claims,
        )
        self._remembered[digest] = (found, time.monotonic() + REMEMBERED_SECONDS, float(claims["exp"]))
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return found

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise InvalidToken("The token is too long.", "too_long")
        decoded = await self._decoded(token)
        if str(decoded.header.get("typ", "")).lower().removeprefix("application/") != "at+jwt":
            raise InvalidToken("This is not an access token.", "wrong_kind")
        claims: dict[str, Any] = dict(decoded.claims)
        _require_current(claims)
        if str(claims.get("iss", "")).rstrip("/") != self._issuer:
            raise InvalidToken("The token is from another issuer.", "wrong_issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise InvalidToken("The token is for another service.", "wrong_audience")
        if not isinstance(claims.get("sub"), str):
            raise InvalidToken("The token has no subject.", "malformed")
        return claims

    async def _decoded(self, token: str) -> jwt.Token:
        """Return the token with its signature verified. Fetches fresh keys once if the token names an unknown key."""
        keys = await self._keys.get()
        if _kid_is_new(token, keys):
            keys = await self._keys.get(unknown_kid=True)
        try:
            return jwt.decode(token, keys, registry=self._registry)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise InvalidToken("The token is malformed or its signature is wrong.", "forged") from None


def _require_current(claims: dict[str, Any]) -> None:
    now = clock.now().timestamp()
    try:
        expires, not_before = float(claims["exp"]), float(claims.get("nbf", 0))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InvalidToken("The token has no expiry.", "malformed") from None
    if now > expires + LEEWAY_SECONDS or now < not_before - LEEWAY_SECONDS:
        raise InvalidToken("The token has expired or is not valid yet.", "expired")


def _kid_is_new(token: str, keys: KeySet) -> bool:
    try:
        encoded = token.split(".", maxsplit=1)[0]
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and isinstance(header.get("kid"), str) and header["kid"] not in {key.kid for key in keys.keys}


class _Required(SecurityBase):
    """Requires a bearer token with these scopes. Reads and checks in one dependency, because FastAPI takes 10 microseconds for each."""

    def __init__(self, scopes: frozenset[str]) -> None:
        self.model = HTTPBearerModel(bearerFormat="JWT", description="An access token of the identity service (RFC 9068).")
        self.scheme_name = "HTTPBearer"
        self.scopes = scopes
        """`shared.http.openapi` reads them too."""

    async def __call__(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            security.record(security.Event.TOKEN_REFUSED, "missing")
            raise InvalidToken("Send an access token as 'Authorization: Bearer ...'.", "missing", error=None)
        validator: TokenValidator = request.app.state.provided[TokenValidator]
        try:
            found = await validator.caller(token.strip())
        except InvalidToken as refused:
            security.record(security.Event.TOKEN_REFUSED, refused.kind)
            raise
        if missing := self.scopes - found.scopes:
            security.record(security.Event.ACCESS_REFUSED, "scope", client=found.client_id, borough=found.borough)
            wanted = " ".join(sorted(missing))
            raise Problem(
                403,
                f"This needs the scope {wanted}.",
                type="insufficient-scope",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'},
            )
        request.state.principal = f"{found.client_id}\0{found.subject}"
        await validator.quota.take(request.state.principal)
        context.cause.set(context.Cause(borough=found.borough))
        return found


def require(*scopes: str) -> Any:
    """Return the dependency of a route that requires all these scopes: `caller: Annotated[Caller, require("addresses:address:read")]`.

    The answer is 401 without a valid token, 403 without a scope (RFC 6750, section 3.1), 429 over the caller's quota.
    """
    return Depends(_required(frozenset(scopes)))


@cache
def _required(scopes: frozenset[str]) -> _Required:
    """Return the same object for the same scopes: FastAPI runs it once a request, and `app.dependency_overrides` finds it."""
    return _Required(scopes)


class ClientCredentials(httpx.Auth):
    """Authenticates calls to other services by the client-credentials grant (RFC 6749, section 4.4).

    It uses a token until a minute before expiry, and fetches a new one once after a 401.
    """

    requires_response_body = False

    def __init__(
        self, token_url: str, client_id: str, client_secret: str, scope: str, *, http: Callable[[], httpx.AsyncClient] = traced_client
    ) -> None:
        self._token_url, self._client_id, self._client_secret, self._scope = token_url, client_id, client_secret, scope
        self._new_client = http
        self._token, self._until = "", 0.0
        self._lock = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {await self.token()}"
        response = yield request
        if response.status_code == 401:
            self._until = 0.0
            request.headers["Authorization"] = f"Bearer {await self.token()}"
            yield request

    async def token(self) -> str:
        """Return a valid token. Raises `httpx.HTTPError` if the identity service gives none."""
        async with self._lock:
            if time.monotonic() >= self._until:
                async with self._new_client() as http:
                    response = await http.post(
                        self._token_url,
                        data={"grant_type": "client_credentials", "scope": self._scope},
                        auth=(self._client_id, self._client_secret),
                    )
                    response.raise_for_status()
                grant = response.json()
                self._token = str(grant["access_token"])
                self._until = time.monotonic() + max(5.0, float(grant.get("expires_in", 60)) - 60)
            return self._token

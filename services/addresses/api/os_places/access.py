"""Authentication of the OS Places API: an API key (`key` in the query or as a header), or an access token."""

import hmac
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from services.addresses.settings import ApiKey, Settings
from shared import context
from shared.auth import require
from shared.http import Problem, provided
from shared.limits import Quota
from shared.mongo import Collection

SCOPE = "addresses:address:read"
LONGEST_KEY = 256
_of_token: Any = require(SCOPE).dependency
_in_query = APIKeyQuery(name="key", scheme_name="api-key", auto_error=False)
_in_header = APIKeyHeader(name="key", scheme_name="api-key-header", auto_error=False)


class _Bearer(HTTPBearer):
    scopes = frozenset({SCOPE})


_bearer = _Bearer(auto_error=False, scheme_name="HTTPBearer")


class Access:
    """The hashes of the API keys, and the quota of each caller."""

    def __init__(self, settings: Settings, counts: Collection) -> None:
        """`counts` is the collection in which replicas count requests together."""
        self._keys = {key.sha256: key for key in settings.api_keys}
        self._quota = Quota("places", settings.places_per_minute, rows=counts)

    def holder(self, presented: str) -> ApiKey | None:
        """Find the holder of a key. Compares hashes in constant time, so that the duration reveals nothing about any key."""
        if len(presented) > LONGEST_KEY:
            return None
        digest = sha256(presented.encode("utf-8", "surrogatepass")).hexdigest()
        found = self._keys.get(digest)
        return found if found and hmac.compare_digest(found.sha256, digest) else None

    async def count(self, caller: str) -> None:
        """Count one request of a caller. Raises a 429 problem over its quota of requests a minute, which all replicas count together."""
        if not await self._quota.hit(caller):
            raise Problem(429, "Too many requests. Try again later.", headers={"Retry-After": str(self._quota.retry_after)})


async def _admitted(
    request: Request,
    access: Annotated[Access, Depends(provided(Access))],
    in_query: Annotated[str | None, Security(_in_query)],
    in_header: Annotated[str | None, Security(_in_header)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    """Authorise a request: 401 without a valid key or token, 403 for a token without the scope, 429 above the rate."""
    if presented := in_query or in_header:
        key = access.holder(presented)
        if key is None:
            raise Problem(401, "Invalid API key")
        request.state.principal = f"places\0{key.name}"
        context.cause.set(context.Cause(borough=key.borough))
    elif credentials is not None:
        await _of_token(request)
    else:
        raise Problem(401, "Missing API key or access token", headers={"WWW-Authenticate": "Bearer"})
    await access.count(request.state.principal)


admitted = Depends(_admitted)

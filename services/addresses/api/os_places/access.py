"""Authentication of the OS Places API: an API key (`key` in the query or as a header), or an access token."""

import hmac
import time
from collections import OrderedDict
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from services.addresses.domain.os_places.token_bucket import TokenBucket
from services.addresses.settings import ApiKey, Settings
from shared import context
from shared.auth import require
from shared.http import Problem, provided

SCOPE = "addresses:address:read"
LONGEST_KEY = 256
CALLERS_REMEMBERED = 10_000
_of_token: Any = require(SCOPE).dependency
_in_query = APIKeyQuery(name="key", scheme_name="api-key", auto_error=False)
_in_header = APIKeyHeader(name="key", scheme_name="api-key-header", auto_error=False)


class _Bearer(HTTPBearer):
    scopes = frozenset({SCOPE})


_bearer = _Bearer(auto_error=False, scheme_name="HTTPBearer")


class Access:
    """The hashes of the API keys, and the request rate of each caller in this process."""

    def __init__(self, settings: Settings) -> None:
        self._keys = {key.sha256: key for key in settings.api_keys}
        self._per_second = settings.places_per_minute / 60
        self._burst = float(settings.places_per_minute)
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def holder(self, presented: str) -> ApiKey | None:
        """Find the holder of a key. Compares hashes in constant time, so that the duration reveals nothing about any key."""
        if len(presented) > LONGEST_KEY:
            return None
        digest = sha256(presented.encode("utf-8", "surrogatepass")).hexdigest()
        found = self._keys.get(digest)
        return found if found and hmac.compare_digest(found.sha256, digest) else None

    def count(self, caller: str) -> None:
        """Count one request of a caller; 429 above its rate."""
        now = time.monotonic()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = TokenBucket(self._burst, self._per_second, self._burst, now)
            if len(self._buckets) > CALLERS_REMEMBERED:
                self._buckets.popitem(last=False)
        if wait := bucket.take(now):
            raise Problem(429, "Too many requests. Try again later.", headers={"Retry-After": str(int(wait) + 1)})


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
    access.count(request.state.principal)


admitted = Depends(_admitted)

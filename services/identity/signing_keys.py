"""Signing keys: ES256, shared by all replicas through the database, identified by their thumbprints (RFC 7638)."""

import contextlib
import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from shared import security
from shared.clock import now
from shared.mongo import DatabaseError, Duplicate

from .domain.sessions import ABSOLUTE_LIFE
from .domain.tokens import Claims
from .store import Store
from .store.keys import StoredKey
from .vault import Vault

log = logging.getLogger(__name__)
ALGORITHM = "ES256"
MAX_TOKEN = 8192
"""The most characters of a token that the service parses. Its own tokens have under 2,000."""
JWKS_MAX_AGE = 3600
"""Seconds for which a client may cache the published keys."""
RELOAD_SECONDS = 10.0
"""Seconds after which a replica reads the keys again."""
PUBLISHED_LEAD = timedelta(seconds=JWKS_MAX_AGE + 300)
"""The time from a key's publication to its first signature: longer than any cache keeps the published keys."""
SHORTEST_LEAD = timedelta(seconds=30)
"""The shortest lead, in which every replica reads the key. Validators fetch keys that they do not know."""
PUBLISHED_AFTER = ABSOLUTE_LIFE + timedelta(hours=1)
"""The time for which a key stays published after its successor began to sign. Access tokens live for minutes, but an ID token may return as
a hint as long as its session lives.
"""


class ForeignTokenError(ValueError):
    """Another issuer signed the token, or it is of another kind."""


@dataclass(frozen=True)
class SigningKey:
    """A key in the order of keys. It signs from `signs_from` until its successor does; identity publishes it before and afterwards."""

    key: ECKey
    generation: int
    signs_from: datetime


class SigningKeys:
    """The provider's keys.

    The newest key past its `signs_from` signs; all published keys verify. Every replica reads the keys again after `RELOAD_SECONDS`, so no
    rotation needs a restart.
    """

    def __init__(self, store: Store, vault: Vault, *, rotate_after: timedelta | None = None) -> None:
        self._store = store
        self._vault = vault
        self._rotate_after = rotate_after
        self._keys: list[SigningKey] = []
        self._loaded_at = float("-inf")
        self._signed_with = ""

    async def load(self) -> None:
        """Read the keys; make the first one if there is none. Replicas that start together agree on one key.

        The first key has generation 1, which is unique in the database, so a slower replica reads the key of the faster one.
        """
        stored = await self._store.keys.all()
        if not stored:
            with contextlib.suppress(Duplicate):
                await self._store.keys.add(self._made(generation=1, signs_from=now()))
            stored = await self._store.keys.all()
        opened = {known.key.kid: known for known in self._keys}
        self._keys = [opened.get(each.id) or self._opened(each) for each in stored]
        self._loaded_at = time.monotonic()

    async def reload_if_stale(self) -> None:
        """Read the keys again if they are stale. Keeps the known keys while the database is down."""
        if time.monotonic() - self._loaded_at >= RELOAD_SECONDS:
            self._loaded_at = time.monotonic()
            with contextlib.suppress(DatabaseError):
                await self.load()

    async def rotate(self, *, lead: timedelta = PUBLISHED_LEAD) -> SigningKey:
        """Make the next key, publish it at once, and sign with it after `lead`, when every cache of the published keys has it.

        Raises Duplicate if another process made the same generation meanwhile.
        """
        await self.load()
        made = self._made(generation=self._keys[-1].generation + 1, signs_from=now() + lead)
        await self._store.keys.add(made)
        await self.load()
        return self._keys[-1]

    async def replace_leaked(self) -> SigningKey:
        """Make a key that signs at once, and withdraw all others: services refuse their tokens as soon as caches expire."""
        made = await self.rotate(lead=timedelta(0))
        for leaked in self._keys[:-1]:
            await self._store.keys.remove(_kid(leaked.key))
        await self.load()
        return made

    async def rotate_by_schedule(self) -> int:
        """Make the next key if the newest has signed for long enough, and remove keys that verify nothing any more."""
        await self.load()
        for old, successor in pairwise(self._keys):
            if now() >= successor.signs_from + PUBLISHED_AFTER:
                await self._store.keys.remove(_kid(old.key))
        if self._rotate_after is not None and now() >= self._keys[-1].signs_from + self._rotate_after:
            with contextlib.suppress(Duplicate):
                await self.rotate()
        return 0

    def sign(self, claims: Claims, kind: str) -> str:
        """Return a signed JWT. `kind` is its `typ` header, so that no token passes for one of another kind."""
        key = self._signing_key()
        return jwt.encode({"alg": ALGORITHM, "typ": kind, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def _signing_key(self) -> ECKey:
        at = now()
        of_age = [known for known in self._keys if known.signs_from <= at] or self._keys[:1]
        key = of_age[-1].key
        if self._signed_with not in {"", _kid(key)}:
            log.info("another key signs from now on: %s", key.kid)
            security.record(security.Event.KEY_ROTATED, "signing")
        self._signed_with = _kid(key)
        return key

    def verify(self, token: str, kind: str) -> Claims:
        """Verify a token's signature and kind, and return its claims. The caller checks time and audience.

        Raises ForeignTokenError. Accepts only ES256 and identity's own keys, by `kid`; it ignores keys in or behind a header.
        """
        if len(token) > MAX_TOKEN:
            raise ForeignTokenError
        try:
            signed = jws.deserialize_compact(token, KeySet([known.key for known in self._keys]), algorithms=[ALGORITHM])
            claims = json.loads(signed.payload)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            security.record(security.Event.TOKEN_REFUSED, "forged")
            raise ForeignTokenError from None
        if signed.headers().get("typ") != kind or signed.headers().get("kid") is None or not isinstance(claims, dict):
            raise ForeignTokenError
        return cast(Claims, claims)

    def published(self) -> dict[str, Any]:
        """Return the public halves, as a JWK set (RFC 7517)."""
        keys = [known.key for known in self._keys]
        return {"keys": [{**key.as_dict(private=False), "kid": key.kid, "alg": ALGORITHM, "use": "sig"} for key in keys]}

    def _made(self, generation: int, signs_from: datetime) -> StoredKey:
        key = ECKey.generate_key("P-256")
        kid = key.thumbprint()
        private = {**key.as_dict(private=True), "kid": kid}
        return StoredKey(
            id=kid, generation=generation, sealed=self._vault.seal(json.dumps(private)), created_at=now(), signs_from=signs_from
        )

    def _opened(self, stored: StoredKey) -> SigningKey:
        return SigningKey(ECKey.import_key(json.loads(self._vault.open(stored.sealed))), stored.generation, stored.signs_from)


def _kid(key: ECKey) -> str:
    """Return the key's id; every key of identity has one."""
    return str(key.kid)

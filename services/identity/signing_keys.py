"""Signing keys: ES256, shared by all replicas through the database, named by their thumbprints."""

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
"""Characters of a token that we look at; ours are under 2,000."""
JWKS_MAX_AGE = 3600
"""Seconds for which a client may use the keys that it has read."""
RELOAD_SECONDS = 10.0
"""How old the keys of a replica may be."""
PUBLISHED_BEFORE = timedelta(seconds=JWKS_MAX_AGE + 300)
"""How long a key is published before it signs: longer than any cache keeps the published keys."""
AT_ONCE = timedelta(seconds=30)
"""The least: until every replica has read the key. Validators fetch keys that they do not know."""
PUBLISHED_AFTER = ABSOLUTE_LIFE + timedelta(hours=1)
"""How long a key is published after its successor began to sign. Access tokens live for minutes, but an ID token may come back
as a hint for as long as its session lives."""


class ForeignTokenError(ValueError):
    """The token was not signed by us, or is not of the kind that is accepted here."""


@dataclass(frozen=True)
class SigningKey:
    """A key with its place in time. It is published from its making, signs until the next one does, and stays published afterwards."""

    key: ECKey
    generation: int
    signs_from: datetime


class SigningKeys:
    """The provider's keys. The newest that has come of age signs; all that are published verify.

    Every replica reads the keys again after `RELOAD_SECONDS`, so a rotation, whoever makes it, needs no restart.
    """

    def __init__(self, store: Store, vault: Vault, *, rotate_after: timedelta | None = None) -> None:
        self._store = store
        self._vault = vault
        self._rotate_after = rotate_after
        self._keys: list[SigningKey] = []
        self._loaded_at = float("-inf")
        self._signed_with = ""

    async def load(self) -> None:
        """Read the keys, making the first one where there is none. Replicas that start together agree on one key.

        The first key has generation 1, which is unique in the database: whoever comes second reads what the first one wrote.
        """
        stored = await self._store.keys.all()
        if not stored:
            with contextlib.suppress(Duplicate):
                await self._store.keys.add(self._made(generation=1, signs_from=now()))
            stored = await self._store.keys.all()
        opened = {known.key.kid: known for known in self._keys}
        self._keys = [opened.get(each.id) or self._opened(each) for each in stored]
        self._loaded_at = time.monotonic()

    async def fresh(self) -> None:
        """Read the keys again where they were read a while ago. Works on with the known ones while the database is away."""
        if time.monotonic() - self._loaded_at >= RELOAD_SECONDS:
            self._loaded_at = time.monotonic()
            with contextlib.suppress(DatabaseError):
                await self.load()

    async def rotate(self, *, lead: timedelta = PUBLISHED_BEFORE) -> SigningKey:
        """Make the next key. It is published at once and signs after `lead`, when every cache of the published keys has it.

        Raises Duplicate where another process made the same generation at this moment.
        """
        await self.load()
        made = self._made(generation=self._keys[-1].generation + 1, signs_from=now() + lead)
        await self._store.keys.add(made)
        await self.load()
        return self._keys[-1]

    async def replace_leaked(self) -> SigningKey:
        """Make a key that signs at once, and withdraw all others: what they signed is refused as soon as caches have expired."""
        made = await self.rotate(lead=timedelta(0))
        for leaked in self._keys[:-1]:
            await self._store.keys.remove(_kid(leaked.key))
        await self.load()
        return made

    async def rotate_by_schedule(self) -> int:
        """Make the next key where the newest has signed for long enough; remove keys that have nothing left to verify."""
        await self.load()
        for old, successor in pairwise(self._keys):
            if now() >= successor.signs_from + PUBLISHED_AFTER:
                await self._store.keys.remove(_kid(old.key))
        if self._rotate_after is not None and now() >= self._keys[-1].signs_from + self._rotate_after:
            with contextlib.suppress(Duplicate):
                await self.rotate()
        return 0

    def sign(self, claims: Claims, kind: str) -> str:
        """A signed JWT; `kind` is its `typ` header, which keeps one kind of token from being taken for another."""
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

    def verified(self, token: str, kind: str) -> Claims:
        """The claims of a token of ours and of this kind; its time and audience are the caller's to check. Raises ForeignTokenError.

        Only ES256 and only our own keys, by `kid`: keys that a header carries or points to are never looked at.
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
        """The public halves, as a JWK set (RFC 7517)."""
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
    """The key's id, which every key of ours has."""
    return str(key.kid)

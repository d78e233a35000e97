"""Signing keys: ES256, shared by all replicas through the database, named by their thumbprints."""

import contextlib
import json
from typing import Any, cast

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from shared.clock import now
from shared.mongo import Duplicate

from .domain.tokens import Claims
from .store import Store
from .store.keys import StoredKey
from .vault import Vault

ALGORITHM = "ES256"
MAX_TOKEN = 8192
"""Characters of a token that we look at; ours are under 2,000."""


class ForeignTokenError(ValueError):
    """The token was not signed by us, or is not of the kind that is accepted here."""


class SigningKeys:
    """The provider's keys. The newest signs; all verify and are published."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._keys: list[ECKey] = []

    async def load(self) -> None:
        """Read the keys, making the first one where there is none. Replicas that start together agree on one key.

        The first key has generation 1, which is unique in the database: whoever comes second reads what the first one wrote.
        """
        stored = await self._store.keys.all()
        if not stored:
            with contextlib.suppress(Duplicate):
                await self._store.keys.add(self._made(generation=1))
            stored = await self._store.keys.all()
        self._keys = [ECKey.import_key(json.loads(self._vault.open(key.sealed))) for key in stored]

    def sign(self, claims: Claims, kind: str) -> str:
        """A signed JWT; `kind` is its `typ` header, which keeps one kind of token from being taken for another."""
        key = self._keys[-1]
        return jwt.encode({"alg": ALGORITHM, "typ": kind, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def verified(self, token: str, kind: str) -> Claims:
        """The claims of a token of ours and of this kind; its time and audience are the caller's to check. Raises ForeignTokenError.

        Only ES256 and only our own keys, by `kid`: keys that a header carries or points to are never looked at.
        """
        if len(token) > MAX_TOKEN:
            raise ForeignTokenError
        try:
            signed = jws.deserialize_compact(token, KeySet(list(self._keys)), algorithms=[ALGORITHM])
            claims = json.loads(signed.payload)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise ForeignTokenError from None
        if signed.headers().get("typ") != kind or signed.headers().get("kid") is None or not isinstance(claims, dict):
            raise ForeignTokenError
        return cast(Claims, claims)

    def published(self) -> dict[str, Any]:
        """The public halves, as a JWK set (RFC 7517)."""
        return {"keys": [{**key.as_dict(private=False), "kid": key.kid, "alg": ALGORITHM, "use": "sig"} for key in self._keys]}

    def _made(self, generation: int) -> StoredKey:
        key = ECKey.generate_key("P-256")
        kid = key.thumbprint()
        private = {**key.as_dict(private=True), "kid": kid}
        return StoredKey(id=kid, generation=generation, sealed=self._vault.seal(json.dumps(private)), created_at=now())

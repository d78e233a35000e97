"""Signs the record's tree heads with an ES256 key that all replicas share through the database."""

import contextlib
import json
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from shared.mongo import Duplicate

from .domain.merkle import Growth, fold
from .store import Store
from .store.record import StoredKey
from .vault import Vault

ALGORITHM = "ES256"
KIND = "tree-head+jws"
LOG = "urn:london-blocks:data_sharing:record"


class Notary:
    """Holds the record's signing key."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._key: ECKey | None = None

    async def load(self) -> None:
        """Read the key; make it if there is none. Replicas that start together agree on one."""
        stored = await self._store.record.key()
        if stored is None:
            key = ECKey.generate_key("P-256")
            with contextlib.suppress(Duplicate):
                await self._store.record.add_key(StoredKey(key.thumbprint(), self._vault.seal(dict(key.as_dict(private=True)))))
            stored = await self._store.record.key()
        if stored is None:
            raise RuntimeError("the record's signing key was removed while it was being made")
        self._key = ECKey.import_key({**self._vault.open(stored.sealed), "kid": stored.kid})

    def sign(self, tree: Growth, at: datetime) -> str:
        """Sign the tree's head: a compact JWS over `{log, size, root, at}`; `root` is hexadecimal."""
        head = {"log": LOG, "size": tree.size, "root": fold(tree.peaks).hex(), "at": at.isoformat()}
        header = {"alg": ALGORITHM, "typ": KIND, "kid": self._loaded_key.kid}
        return jws.serialize_compact(header, json.dumps(head, separators=(",", ":")).encode(), self._loaded_key, algorithms=[ALGORITHM])

    def published(self) -> dict[str, Any]:
        """Return the public key as a JWK set (RFC 7517), which verifies every head."""
        key = self._loaded_key
        return {"keys": [{**key.as_dict(private=False), "kid": key.kid, "alg": ALGORITHM, "use": "sig"}]}

    @property
    def _loaded_key(self) -> ECKey:
        if self._key is None:
            raise RuntimeError("the notary has not been loaded")
        return self._key


def claims(head: str) -> dict[str, Any]:
    """Return the claims of a head that this service stored, without verifying it."""
    return dict(json.loads(jws.extract_compact(head.encode()).payload))

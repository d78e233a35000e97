"""All database queries of the service. Address lookups never use the database; they read the release."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, cast

from services.addresses.settings import Settings
from shared.crypto import Envelope
from shared.mongo import Database, Index, Scope, Transaction
from shared.settings import ServiceSettings

from .changes import ChangeSets, Feed
from .match_jobs import MatchChunks, MatchJobs
from .provisional import ProvisionalAddresses
from .releases import Releases
from .reports import Reports

_envelope = lru_cache(maxsize=4)(Envelope)


class Repositories(Scope):
    """The service's collections."""

    envelope: Envelope

    @property
    def releases(self) -> Releases:
        """Announced releases."""
        return Releases(self)

    @property
    def change_sets(self) -> ChangeSets:
        """Change sets and the progress of their publication."""
        return ChangeSets(self)

    @property
    def feed(self) -> Feed:
        """Published changes, in the order of publication."""
        return Feed(self)

    @property
    def match_jobs(self) -> MatchJobs:
        """Match jobs: addresses that a borough sends in bulk."""
        return MatchJobs(self)

    @property
    def match_chunks(self) -> MatchChunks:
        """Rows of the match jobs, and their results."""
        return MatchChunks(self)

    @property
    def provisional(self) -> ProvisionalAddresses:
        """Provisional addresses, as typed, until a release holds them."""
        return ProvisionalAddresses(self, self.envelope)

    @property
    def reports(self) -> Reports:
        """Reports of errors in the gazetteer."""
        return Reports(self, self.envelope)


class Tx(Transaction, Repositories):
    """One transaction of this service."""

    def __init__(self, raw: Any, session: Any, settings: ServiceSettings) -> None:
        super().__init__(raw, session, settings)
        self.envelope = _envelope(cast("Settings", settings).secret_key)


_OF_TYPED = [Index("awaited", "tried"), Index("has_served", "changed_at")]


class Store(Database[Tx], Repositories):
    """The service's database."""

    transaction_type = Tx
    indexes: ClassVar[Mapping[str, list[Index]]] = {
        "releases": [],
        "change_sets": [],
        "feed": [],
        "change_runs": [Index("last"), Index("change_set", "happened", "last")],
        "changes": [Index("position", unique=True)],
        "provisional": [Index("borough", "_id"), Index("borough", "state", "_id"), *_OF_TYPED],
        "reports": [Index("borough", "_id"), Index("borough", "status", "_id"), *_OF_TYPED],
        "typed_keys": [],
        "match_jobs": [Index("open", "_id"), Index("expires_at", expire_after=0)],
        "match_chunks": [Index("job"), Index("expires_at", expire_after=0)],
    }

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.envelope = _envelope(settings.secret_key)


__all__ = ["Repositories", "Store", "Tx"]

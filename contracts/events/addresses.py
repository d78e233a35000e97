"""Events of the addresses block. They name UPRNs and never hold an address."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from .base import Event, Key, Order

RELEASES = "addresses.releases"
ADDRESSES = "addresses.addresses"
PROVISIONAL = "addresses.provisional"


class ReleasePublished(Event, type="addresses.release.published", version=1, topic=RELEASES, order=Order.SINGLE):
    """A release of the gazetteer has gone live: every replica answers from it."""

    release: str = Key()
    premises: int
    postcodes: int
    content_hash: str
    """SHA-256 over the release's files, hexadecimal."""
    published_at: datetime


class Replacement(BaseModel):
    """UPRNs that were, and those that took their place."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    before: tuple[str, ...]
    after: tuple[str, ...]


class _OfUprns(Event):
    """What became of UPRNs with a switch of releases. A switch comes as many events: `sequence` orders them."""

    release: str = Key()
    release_before: str
    """The release whose place it took."""
    uprns: tuple[str, ...] = Field(max_length=1000)
    published_at: datetime


class _OfReplacements(Event):
    """As above, of UPRNs that took the place of others."""

    release: str = Key()
    release_before: str
    """The release whose place it took."""
    replacements: tuple[Replacement, ...] = Field(max_length=1000)
    published_at: datetime


class AddressesCreated(_OfUprns, type="addresses.address.created", version=1, topic=ADDRESSES):
    """UPRNs that the release before did not hold. A switch of releases comes as many events: `sequence` orders them."""


class AddressesChanged(_OfUprns, type="addresses.address.changed", version=1, topic=ADDRESSES):
    """UPRNs of which another thing is held than in the release before."""


class AddressesMerged(_OfReplacements, type="addresses.address.merged", version=1, topic=ADDRESSES):
    """Several UPRNs each time became one."""


class AddressesSplit(_OfReplacements, type="addresses.address.split", version=1, topic=ADDRESSES):
    """One UPRN each time became several."""


class AddressesRetired(_OfUprns, type="addresses.address.retired", version=1, topic=ADDRESSES):
    """UPRNs that are no longer held, or are historical, without another in their place."""


class ProvisionalReconciled(Event, type="addresses.provisional.reconciled", version=1, topic=PROVISIONAL):
    """An address that was kept as typed has its UPRN: a release holds it, or an officer said which one it is."""

    provisional: str = Key()
    uprn: str
    confidence: float | None = None
    """The probability that the UPRN is the right one, 0 to 1; none where an officer gave it."""
    release: str
    """The release that holds the UPRN."""
    reconciled_at: datetime

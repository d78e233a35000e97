"""Events of the addresses block. They name UPRNs and never hold an address."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from .base import Event, Key, Order

RELEASES = "addresses.releases"
ADDRESSES = "addresses.addresses"
PROVISIONAL = "addresses.provisional"


class ReleasePublished(Event, type="addresses.release.published", version=1, topic=RELEASES, order=Order.SINGLE):
    """A release of the gazetteer is live: every replica answers from it."""

    release: str = Key()
    premises: int
    postcodes: int
    content_hash: str
    """SHA-256 over the release's files, hexadecimal."""
    published_at: datetime


class Replacement(BaseModel):
    """UPRNs of the earlier release, and the UPRNs that replace them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    before: tuple[str, ...]
    after: tuple[str, ...]


class _OfUprns(Event):
    """UPRNs that an activation of a release affects. An activation has many events: `sequence` orders them."""

    release: str = Key()
    release_before: str
    """The release that was live before."""
    uprns: tuple[str, ...] = Field(max_length=1000)
    published_at: datetime


class _OfReplacements(Event):
    """UPRNs that replace others. An activation has many events: `sequence` orders them."""

    release: str = Key()
    release_before: str
    """The release that was live before."""
    replacements: tuple[Replacement, ...] = Field(max_length=1000)
    published_at: datetime


class AddressesCreated(_OfUprns, type="addresses.address.created", version=1, topic=ADDRESSES):
    """UPRNs that the earlier release lacks. An activation of a release has many events: `sequence` orders them."""


class AddressesChanged(_OfUprns, type="addresses.address.changed", version=1, topic=ADDRESSES):
    """UPRNs whose record differs from the earlier release."""


class AddressesMerged(_OfReplacements, type="addresses.address.merged", version=1, topic=ADDRESSES):
    """Groups of UPRNs that became one UPRN each."""


class AddressesSplit(_OfReplacements, type="addresses.address.split", version=1, topic=ADDRESSES):
    """UPRNs that became several UPRNs each."""


class AddressesRetired(_OfUprns, type="addresses.address.retired", version=1, topic=ADDRESSES):
    """UPRNs that the release lacks or marks as historical, without a replacement."""


class ProvisionalReconciled(Event, type="addresses.provisional.reconciled", version=1, topic=PROVISIONAL):
    """An address kept as typed has a UPRN: a release has the address, or an officer chose the UPRN."""

    provisional: str = Key()
    uprn: str
    confidence: float | None = None
    """Probability that the UPRN is right, 0 to 1; none if an officer chose it."""
    release: str
    """The release that has the UPRN."""
    reconciled_at: datetime

"""Events of the addresses block."""

from datetime import datetime

from .base import Event, Key

RELEASES = "addresses.releases"


class ReleasePublished(Event, type="addresses.release.published", version=1, topic=RELEASES):
    """A release of the gazetteer has gone live: every replica answers from it."""

    release: str = Key()
    premises: int
    postcodes: int
    content_hash: str
    """SHA-256 over the release's files, hexadecimal."""
    published_at: datetime

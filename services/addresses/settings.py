"""Settings of the addresses service (`ADDRESSES_...`)."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.crypto import FernetKeys
from shared.settings import ServiceSettings, prefixed

from .gazetteer.distribution.object_store import refuse_odd_url


class ApiKey(BaseModel):
    """A key for the OS Places API; the service knows only its hash. Make the key long and random, and show it to its holder once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    borough: str = Field(pattern=r"^E09\d{6}$")
    """GSS code of the borough that holds the key."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the key, hexadecimal: `printf %s KEY | sha256sum`."""


class Settings(ServiceSettings):
    """Settings of the addresses service, read at start."""

    model_config = prefixed("ADDRESSES_")

    secret_key: FernetKeys
    """Key that encrypts typed text (provisional addresses, reports) in the database. To rotate, put a new key in front of the old ones,
    separated by commas; old keys only decrypt."""
    data_dir: Path = Path(".blocks/addresses")
    """Folder of the releases. Replicas may share it; one builds, the others wait."""
    releases: str = ""
    """URL of the release store: `s3://bucket/prefix` (keys and endpoint in the `AWS_...` variables) or `file:///mounted/volume`. Replicas
    download the store's live release into their data dirs, and build none. Empty: no store, only the data dir."""
    releases_poll_seconds: float = Field(default=10, ge=0.1, le=3600)
    """Seconds between polls of the release store."""
    premises_seed: int = 1
    """Seed of the synthetic premises: another seed makes other streets, names and UPRNs."""
    api_keys: tuple[ApiKey, ...] = ()
    """Keys of the OS Places API, JSON: `[{"name": "web team", "borough": "E09000012", "sha256": "..."}]`. It accepts tokens too."""
    match_jobs_hours: float = Field(default=24, gt=0, le=24 * 30)
    """Hours after which the database deletes the rows and results of a match job, which are personal data."""
    typed_days: float = Field(default=90, gt=0, le=3650)
    """Days that typed text stays after a provisional address has its UPRN, or a report is resolved or rejected."""
    places_per_minute: int = Field(default=60_000, ge=1)
    """Requests a minute that one key or client may make to the OS Places API; each replica counts for itself."""

    @field_validator("releases")
    @classmethod
    def _names_a_store(cls, url: str) -> str:
        if url:
            refuse_odd_url(url)
        return url

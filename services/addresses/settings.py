"""Settings of the addresses service (`ADDRESSES_...`)."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.crypto import FernetKeys
from shared.settings import ServiceSettings, prefixed

from .gazetteer.distribution.object_store import refuse_odd_url


class ApiKey(BaseModel):
    """A key for OS Places' surface, known by its hash alone. Make the key long and random, and show it to its holder once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    borough: str = Field(pattern=r"^E09\d{6}$")
    """GSS code of the borough that holds it."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the key, hexadecimal: `printf %s KEY | sha256sum`."""


class Settings(ServiceSettings):
    """What the addresses service is told at start."""

    model_config = prefixed("ADDRESSES_")

    secret_key: FernetKeys
    """What people typed (provisional addresses, reports) is stored encrypted under it. A new key is put in front of the old ones,
    comma-separated, which then only decrypt."""
    data_dir: Path = Path(".blocks/addresses")
    """Where releases are kept. Replicas may share it; one builds, the others wait."""
    releases: str = ""
    """Where releases come from: `s3://bucket/prefix` (keys and endpoint in the `AWS_...` variables) or `file:///mounted/volume`. Replicas
    follow what is live there, each in its data dir, and build none. Empty: the data dir alone."""
    releases_poll_seconds: float = Field(default=10, ge=0.1, le=3600)
    """How often the store of releases is asked for a newer one."""
    premises_seed: int = 1
    """The seed of the made-up premises: another seed makes other streets, names and UPRNs."""
    api_keys: tuple[ApiKey, ...] = ()
    """Keys of OS Places' surface, JSON: `[{"name": "web team", "borough": "E09000012", "sha256": "..."}]`. Tokens are accepted too."""
    match_jobs_hours: float = Field(default=24, gt=0, le=24 * 30)
    """How long the rows and results of a match job are kept: they are personal data."""
    typed_days: float = Field(default=90, gt=0, le=3650)
    """How long what people typed is kept after it served: after a provisional address has its UPRN, or a report is resolved or rejected."""
    places_per_minute: int = Field(default=60_000, ge=1)
    """Requests that one key or client may make of OS Places' surface; counted by each replica for itself."""

    @field_validator("releases")
    @classmethod
    def _names_a_store(cls, url: str) -> str:
        if url:
            refuse_odd_url(url)
        return url

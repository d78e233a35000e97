"""Settings of the addresses service (`ADDRESSES_...`)."""

from pathlib import Path

from shared.settings import ServiceSettings, prefixed


class Settings(ServiceSettings):
    """What the addresses service is told at start."""

    model_config = prefixed("ADDRESSES_")

    data_dir: Path = Path(".blocks/addresses")
    """Where releases are kept. Replicas may share it; one builds, the others wait."""
    premises_seed: int = 1
    """The seed of the made-up premises: another seed makes other streets, names and UPRNs."""

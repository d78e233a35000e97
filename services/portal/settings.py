"""What the portal is told at start; every name is `PORTAL_<FIELD>`."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings, prefixed


class Settings(ServiceSettings):
    """Settings of the portal."""

    model_config = prefixed("PORTAL_")

    blocks: dict[str, str] = Field(default_factory=dict)
    """Name and address of each block and app, as a JSON object, in the order in which they are shown."""
    capture: bool = False
    """Whether the capture providers run: an SMTP server and a text provider that deliver to a page instead of to people."""
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=1025, ge=0, le=65535)
    smtp_most_connections: int = Field(default=100, ge=1)
    capture_days: float = Field(default=7.0, gt=0)
    """How long captured messages are kept."""
    pages_key: SecretStr = SecretStr("")
    """Signs form tokens; the portal's pages have no forms that change anything, so it may stay empty on one machine."""

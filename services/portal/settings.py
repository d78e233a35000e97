"""Settings of the portal; every environment variable is `PORTAL_<FIELD>`."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings, prefixed


class Settings(ServiceSettings):
    """Settings of the portal."""

    model_config = prefixed("PORTAL_")

    blocks: dict[str, str] = Field(default_factory=dict)
    """Name and address of each block and app, as a JSON object, in display order."""
    capture: bool = False
    """Whether the capture providers run: an SMTP server and a text provider that show messages on a page and deliver none."""
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=1025, ge=0, le=65535)
    smtp_most_connections: int = Field(default=100, ge=1)
    capture_days: float = Field(default=7.0, gt=0)
    """Days for which the portal keeps captured messages."""
    pages_key: SecretStr = SecretStr("")
    """Signs form tokens. It may stay empty on one machine, because no form of the portal changes anything."""

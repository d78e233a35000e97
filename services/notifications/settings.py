"""Settings of notifications; every environment variable is `NOTIFICATIONS_<FIELD>`."""

from typing import Literal

from pydantic import Field, SecretStr

from shared.crypto import FernetKeys
from shared.settings import ServiceSettings, prefixed


class Settings(ServiceSettings):
    """Settings of the notifications service."""

    model_config = prefixed("NOTIFICATIONS_")

    secret_key: FernetKeys
    """Encrypts messages and the secrets of API keys at rest. To rotate it, put a new key in front, joined by a comma. Remove the old one
    when the log says that everything is sealed under the new one.
    """
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=1025, ge=1, le=65535)
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    """`none` is for a server on the same machine."""
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    sms_url: str = "http://127.0.0.1:8000/capture/sms"
    """The URL to which the service POSTs texts."""
    mail_domain: str = "notifications.localhost"
    """The domain of every Message-ID, which the platform must own."""
    default_sms_sender: str = Field(default="LONDON", pattern=r"^[A-Za-z0-9 ]{3,11}$")
    """The sender name of texts if the service has none (GSM alphanumeric sender)."""
    deliveries_at_once: int = Field(default=20, ge=1, le=200)
    """The most messages that one replica delivers at the same time."""
    provider_timeout: float = Field(default=15.0, gt=0)
    """Seconds in which a provider must answer."""
    rate_per_minute: int = Field(default=3000, ge=1)
    """Calls a minute that one service may make with one kind of key in the long run, counted over all replicas."""
    rate_burst: int = Field(default=1000, ge=1)
    """The most calls at once."""

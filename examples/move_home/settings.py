"""Settings of the app; every name is `MOVE_HOME_<FIELD>`."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from examples.move_home.domain.answers import BoroughCode
from shared.crypto import FernetKeys
from shared.settings import ServiceSettings, prefixed

SESSION, ATTEMPT = "move_home_session", "move_home_sign_in"


class MachineClient(BaseModel):
    """A client of identity that acts for itself (RFC 6749, section 4.4)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str
    client_secret: SecretStr


class Settings(ServiceSettings):
    """URLs of the services, and the borough's credentials for them."""

    model_config = prefixed("MOVE_HOME_")

    borough: BoroughCode = "E09000012"
    """GSS code of the borough that runs this app and answers for what it shares."""
    secret_key: FernetKeys
    """Encrypts personal data in the database and the content of our cookies."""

    addresses_url: str
    notifications_url: str
    data_sharing_url: str

    client_id: str
    """The web client for sign-in; its redirect URI is `<public_url>/sign-in/callback`."""
    client_secret: SecretStr
    addresses_client: MachineClient
    """A client of the borough that may look up addresses and nothing else."""
    shares_client: MachineClient
    """A client of the borough that may share and nothing else; its shares are this app's own."""
    inbox_clients: dict[str, MachineClient] = Field(default_factory=dict)
    """A client of each borough whose staff read their inbox here, by GSS code. It may read that inbox and nothing else."""

    notify_key: SecretStr
    """A key of notifications in GOV.UK Notify's form, `name-service_id-secret`."""
    email_template: str
    """Id that notifications gave the template of `messages.py`."""
    sms_template: str

    @property
    def notify_service(self) -> str:
        """The notifications service of the key."""
        return self.notify_key.get_secret_value()[-73:-37]

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the app by HTTPS, so that cookies may require it."""
        return self.public_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """The session cookie's name. With HTTPS its prefix keeps other hosts of the domain from setting it (RFC 6265bis, 4.1.3.2)."""
        return f"__Host-{SESSION}" if self.is_https else SESSION

    @property
    def attempt_cookie(self) -> str:
        """The name of the cookie of a running sign-in; browsers send it to the sign-in's paths alone."""
        return f"__Secure-{ATTEMPT}" if self.is_https else ATTEMPT

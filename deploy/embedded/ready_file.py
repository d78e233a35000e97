"""The ready file, by which tests, tools and examples find a running platform: a public format that docs/running.md describes."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from deploy.embedded.errors import OperatorError
from deploy.embedded.files import write_whole
from shared.kafka_access import KafkaAccess, SaslMechanism, SecurityProtocol

READY_FILE = "ready.json"
"""Its name in the data directory."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="ignore")


class MachineClient(_Section):
    """A borough's system, for client credentials."""

    borough: str
    client_id: str
    client_secret: str
    scope: str


class WebClient(_Section):
    """A citizen-facing application, for the authorization code flow."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    profile: str


class Person(_Section):
    """A person who can sign in."""

    email: str
    name: str
    uprn: str | None = None
    borough: str | None = None


class Identity(_Section):
    """The issuer, and its registered clients and people."""

    issuer: str
    machine_clients: tuple[MachineClient, ...] = ()
    web_clients: tuple[WebClient, ...] = ()
    people: tuple[Person, ...] = ()


class NotificationKeys(_Section):
    """API keys in the form of the official clients: name-service-secret."""

    live: str
    team: str
    test: str


class Notifications(_Section):
    """A demo service of notifications, ready to send."""

    base_url: str
    service_id: str
    keys: NotificationKeys
    templates: dict[str, str]
    email_reply_to_id: str
    sms_sender_id: str


class Addresses(_Section):
    """A key of the OS Places API."""

    key: str


class KafkaAuth(_Section):
    """The broker's SASL settings, under the names of Kafka clients."""

    security_protocol: SecurityProtocol
    sasl_mechanism: SaslMechanism
    username: str
    password: str

    @classmethod
    def of(cls, access: KafkaAccess) -> "KafkaAuth | None":
        """Return the section for that access; None where the broker asks for no password."""
        if not access.uses_sasl:
            return None
        return cls(password=access.password.get_secret_value(), **access.model_dump(include=cls.model_fields.keys() - {"password"}))

    @property
    def access(self) -> KafkaAccess:
        """The settings as the platform's own clients take them."""
        return KafkaAccess.model_validate(self.model_dump())


class Ready(_Section):
    """The file's content. `processes` holds process ids by service; `replicas` holds the addresses of services with several replicas."""

    version: int = 1
    urls: dict[str, str]
    engine: str | None = None
    kafka: str
    kafka_auth: KafkaAuth | None = None
    """Absent where the broker asks for no credentials."""
    mongodb: str
    processes: dict[str, list[int]]
    replicas: dict[str, list[str]] | None = None
    captured: str | None = None
    identity: Identity | None = None
    addresses: Addresses | None = None
    notifications: Notifications | None = None

    def write(self, path: Path) -> None:
        """Write the file atomically, without the sections of services that do not run."""
        write_whole(path, self.model_dump_json(exclude_none=True, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Ready":
        """Read the file at `path`. Raises OperatorError where it does not exist: no platform runs."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise OperatorError(f"No platform is running here ({path} does not exist): start one with `blocks up`.") from None

    @property
    def kafka_access(self) -> KafkaAccess:
        """How a client connects to the broker."""
        return self.kafka_auth.access if self.kafka_auth else KafkaAccess()

    @property
    def mongodb_shown(self) -> str:
        """The database's address without credentials."""
        parts = urlsplit(self.mongodb)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def engine_shown(self) -> str:
        """The database engine, for people."""
        return f"SecantusDB, {self.engine}" if self.engine else "given"

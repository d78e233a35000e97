"""Settings of a service: one environment prefix each, secrets from files, nothing unknown."""

import os
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_network
from typing import Literal, Self
from uuid import uuid4

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.kafka_access import KafkaAccess, SaslMechanism, SecurityProtocol

INBOX_DAYS = 14
"""Life of an inbox row: so long a consumer knows that it has handled an event."""
STORED_REPLY_DAYS = 8
"""How long the reply to a request with an `Idempotency-Key` is kept: longer than the platform repeats a call (`shared.commands`)."""
MAX_RETENTION_HOURS = (INBOX_DAYS - 1) * 24.0


class Role(StrEnum):
    """What a process does, so that HTTP and background work scale apart."""

    API = "api"
    WORKER = "worker"
    ALL = "all"


class SettingsError(ValueError):
    """A setting is wrong. The message is one line that says what to do."""


def prefixed(prefix: str) -> SettingsConfigDict:
    """The pydantic-settings configuration of a service whose environment variables start with `prefix`.

    `<PREFIX>SECRETS_DIR` names a folder in which each file, named as its variable in lower case, holds one secret.
    """
    return SettingsConfigDict(env_prefix=prefix, secrets_dir=os.environ.get(f"{prefix}SECRETS_DIR"), frozen=True, extra="ignore")


class ServiceSettings(BaseSettings):
    """What every service is told at start. Derive, set `model_config = prefixed("NAME_")`, add fields."""

    name: str = ""
    """The service's name, filled in from the prefix."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    role: Role = Role.ALL
    public_url: str = ""
    """The address under which clients reach this service; `http://host:port` when empty."""
    mongodb: SecretStr = SecretStr("mongodb://127.0.0.1:27017/")
    """Connection string; secret because it may hold a password."""
    database: str = ""
    """Database name; the service's name when empty."""
    driver: Literal["motor", "pymongo"] = "motor"
    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, comma-separated."""
    kafka_security_protocol: SecurityProtocol = "PLAINTEXT"
    """Whether the brokers are reached by TLS (`SSL`, `SASL_SSL`) and ask for a password (`SASL_PLAINTEXT`, `SASL_SSL`)."""
    kafka_sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca_file: str = ""
    """PEM file of the authorities that sign brokers' certificates; the system's own when empty."""
    kafka_certificate_file: str = ""
    """PEM file of this service's own certificate, with `kafka_key_file`, for brokers that ask for one."""
    kafka_key_file: str = ""
    topic_prefix: str = ""
    """Put before every topic and consumer group, so that several platforms can share a broker."""
    partitions: int = Field(default=3, ge=1)
    """Partitions of the topics that this service creates where they do not exist."""
    topic_retention_hours: float = Field(default=168.0, gt=0, le=MAX_RETENTION_HOURS)
    """How long the topics that this service uses keep an event. Shorter than the life of inbox rows: an event that is read again after its
    inbox row has expired would take effect twice."""
    replication: int = Field(default=1, ge=1)
    """Replication factor of the topics that this service creates."""
    broker_durable: bool = True
    """Whether the broker survives a restart with its messages. Where it does not, published rows are kept and published again."""
    outbox_retention_hours: float = Field(default=24.0, gt=0)
    """How long published rows are kept where the broker does not keep them."""
    instance: str = Field(default_factory=lambda: uuid4().hex[:12])
    """This replica's name; a stable one gives static Kafka group membership."""
    static_membership: bool = False
    trusted_proxies: str = ""
    """Addresses and networks of reverse proxies, comma-separated. A caller's address is taken from `X-Forwarded-For` where a request
    comes from one of them, and from the connection everywhere else. None by default: anyone can write that header."""
    issuer: str = "http://127.0.0.1:8001"
    """The identity service whose access tokens are accepted."""
    jwks_url: str = ""
    """Where the issuer's keys are; `<issuer>/.well-known/jwks.json` when empty. `file:` URLs are read once."""
    audience: str = ""
    """The `aud` that access tokens must carry; `urn:london-blocks:<name>` when empty."""
    requests_per_minute: int = Field(default=30_000, ge=0)
    """Requests that one client, or one person through it, may make with access tokens, counted over all replicas. 0: no limit."""
    otlp_endpoint: str = ""
    """Base URL of an OTLP/HTTP receiver; empty means that no spans or metrics are exported."""
    trace_sample: float = Field(default=1.0, ge=0, le=1)
    """Share of new traces that are recorded where an exporter is set; a caller's own decision is followed."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    seed_file: str = ""
    """JSON file of first data, loaded at start; loading it again changes nothing."""

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in filter(None, (part.strip() for part in value.split(","))):
            if ip_network(network, strict=False).prefixlen == 0:
                raise ValueError("must name the proxies, not every address")
        return value

    @model_validator(mode="after")
    def _fill_from_name(self) -> Self:
        name = self.name or str(self.model_config.get("env_prefix", "")).rstrip("_").lower() or "service"
        filled = {
            "name": name,
            "database": self.database or name,
            "public_url": self.public_url.rstrip("/") or f"http://{self.host}:{self.port}",
            "jwks_url": self.jwks_url or f"{self.issuer.rstrip('/')}/.well-known/jwks.json",
            "audience": self.audience or f"urn:london-blocks:{name}",
        }
        for field, value in filled.items():
            object.__setattr__(self, field, value)
        return self

    @property
    def kafka_access(self) -> KafkaAccess:
        """What the brokers ask of their clients. Raises `ValidationError` where the settings contradict each other."""
        fields = KafkaAccess.model_fields
        return KafkaAccess.model_validate({field: getattr(self, f"kafka_{field}") for field in fields})

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the environment. Raises `SettingsError` for a wrong value or an unknown variable with our prefix."""
        prefix = str(cls.model_config.get("env_prefix", ""))
        known = {f"{prefix}{field}".upper() for field in cls.model_fields} | {f"{prefix}SECRETS_DIR"}
        for variable in os.environ:
            if prefix and variable.startswith(prefix) and variable.upper() not in known:
                near = get_close_matches(variable, known, n=1)
                raise SettingsError(f"Unknown setting {variable}{f': did you mean {near[0]}?' if near else '.'}")
        try:
            settings = cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            field = "_".join(str(part) for part in first["loc"])
            raise SettingsError(f"Setting {prefix}{field.upper()}: {first['msg']}") from None
        try:
            _ = settings.kafka_access
        except ValidationError as error:
            message = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
            raise SettingsError(f"Settings {prefix}KAFKA_*: {message}.") from None
        return settings

"""Settings of a service, from environment variables with a prefix and from secret files. Unknown variables are errors."""

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
"""Days for which a consumer remembers that it handled an event."""
STORED_REPLY_DAYS = 8
"""Days for which a service keeps the reply to a request with an `Idempotency-Key`: longer than the platform repeats a call
(`shared.commands`).
"""
MAX_RETENTION_HOURS = (INBOX_DAYS - 1) * 24.0


class Role(StrEnum):
    """The role of a process, so that HTTP and background work scale separately."""

    API = "api"
    WORKER = "worker"
    ALL = "all"


class SettingsError(ValueError):
    """A wrong setting. The message is one line with the remedy."""


def prefixed(prefix: str) -> SettingsConfigDict:
    """Return the pydantic-settings configuration of a service whose environment variables start with `prefix`.

    `<PREFIX>SECRETS_DIR` names a folder in which each file, named as its variable in lower case, holds one secret.
    """
    return SettingsConfigDict(env_prefix=prefix, secrets_dir=os.environ.get(f"{prefix}SECRETS_DIR"), frozen=True, extra="ignore")


class ServiceSettings(BaseSettings):
    """Settings of every service. Derive, set `model_config = prefixed("NAME_")`, and add fields."""

    name: str = ""
    """The service's name; the prefix when empty."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    role: Role = Role.ALL
    public_url: str = ""
    """The URL under which clients reach this service; `http://host:port` when empty."""
    mongodb: SecretStr = SecretStr("mongodb://127.0.0.1:27017/")
    """Connection string; secret because it may hold a password."""
    database: str = ""
    """Database name; the service's name when empty."""
    driver: Literal["motor", "pymongo"] = "motor"
    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, comma-separated."""
    kafka_security_protocol: SecurityProtocol = "PLAINTEXT"
    """The brokers' security: TLS (`SSL`, `SASL_SSL`) and passwords (`SASL_PLAINTEXT`, `SASL_SSL`)."""
    kafka_sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca_file: str = ""
    """PEM file of the authorities that sign brokers' certificates; the system's own when empty."""
    kafka_certificate_file: str = ""
    """PEM file of this service's own certificate, with `kafka_key_file`, for brokers that ask for one."""
    kafka_key_file: str = ""
    topic_prefix: str = ""
    """Prefix of every topic and consumer group, so that several platforms can share a broker."""
    partitions: int = Field(default=3, ge=1)
    """Partitions of the topics that this service creates."""
    topic_retention_hours: float = Field(default=168.0, gt=0, le=MAX_RETENTION_HOURS)
    """Hours for which topics keep an event. Shorter than the life of inbox rows: an event that comes again after its inbox row expired
    would take effect twice.
    """
    replication: int = Field(default=1, ge=1)
    """Replication factor of the topics that this service creates."""
    broker_durable: bool = True
    """Whether the broker keeps its messages over a restart. If not, the relay keeps published rows and can publish them again."""
    outbox_retention_hours: float = Field(default=24.0, gt=0)
    """Hours for which the relay keeps published rows if the broker is not durable."""
    instance: str = Field(default_factory=lambda: uuid4().hex[:12])
    """This replica's name; a stable one gives static Kafka group membership."""
    static_membership: bool = False
    trusted_proxies: str = ""
    """Addresses and networks of reverse proxies, separated by commas; none by default. The service reads a caller's address from
    `X-Forwarded-For` if the request comes from one of them, and from the connection if not, because anyone can write that header.
    """
    issuer: str = "http://127.0.0.1:8001"
    """The identity service that issues access tokens."""
    jwks_url: str = ""
    """URL of the issuer's keys; `<issuer>/.well-known/jwks.json` when empty. The service reads a `file:` URL once."""
    audience: str = ""
    """The `aud` that access tokens must carry; `urn:london-blocks:<name>` when empty."""
    requests_per_minute: int = Field(default=30_000, ge=0)
    """Requests a minute with access tokens of one client, or of one person through it, over all replicas; 0 sets no limit."""
    otlp_endpoint: str = ""
    """Base URL of an OTLP/HTTP receiver. When empty, the service exports no spans or metrics."""
    trace_sample: float = Field(default=1.0, ge=0, le=1)
    """Share of new traces that an exporter gets. A trace from a caller keeps the caller's decision."""
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
        """The brokers' requirements of their clients. Raises `ValidationError` if the settings contradict each other."""
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

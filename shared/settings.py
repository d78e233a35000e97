"""Settings of a service: one environment prefix each, secrets from files, nothing unknown."""

import os
from difflib import get_close_matches
from enum import StrEnum
from typing import Literal, Self
from uuid import uuid4

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    topic_prefix: str = ""
    """Put before every topic and consumer group, so that several platforms can share a broker."""
    partitions: int = Field(default=3, ge=1)
    """Partitions of the topics that this service creates where they do not exist."""
    replication: int = Field(default=1, ge=1)
    """Replication factor of the topics that this service creates."""
    broker_keeps: bool = True
    """Whether the broker survives a restart with its messages. Where it does not, published rows are kept and published again."""
    outbox_retention_hours: float = Field(default=24.0, gt=0)
    """How long published rows are kept where the broker does not keep them."""
    instance: str = Field(default_factory=lambda: uuid4().hex[:12])
    """This replica's name; a stable one gives static Kafka group membership."""
    static_membership: bool = False
    issuer: str = "http://127.0.0.1:8001"
    """The identity service whose access tokens are accepted."""
    jwks_url: str = ""
    """Where the issuer's keys are; `<issuer>/.well-known/jwks.json` when empty. `file:` URLs are read once."""
    audience: str = ""
    """The `aud` that access tokens must carry; `urn:london-blocks:<name>` when empty."""
    requests_per_minute: int = Field(default=30_000, ge=0)
    """Requests that one client, or one person through it, may make with access tokens; each process counts for itself. 0: no limit."""
    otlp_endpoint: str = ""
    """Base URL of an OTLP/HTTP receiver; empty means that no spans or metrics are exported."""
    trace_sample: float = Field(default=1.0, ge=0, le=1)
    """Share of new traces that are recorded where an exporter is set; a caller's own decision is followed."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    seed_file: str = ""
    """JSON file of first data, loaded at start; loading it again changes nothing."""

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
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            field = "_".join(str(part) for part in first["loc"])
            raise SettingsError(f"Setting {prefix}{field.upper()}: {first['msg']}") from None

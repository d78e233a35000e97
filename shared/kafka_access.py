"""How a client shows a Kafka broker who it is, and how it knows the broker: SASL and TLS in one value.

Needs no Kafka client, so that settings, the runner and tools share it. Names and values are Kafka's own (`security.protocol`,
`sasl.mechanism`; Apache Kafka documentation, section Security).
"""

import ssl
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class KafkaAccess(BaseModel):
    """Credentials for one Kafka cluster; the default is a broker that asks for nothing, without encryption.

    Raises `ValidationError` for a protocol without what it needs, and for a file that does not exist.
    """

    model_config = ConfigDict(frozen=True)

    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: str = ""
    """PEM file of the authorities that sign brokers' certificates; the system's own when empty."""
    certificate_file: str = ""
    """PEM file of the client's certificate chain, for brokers that ask for one (mutual TLS)."""
    key_file: str = ""
    """PEM file of that certificate's private key."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.uses_sasl and not (self.username and self.password.get_secret_value()):
            raise ValueError(f"{self.security_protocol} needs a username and a password")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("a client certificate needs its certificate file and its key file")
        for file in (self.ca_file, self.certificate_file, self.key_file):
            if file and not Path(file).is_file():
                raise ValueError(f"there is no file {file}")
        return self

    @property
    def uses_sasl(self) -> bool:
        """Whether the broker asks for a username and a password."""
        return self.security_protocol.startswith("SASL")

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted and the broker shows a certificate."""
        return self.security_protocol.endswith("SSL")

    def ssl_context(self) -> ssl.SSLContext | None:
        """The context that checks the broker's certificate and host name; None without TLS."""
        if not self.uses_tls:
            return None
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context

    def client_options(self) -> dict[str, Any]:
        """The arguments of every aiokafka client (producer, consumer, admin) beside its bootstrap servers."""
        options: dict[str, Any] = {"security_protocol": self.security_protocol, "ssl_context": self.ssl_context()}
        if self.uses_sasl:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return options

    def as_settings(self) -> dict[str, Any]:
        """The settings of a service that uses this access: text by field of `ServiceSettings`."""
        values = {f"kafka_{field}": str(getattr(self, field)) for field in type(self).model_fields}
        return {**values, "kafka_password": self.password.get_secret_value()}

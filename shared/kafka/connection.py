"""How FastStream's brokers reach Kafka."""

from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.kafka_access import KafkaAccess
from shared.settings import ServiceSettings

METADATA_MAX_AGE_MS = 5000
"""Milliseconds until a consumer reads again from a topic that was created anew."""
_MECHANISMS = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def connection(settings: ServiceSettings) -> dict[str, Any]:
    """The arguments of a consumer's `KafkaBroker` that name the broker and the client."""
    return {
        "bootstrap_servers": settings.kafka,
        "client_id": f"{settings.name}-{settings.instance}",
        "security": security_of(settings.kafka_access),
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
    }


def security_of(access: KafkaAccess) -> BaseSecurity:
    """The `security` argument of a `KafkaBroker` that connects with this access."""
    context = access.ssl_context()
    if not access.uses_sasl:
        return BaseSecurity(ssl_context=context, use_ssl=access.uses_tls)
    mechanism = _MECHANISMS[access.sasl_mechanism]
    return mechanism(access.username, access.password.get_secret_value(), ssl_context=context, use_ssl=access.uses_tls)

"""FastStream's form of a `KafkaAccess`."""

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.kafka_access import KafkaAccess

_MECHANISMS = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def security_of(access: KafkaAccess) -> BaseSecurity:
    """The `security` argument of a `KafkaBroker` that connects with this access."""
    context = access.ssl_context()
    if not access.uses_sasl:
        return BaseSecurity(ssl_context=context, use_ssl=access.uses_tls)
    mechanism = _MECHANISMS[access.sasl_mechanism]
    return mechanism(access.username, access.password.get_secret_value(), ssl_context=context, use_ssl=access.uses_tls)

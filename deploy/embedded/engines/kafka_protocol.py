"""Checks in the Kafka protocol whether a broker answers, embedded or external."""

import asyncio
import contextlib
import os

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from deploy.embedded.errors import OperatorError
from deploy.embedded.ports import LOOPBACK
from shared.kafka_access import KafkaAccess

OPEN = KafkaAccess()
"""Access to a broker that asks for no credentials."""


def access_from_environment() -> KafkaAccess:
    """Read an external broker's access from `KAFKA_SECURITY_PROTOCOL`, `KAFKA_SASL_MECHANISM`, `KAFKA_USERNAME`, `KAFKA_PASSWORD`,
    `KAFKA_CA_FILE`, `KAFKA_CERTIFICATE_FILE` and `KAFKA_KEY_FILE`. Raises OperatorError where they contradict each other.
    """
    given = {field: value for field in KafkaAccess.model_fields if (value := os.environ.get(f"KAFKA_{field.upper()}"))}
    try:
        return KafkaAccess.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = f"KAFKA_{'_'.join(str(part) for part in first['loc']).upper() or '*'}"
        raise OperatorError(f"{where}: {first['msg'].removeprefix('Value error, ')}.") from None


async def broker_answers(port: int, access: KafkaAccess = OPEN) -> bool:
    """Return whether the broker on `port` returns metadata that lists itself."""
    if not await _listens(port):
        return False
    client = AIOKafkaClient(bootstrap_servers=f"{LOOPBACK}:{port}", request_timeout_ms=2_000, **access.client_options())
    try:
        await asyncio.wait_for(client.bootstrap(), timeout=3)
        return any(broker.port == port for broker in client.cluster.brokers())
    except (KafkaError, TimeoutError, OSError):
        return False
    finally:
        await client.close()


async def check_kafka(address: str, access: KafkaAccess = OPEN) -> None:
    """Raise OperatorError unless a broker at `address` accepts these credentials and returns its metadata."""
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=5_000, **access.client_options())
    try:
        await client.bootstrap()
    except (KafkaError, OSError, ValueError) as error:
        raise OperatorError(
            f"Kafka at {address} does not answer: is it running, and is the address of --kafka right?{_credentials_hint(access)}"
        ) from error
    finally:
        await client.close()


def _credentials_hint(access: KafkaAccess) -> str:
    """Name the settings to check: a broker closes the connection without a reason when it refuses a password or certificate."""
    if access == OPEN:
        return " A broker that asks for TLS or a password needs KAFKA_SECURITY_PROTOCOL and what goes with it."
    return f" Check the KAFKA_* variables too: {access.security_protocol} was used."


async def _listens(port: int) -> bool:
    """Try a plain connection first: the Kafka client logs an error for each early attempt."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True

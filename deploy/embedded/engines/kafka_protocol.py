"""Whether a Kafka broker is there, ours or one that others run: asked in its own protocol."""

import asyncio
import contextlib

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from deploy.embedded.errors import OperatorError
from deploy.embedded.ports import LOOPBACK


async def broker_answers(port: int) -> bool:
    """Whether the broker on `port` gives its metadata and names itself as a member of the cluster."""
    if not await _listens(port):
        return False
    client = AIOKafkaClient(bootstrap_servers=f"{LOOPBACK}:{port}", request_timeout_ms=2_000)
    try:
        await asyncio.wait_for(client.bootstrap(), timeout=3)
        return any(broker.port == port for broker in client.cluster.brokers())
    except (KafkaError, TimeoutError, OSError):
        return False
    finally:
        await client.close()


async def check_kafka(address: str) -> None:
    """Raise OperatorError unless a broker gives its metadata at `address`."""
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=5_000)
    try:
        await client.bootstrap()
    except (KafkaError, OSError, ValueError) as error:
        raise OperatorError(f"Kafka at {address} does not answer: is it running, and is the address of --kafka right?") from error
    finally:
        await client.close()


async def _listens(port: int) -> bool:
    """A plain connection first: the client would log an error for each time that it is too early."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
